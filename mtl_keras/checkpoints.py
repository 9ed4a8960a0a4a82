"""Published files, opened: the tensors, settings and vocabulary of a folder."""

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import tensorflow as tf
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

from mtl_keras.encoders import POOLINGS, EncoderConfig
from mtl_keras.errors import InputError
from mtl_keras.families import HUGGING_FACE_FAMILIES, TF_HUB_BERT, Family

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """An opened folder.

    Args:
        family: the table that its tensors follow.
        shapes: name in the table → shape, for all tensors but those that the table ignores.
        read: name in the table → the tensor. Tensors are read one by one.
        settings: fields of `EncoderConfig` that the files state.
        vocabulary: the word pieces, in the order of their ids.
        lowercase: whether letters are lower-cased and lose their accents.
        normalize: whether sentence embeddings are scaled to length 1.
    """

    family: Family
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str], np.ndarray]
    settings: Mapping[str, Any]
    vocabulary: list[str]
    lowercase: bool
    normalize: bool = False


def open_checkpoint(folder: Path) -> Checkpoint:
    """Opens a TF Hub SavedModel or a Hugging Face folder, whichever it is.

    Raises:
        InputError: it is neither, or damaged, or of an architecture that has no table.
    """
    if (folder / "saved_model.pb").is_file():
        return _open_saved_model(folder)
    if (folder / "config.json").is_file():
        with reading("a .json file"):
            return _open_hugging_face(folder)
    raise InputError("holds neither saved_model.pb (TF Hub) nor config.json (Hugging Face)")


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turns any failure to read files into an `InputError` of one line."""
    try:
        yield
    except InputError:
        raise
    except (
        *(OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError),
        *(tf.errors.OpError, DecodeError, safetensors.SafetensorError),
    ) as error:
        raise InputError(
            f"{what} cannot be read ({first_line(error)}); fetch a fresh copy"
        ) from None


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _open_saved_model(folder: Path) -> Checkpoint:
    with reading("saved_model.pb"):
        graphs = saved_model_pb2.SavedModel.FromString(
            (folder / "saved_model.pb").read_bytes()
        ).meta_graphs
    assets = [asset.filename for graph in graphs for asset in graph.asset_file_def]
    if not assets:
        raise InputError("saved_model.pb names no vocabulary among its assets; it needs one")
    with reading("the folder 'variables'"):
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        keys = _checkpoint_keys(reader)
        names = _names_in_table(TF_HUB_BERT, keys)
        shapes = reader.get_variable_to_shape_map()
        lowercase = bool(reader.get_tensor(f"do_lower_case{VALUE}"))
    return Checkpoint(
        family=TF_HUB_BERT,
        shapes={name: tuple(shapes[keys[original]]) for name, original in names.items()},
        read=lambda name: reader.get_tensor(keys[names[name]]),
        settings=TF_HUB_BERT.settings,
        vocabulary=_read_vocabulary(folder / "assets" / assets[0]),
        lowercase=lowercase,
    )


def _checkpoint_keys(reader) -> dict[str, str]:
    """Name of each variable → its key in the checkpoint."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
    )
    values = [value for node in graph.nodes for value in node.attributes]
    return {value.full_name: value.checkpoint_key for value in values}


def _open_hugging_face(folder: Path) -> Checkpoint:
    config = _read_json(folder / "config.json")
    model_type = config.get("model_type")
    if not isinstance(model_type, str) or model_type not in HUGGING_FACE_FAMILIES:
        raise InputError(
            f"config.json says model_type {model_type!r}; "
            f"supported: {', '.join(HUGGING_FACE_FAMILIES)}"
        )
    family = HUGGING_FACE_FAMILIES[model_type]
    if not (folder / "model.safetensors").is_file():
        raise InputError("model.safetensors is missing; save the model in that form")
    with reading("model.safetensors"):
        file = safetensors.safe_open(folder / "model.safetensors", framework="numpy")
        names = _names_in_table(family, file.keys())
        shapes = {name: file.get_slice(original).get_shape() for name, original in names.items()}
    return Checkpoint(
        family=family,
        shapes={name: tuple(shape) for name, shape in shapes.items()},
        read=lambda name: file.get_tensor(names[name]),
        settings=_settings(family, config) | {"pooling": _find_pooling(folder)},
        normalize=any(module.endswith("Normalize") for module, _ in _modules(folder)),
        **_find_tokenizer(folder),
    )


