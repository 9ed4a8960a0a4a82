"""The encoder of a model that was trained here, out of its `.keras` file."""

import dataclasses
import zipfile
from pathlib import Path

import keras

from mtl_keras.distribution import replicas
from mtl_keras.encoders.pretrained.damage import reading
from mtl_keras.encoders.pretrained.keras_file import MODEL, load_keras_file
from mtl_keras.encoders.pretrained.loaded_encoder import LoadedEncoder
from mtl_keras.encoders.transformer.config import EncoderConfig, check_pooling
from mtl_keras.encoders.transformer.transformer import build_transformer
from mtl_keras.errors import InputError


def load_trained(
    path: Path, max_length: int | None, pooling: str | None, dtype: str | None
) -> LoadedEncoder:
    """The encoder of a `.keras` file: the blocks that its heads read, with what they have learnt.

    Args:
        path: of the file.
        max_length: longest input in word pieces, the model's own when None.
        pooling: instead of the model's own. A pooler is there only if a head reads it: the file has
            the weights of no other.
        dtype: Keras dtype policy of the transformer, the global one when None.

    Raises:
        InputError: the file is damaged, refused as unsafe, or of another model.
    """
    with reading(path.name):
        if not zipfile.is_zipfile(path):
            raise InputError(f"{path.name} is no .keras file; give one that model.save wrote")
        model = load_keras_file(path, compile=False)
        if keras.saving.get_registered_name(type(model)) != MODEL:
            raise InputError(f"{path.name} is not a MultiTaskModel but {type(model).__name__}")
    encoder = model.encoder
    config = _config(encoder.config, pooling)
    transformer = build_transformer(config, dtype, initialize=False)
    for new, old in zip(transformer.weights, encoder.transformer.weights, strict=True):
        replicas.put(new, replicas.value_of(old))
    settings = encoder.tokenizer.get_config()
    settings["max_length"] = settings["max_length"] if max_length is None else max_length
    tokenizer = type(encoder.tokenizer).from_config(settings)
    return LoadedEncoder(tokenizer, transformer, config, encoder.normalize)


def _config(config: EncoderConfig, pooling: str | None) -> EncoderConfig:
    if pooling is None:
        return config
    check_pooling(pooling, config.pooler)
    return dataclasses.replace(config, pooling=pooling)
