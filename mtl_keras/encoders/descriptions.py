"""Makes tokenizers and encoder shapes from the plain values that describe them."""

from typing import Any

import keras

from mtl_keras.encoders.tokenizers.byte_pair import BytePairTokenizer
from mtl_keras.encoders.tokenizers.sentence_piece import SentencePieceTokenizer
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.encoders.transformer.keras_hub import KerasHubConfig

# Version 0.1.0 stored no class names. Each of these settings occurs in one class only.
_CLASS_BY_SETTING: dict[str, type[Tokenizer] | type[EncoderConfig]] = {
    "lowercase": WordpieceTokenizer,
    "merges": BytePairTokenizer,
    "model": SentencePieceTokenizer,
    "backbone": KerasHubConfig,
    "hidden_dim": EncoderConfig,
}


def described(config: dict[str, Any]) -> Any:
    """The tokenizer or shape that a config describes, from this version or 0.1.0."""
    if "class_name" in config:
        return keras.saving.deserialize_keras_object(config)
    kind = next(kind for setting, kind in _CLASS_BY_SETTING.items() if setting in config)
    return kind.from_config(config)
