from .config import EncoderConfig as EncoderConfig
from .keras_hub import KerasHubConfig as KerasHubConfig
from .transformer import build_transformer as build_transformer
