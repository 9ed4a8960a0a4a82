"""An encoder as its source has it."""

from dataclasses import dataclass

import keras

from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.transformer.config import EncoderConfig


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder as its source publishes it.

    Args:
        tokenizer: splits strings into word pieces.
        transformer: with the published weights.
        config: the transformer's shape.
        normalize: whether the source scales sentence embeddings to length 1. The transformer itself
            does not.
    """

    tokenizer: Tokenizer
    transformer: keras.Model
    config: EncoderConfig
    normalize: bool = False
