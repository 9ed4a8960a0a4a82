"""Opens the published files in a folder: tensors, settings and vocabulary."""

import contextlib
import functools
import itertools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

from mtl_keras.encoders.pretrained.damage import check_inside, read_json, reading
from mtl_keras.encoders.pretrained.families import HUGGING_FACE_FAMILIES, TF_HUB_BERT
from mtl_keras.encoders.pretrained.family import Family
from mtl_keras.encoders.pretrained.own_settings import read_own_settings
from mtl_keras.encoders.pretrained.tensor_files import open_tensors
from mtl_keras.encoders.pretrained.vocabulary import TOKENIZERS, read_vocabulary
from mtl_keras.encoders.tokenizers.normalization import TfHubNormalization
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.encoders.transformer.config import check_number
from mtl_keras.errors import InputError
from mtl_keras.storage.regular_files import read_whole

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """An opened folder.

    Args:
        family: the table that its tensors follow.
        shapes: name in the table → shape, for all tensors that the table does not ignore.
        read: name in the table, range of rows → these rows of the tensor.
        settings: fields of `EncoderConfig` that the files specify.
        make_tokenizer: makes the tokenizer, given `max_length`.
        normalize: whether sentence embeddings are scaled to length 1.
    """

    family: Family
    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str, slice], np.ndarray]
    settings: Mapping[str, Any]
    make_tokenizer: Callable[..., Tokenizer]
    normalize: bool = False


def open_checkpoint(folder: Path) -> Checkpoint:
    """Opens a TF Hub SavedModel or a Hugging Face folder.

    Raises:
        InputError: the folder is neither, or damaged, or its architecture has no table.
    """
    if (folder / "saved_model.pb").is_file():
        return _open_saved_model(folder)
    if (folder / "config.json").is_file():
        with reading("a .json file"):
            return _open_hugging_face(folder)
    raise InputError("holds neither saved_model.pb (TF Hub) nor config.json (Hugging Face)")


def _open_saved_model(folder: Path) -> Checkpoint:
    with reading("saved_model.pb"):
        content = read_whole(folder / "saved_model.pb")
        graphs = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    assets = [asset.filename for graph in graphs for asset in graph.asset_file_def]
    if not assets:
        raise InputError("saved_model.pb names no vocabulary among its assets; it needs one")
    check_inside(assets[0], "saved_model.pb")
    with reading("the folder 'variables'"):
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        keys = _checkpoint_keys(reader)
        names = _names_in_table(TF_HUB_BERT, keys)
        shapes = reader.get_variable_to_shape_map()
        _check_stored(folder / "variables", shapes, reader.get_variable_to_dtype_map())
        lowercase = bool(reader.get_tensor(f"do_lower_case{VALUE}"))
    return Checkpoint(
        family=TF_HUB_BERT,
        shapes={name: tuple(shapes[keys[original]]) for name, original in names.items()},
        read=lambda name, rows: reader.get_tensor(keys[names[name]])[rows],
        settings=TF_HUB_BERT.settings,
        make_tokenizer=functools.partial(
            WordpieceTokenizer,
            read_vocabulary(folder / "assets" / assets[0]),
            lowercase=lowercase,
            normalization=TfHubNormalization(),
        ),
    )


def _check_stored(folder: Path, shapes: Mapping, dtypes: Mapping) -> None:
    """Checks that the files are as large as the shapes of their variables require."""
    described = sum(math.prod(shape) * dtypes[name].size for name, shape in shapes.items())
    stored = sum(file.stat().st_size for file in folder.glob("variables.data-*"))
    if described > stored:
        raise InputError(
            f"the variables have {described:,} bytes, but {stored:,} are stored; fetch a fresh copy"
        )


def _checkpoint_keys(reader: Any) -> dict[str, str]:
    """Name of each variable → its key in the checkpoint."""
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
    )
    values = [value for node in graph.nodes for value in node.attributes]
    return {value.full_name: value.checkpoint_key for value in values}


def _open_hugging_face(folder: Path) -> Checkpoint:
    config = read_json(folder / "config.json")
    model_type = _value(config, "model_type", HUGGING_FACE_FAMILIES)
    if not isinstance(model_type, str) or model_type not in HUGGING_FACE_FAMILIES:
        raise InputError(
            f"config.json says model_type {model_type!r}; "
            f"supported: {', '.join(HUGGING_FACE_FAMILIES)}"
        )
    family = HUGGING_FACE_FAMILIES[model_type]
    tensors = open_tensors(folder)
    names = _names_in_table(family, tensors.shapes)
    own = read_own_settings(folder)
    pooling = {name: value for name, value in own.items() if name == "pooling"}
    return Checkpoint(
        family=family,
        shapes={name: tensors.shapes[original] for name, original in names.items()},
        read=lambda name, rows: tensors.read(names[name], rows),
        settings=_settings(family, config) | _find_pooling(folder) | pooling,
        normalize=own.get("normalize", False)
        or any(module.endswith("Normalize") for module, _ in _modules(folder)),
        make_tokenizer=TOKENIZERS[family.tokenizer](folder),
    )


