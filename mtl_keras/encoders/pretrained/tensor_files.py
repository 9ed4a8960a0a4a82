"""Opens the tensors in a Hugging Face folder: one file or shards, safetensors or PyTorch's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors

from mtl_keras.encoders.pretrained.damage import read_json, reading
from mtl_keras.encoders.pretrained.torch_pickle import TorchFile
from mtl_keras.errors import InputError, listed
from mtl_keras.storage.arrays import check_header


@dataclass(frozen=True)
class Tensors:
    """Tensors by name, read one by one.

    Args:
        shapes: name → shape.
        read: name, range of rows → these rows of the tensor, which are not kept in memory.
    """

    shapes: Mapping[str, tuple[int, ...]]
    read: Callable[[str, slice], np.ndarray]


def open_tensors(folder: Path) -> Tensors:
    """Opens `model.safetensors`, or else `pytorch_model.bin`; each may be in shards with an index.

    Raises:
        InputError: both or a shard are missing, or a file is damaged or holds more than tensors.
    """
    for name, open_file in OPENERS.items():
        if (folder / name).is_file():
            return open_file(folder / name)
        if (folder / f"{name}.index.json").is_file():
            return _open_shards(folder / f"{name}.index.json", open_file)
    first, *others = OPENERS
    raise InputError(
        f"{first} is missing, and so is {' and '.join(others)}; fetch the whole folder, or save "
        "the model in one of these forms"
    )


def _open_safetensors(path: Path) -> Tensors:
    def opened() -> safetensors.safe_open:  # again for each tensor, as mapped parts use memory
        return safetensors.safe_open(path, framework="numpy")

    def read(name: str, rows: slice) -> np.ndarray:
        with opened() as file:
            return file.get_tensor(name) if rows == slice(None) else file.get_slice(name)[rows]

    with reading(path.name):
        check_header(path)
        with opened() as file:
            shapes = {n: tuple(file.get_slice(n).get_shape()) for n in file.keys()}  # noqa: SIM118
    return Tensors(shapes, read)


def _open_torch(path: Path) -> Tensors:
    with reading(path.name):
        file = TorchFile.open(path)
    return Tensors({name: tensor.shape for name, tensor in file.tensors.items()}, file.read)


OPENERS = {"model.safetensors": _open_safetensors, "pytorch_model.bin": _open_torch}


def _open_shards(index: Path, open_file: Callable[[Path], Tensors]) -> Tensors:
    """The tensors that an index lists, each from its shard."""
    shard_of = read_json(index).get("weight_map")
    if not isinstance(shard_of, dict) or not all(map(_is_file_name, shard_of.values())):
        raise InputError(f"{index.name} does not say which file holds which tensor")
    names = sorted(set(shard_of.values()))
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise InputError(
            f"lacks {len(missing)} of the {len(names)} shards that {index.name} lists: "
            f"{listed(missing)}; fetch them"
        )
    shards = {name: open_file(index.parent / name) for name in names}
    absent = [name for name, shard in shard_of.items() if name not in shards[shard].shapes]
    if absent:
        raise InputError(
            f"lacks {len(absent)} tensors that {index.name} lists: {listed(absent)}; "
            "fetch a fresh copy"
        )
    return Tensors(
        {name: shards[shard].shapes[name] for name, shard in shard_of.items()},
        lambda name, rows: shards[shard_of[name]].read(name, rows),
    )


def _is_file_name(name: object) -> bool:
    return isinstance(name, str) and name == Path(name).name != ""