def _names_in_table(family: Family, names: Iterable[str]) -> dict[str, str]:
    """Name in the family's table → name in the file, for the tensors that are not ignored."""
    names = list(names)
    anchors = [name for name in names if name.endswith(family.anchor)]
    if not anchors:
        raise InputError(f"is no {family.name} encoder: it has no tensor {family.anchor!r}")
    prefix = min(anchors, key=len).removesuffix(family.anchor)
    found = {}
    for original in names:
        name = original.removeprefix(prefix)
        for old, new in family.renamed.items():
            name = name.replace(old, new)
        if not any(re.fullmatch(pattern, name) for pattern in family.ignored):
            found[name] = original
    return found


def _settings(family: Family, config: dict) -> dict[str, Any]:
    for key, value in family.required.items():
        if config.get(key, value) != value:
            raise InputError(f"config.json says {key} {config[key]!r}; supported: {value!r}")
    activation = str(config.get("hidden_act"))
    if activation not in family.activations:
        raise InputError(
            f"config.json says hidden_act {activation!r}; "
            f"supported: {', '.join(family.activations)}"
        )
    types = {field.name: field.type for field in fields(EncoderConfig)}
    return {"approximate_gelu": family.activations[activation]} | {
        name: _number(config, key, types[name]) for key, name in family.config_keys.items()
    }


def _number(config: dict, key: str, kind: Any) -> int | float:
    value: Any = config.get(key)
    if type(value) not in (int, kind) or value < (kind is int):
        wanted = "a whole number from 1" if kind is int else "a number from 0"
        raise InputError(f"config.json must give {key}, {wanted}. Received: {value!r}")
    return value


def _find_pooling(folder: Path) -> str:
    """What sentence-transformers' files say of pooling; the mean where there are none."""
    pooling = "mean"
    for module, path in _modules(folder):
        if not module.endswith(("Transformer", "Pooling", "Normalize")):
            raise InputError(f"modules.json lists {module}, which is not supported")
        if module.endswith("Pooling"):
            pooling = _pooling_mode(_read_json(folder / path / "config.json"))
    return pooling


def _pooling_mode(config: dict) -> str:
    if config.get("pooling_mode") in POOLINGS:
        return config["pooling_mode"]
    modes = {"pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean"}
    chosen = [key for key, value in config.items() if key.startswith("pooling_mode") and value]
    if len(chosen) != 1 or chosen[0] not in modes:
        raise InputError(f"the pooling must be one of {', '.join(modes)}. Received: {chosen}")
    return modes[chosen[0]]


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Type and folder of each module that sentence-transformers would chain."""
    if not (folder / "modules.json").is_file():
        return []
    with reading("modules.json"):
        modules = json.loads((folder / "modules.json").read_bytes())
        return [(module["type"], module["path"]) for module in modules]


def _find_tokenizer(folder: Path) -> dict[str, Any]:
    """The vocabulary and whether it is lower-case, from whichever files say so."""
    config, fast = (
        _read_json(file) if file.is_file() else {}
        for file in (folder / "tokenizer_config.json", folder / "tokenizer.json")
    )
    normalizer = fast.get("normalizer") or {}
    lowercase = config.get("do_lower_case", normalizer.get("lowercase", True))
    strips = config.get("strip_accents", normalizer.get("strip_accents"))
    chinese = config.get("tokenize_chinese_chars", normalizer.get("handle_chinese_chars", True))
    for setting, value, supported in (
        ("strip_accents", strips, (None, lowercase)),
        ("tokenize_chinese_chars", chinese, (True,)),
        ("word_tokenizer_type", config.get("word_tokenizer_type", "basic"), ("basic",)),
    ):
        if value not in supported:
            raise InputError(f"the tokenizer has {setting} {value!r}; supported: {supported[-1]!r}")
    return {"vocabulary": _find_vocabulary(folder, fast), "lowercase": lowercase}


def _find_vocabulary(folder: Path, fast: dict) -> list[str]:
    if (folder / "vocab.txt").is_file():
        return _read_vocabulary(folder / "vocab.txt")
    model = fast.get("model") or {}
    if model.get("type") != "WordPiece":
        raise InputError("has no vocabulary: neither vocab.txt nor a WordPiece tokenizer.json")
    with reading("tokenizer.json"):
        return sorted(model["vocab"], key=model["vocab"].__getitem__)


def _read_vocabulary(file: Path) -> list[str]:
    with reading(file.name):
        lines = file.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    return [line.removesuffix("\r") for line in lines]


def _read_json(file: Path) -> dict:
    with reading(file.name):
        content = json.loads(file.read_bytes())
    if not isinstance(content, dict):
        raise InputError(f"{file.name} does not hold an object; fetch a fresh copy")
    return content