def _value(config: dict, key: str, supported: Iterable[str]) -> Any:
    if key not in config:
        raise InputError(
            f"config.json lacks the key {key!r}, which defines the encoder; supported values: "
            f"{', '.join(supported)}"
        )
    return config[key]


def _names_in_table(family: Family, names: Iterable[str]) -> dict[str, str]:
    """Name in the family's table → name in the file, for the tensors that are not ignored."""
    names = list(names)
    anchors = [name for name in names if name.endswith(family.anchor)]
    if not anchors:
        raise InputError(f"is not a {family.name} encoder: it has no tensor {family.anchor!r}")
    prefix = min(anchors, key=len).removesuffix(family.anchor)
    in_table = {}
    for original in names:
        name = original.removeprefix(prefix)
        for old, new in family.renamed.items():
            name = name.replace(old, new)
        if not any(re.fullmatch(pattern, name) for pattern in family.ignored):
            in_table[name] = original
    return in_table


def _settings(family: Family, config: dict) -> dict[str, Any]:
    for key, value in family.required.items():
        if config.get(key, value) != value:
            raise InputError(f"config.json says {key} {config[key]!r}; supported: {value!r}")
    activation = str(_value(config, family.activation_key, family.activations))
    if activation not in family.activations:
        raise InputError(
            f"config.json says {family.activation_key} {activation!r}; "
            f"supported: {', '.join(family.activations)}"
        )
    sizes: dict[str, Any] = {
        name: _number(config, key, name) for key, name in family.config_keys.items()
    }
    if family.windows:
        sizes["attention_windows"] = _windows(config, *family.windows, sizes["num_layers"])
    gelu = family.activations[activation]
    return {"approximate_gelu": gelu, "pooling": "mean", **sizes, **family.settings}


def _windows(config: dict, types: str, size: str, num_layers: int) -> list[int]:
    """The window of each block: `[[["global", "local"], 6]]` stands for six such pairs."""
    window = {"global": 0, "local": int(_number(config, size, "max_position"))}
    given: Any = config.get(types)
    with contextlib.suppress(LookupError, TypeError, ValueError):
        repeated = (kinds for kinds, times in given if kinds for _ in range(times))
        windows = [
            window[kind]
            for kind in itertools.islice(itertools.chain.from_iterable(repeated), num_layers + 1)
        ]
        if len(windows) == num_layers:
            return windows
    raise InputError(
        f"config.json must give {types} for {num_layers} blocks, such as "
        f'[[["global", "local"], {num_layers // 2}]]. Received: {given!r}'
    )


def _number(config: dict, key: str, name: str) -> int | float:
    """The number under a key, checked against the range of a field of `EncoderConfig`."""
    value: Any = config.get(key)
    check_number(value, name, f"config.json: {key}", least=1 if name == "num_segments" else None)
    return value


def _find_pooling(folder: Path) -> dict[str, str]:
    """The pooling in sentence-transformers' files; empty if there are no such files."""
    pooling = {}
    for module, path in _modules(folder):
        if not module.endswith(("Transformer", "Pooling", "Normalize")):
            raise InputError(f"modules.json lists {module}, which is not supported")
        if module.endswith("Pooling"):
            pooling["pooling"] = _pooling_mode(read_json(folder / path / "config.json"))
    return pooling


def _pooling_mode(config: dict) -> str:
    modes = {
        "pooling_mode_cls_token": "cls",
        "pooling_mode_mean_tokens": "mean",
        "pooling_mode_lasttoken": "last",
    }
    if config.get("pooling_mode") in ("cls", "mean", "lasttoken"):
        return config["pooling_mode"].removesuffix("token")
    chosen = [key for key, value in config.items() if key.startswith("pooling_mode") and value]
    if len(chosen) != 1 or chosen[0] not in modes:
        raise InputError(f"the pooling must be one of {', '.join(modes)}. Received: {chosen}")
    return modes[chosen[0]]


def _modules(folder: Path) -> list[tuple[str, str]]:
    """Type and folder of each module in sentence-transformers' pipeline."""
    if not (folder / "modules.json").is_file():
        return []
    with reading("modules.json"):
        modules = json.loads(read_whole(folder / "modules.json"))
        for module in modules:
            check_inside(module["path"], "modules.json")
        return [(module["type"], module["path"]) for module in modules]
