from .byte_pair import BytePairTokenizer as BytePairTokenizer
from .normalization import BertNormalization as BertNormalization
from .normalization import FastNormalization as FastNormalization
from .normalization import TfHubNormalization as TfHubNormalization
from .sentence_piece import SentencePieceTokenizer as SentencePieceTokenizer
from .tokenizer import Tokenizer as Tokenizer
from .wordpiece import WordpieceTokenizer as WordpieceTokenizer
