from .byte_pair import BytePairTokenizer as BytePairTokenizer
from .sentence_piece import SentencePieceTokenizer as SentencePieceTokenizer
from .tokenizer import Tokenizer as Tokenizer
from .wordpiece import WordpieceTokenizer as WordpieceTokenizer
