"""PyTorch's files: tensors, whatever else they ask for refused, nothing executed."""

import collections
import io
import os
import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mtl_keras.encoders.pretrained.damage import reading
from mtl_keras.encoders.pretrained.torch_pickle import MAGIC, TorchFile
from mtl_keras.errors import InputError

NUMBERS = np.arange(12, dtype=np.float32)
ALL = slice(None)


class _Tensor:
    """What pickles as one of PyTorch's tensors, without PyTorch."""

    def __init__(self, shape, strides, offset=0, count=12, kind="FloatStorage"):
        self.arguments = (("storage", kind, "0", "cpu", count), offset, shape, strides)

    def __reduce__(self):
        storage, *rest = self.arguments
        arguments = (_Storage(storage), *rest, False, collections.OrderedDict())
        return sys.modules["torch._utils"]._rebuild_tensor_v2, arguments


class _Storage(tuple):
    """Stands for the numbers, which are kept elsewhere in the file."""

    def __new__(cls, storage):
        return super().__new__(cls, storage)


class _Pickler(pickle.Pickler):
    def persistent_id(self, value):
        if not isinstance(value, _Storage):
            return None
        kind, name, *rest = value
        return (kind, getattr(sys.modules["torch"], name), *rest)


class _Evil:
    """Unpickled as usual, it would make a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture(autouse=True)
def _torch(monkeypatch):
    """Modules with no more than the names that a pickle writes down."""
    torch, utilities = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "HalfStorage", "QInt8Storage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*arguments):
        raise AssertionError("only named")

    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    utilities._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utilities)


def _pickled(content) -> bytes:
    file = io.BytesIO()
    _Pickler(file, protocol=2).dump(content)
    return file.getvalue()


def _zip(path: Path, content, numbers: bytes = NUMBERS.tobytes()) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", _pickled(content))
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/data/0", numbers)
    return path


def _legacy(path: Path, content, numbers: bytes = NUMBERS.tobytes()) -> Path:
    parts = (MAGIC, 1001, {"little_endian": True}, content, ["0"])
    count = (len(numbers) // 4).to_bytes(8, "little")
    path.write_bytes(b"".join(map(_pickled, parts)) + count + numbers)
    return path


FORMATS = pytest.mark.parametrize("write", [_zip, _legacy])


@FORMATS
def test_views_of_one_storage(write, tmp_path):
    tensors = {
        "whole": _Tensor((3, 4), (4, 1)),
        "turned": _Tensor((4, 3), (1, 4)),
        "part": _Tensor((2, 2), (4, 1), offset=5),
        "scalar": _Tensor((), (), offset=7),
        "none": _Tensor((0, 4), (4, 1)),
    }
    file = TorchFile.open(write(tmp_path / "x.bin", collections.OrderedDict(tensors)))
    table = NUMBERS.reshape(3, 4)
    np.testing.assert_array_equal(file.read("whole", ALL), table)
    np.testing.assert_array_equal(file.read("whole", slice(1, 3)), table[1:])
    np.testing.assert_array_equal(file.read("turned", slice(1, 2)), table.T[1:2])
    np.testing.assert_array_equal(file.read("part", ALL), table[1:, 1:3])
    assert file.tensors["scalar"].shape == ()
    assert file.read("none", ALL).shape == (0, 4)


def test_half_precision(tmp_path):
    tensor = _Tensor((12,), (1,), kind="HalfStorage")
    path = _zip(tmp_path / "x.bin", {"x": tensor}, NUMBERS.astype("float16").tobytes())
    actual = TorchFile.open(path).read("x", ALL)
    assert (actual.dtype, actual.tolist()) == (np.float16, NUMBERS.tolist())


@FORMATS
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda folder: {"x": _Evil(folder / "made")}, r"asks to run (posix|nt)\.mkdir"),
        (lambda folder: _Evil(folder / "made"), r"asks to run .*save the model as model\.safetens"),
        (lambda folder: {"x": eval}, r"asks to run __builtin__\.eval"),
        (lambda folder: {"x": _Tensor((1,), (1,), kind="QInt8Storage")}, "torch.QInt8Storage"),
        (lambda folder: {"state_dict": {"x": 1}}, "'state_dict' in the file is not a tensor"),
        (lambda folder: [1, 2], "holds a list and not tensors"),
        (lambda folder: {"x": _Tensor((4, 4), (4, 1))}, "reaches beyond its numbers"),
        (lambda folder: {"x": _Tensor((2,), (-1,), offset=5)}, "reaches beyond its numbers"),
        (lambda folder: {"x": _Tensor((2,), (1,), offset=-1)}, "reaches beyond its numbers"),
    ],
)
def test_only_tensors_are_read_and_nothing_is_run(write, content, message, tmp_path):
    path = write(tmp_path / "x.bin", content(tmp_path))
    with pytest.raises(InputError, match=message):
        TorchFile.open(path)
    assert not (tmp_path / "made").exists()


class _Changed(_Tensor):
    """A tensor that is given attributes after it was made."""

    def __init__(self, attributes):
        super().__init__((2,), (1,))
        self.attributes = attributes

    def __reduce__(self):
        return (*super().__reduce__(), self.attributes)


@FORMATS
@pytest.mark.parametrize(
    "attributes", [{"strides": (-(10**9),)}, {"offset": -5}, {"shape": (10**9,)}, {}]
)
def test_nothing_changes_a_tensor_after_it_was_checked(write, attributes, tmp_path):
    path = write(tmp_path / "x.bin", {"x": _Changed(attributes)})
    with pytest.raises(InputError, match=r"changes a StoredTensor after making it, .*; save"):
        TorchFile.open(path)
    tensor = TorchFile.open(write(path, {"x": _Tensor((2,), (1,))})).tensors["x"]
    for name in ("offset", "more"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(tensor, name, -5)


@FORMATS
@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (_Tensor((10**12,), (0,)), r"reaches beyond its numbers \(offset 0, shape \(10{12},\), st"),
        (_Tensor((12,), (1,), count=13), "have 48 of 52 bytes: they end too soon; fetch a fresh"),
        (_Tensor((1,), (1,), count=10**18), "end too soon"),
        (_Tensor((1,), (1,), count=-1), "-1 numbers under '0'; expected a count and a string"),
        (_Tensor((1,), (1,), count=1.5), "1.5 numbers under '0'"),
        (_Tensor((True,), (1,)), "reaches beyond"),
        (_Tensor((1, 1), (1,)), "2 axes and 1 strides"),
        (
            _Tensor((1,) * 40, (1,) * 40),
            "40 axes and 40 strides; expected equally many",
        ),
    ],
)
def test_tensors_lie_in_the_bytes_of_the_file(write, tensor, message, tmp_path):
    path = write(tmp_path / "x.bin", {"x": tensor})
    with pytest.raises(InputError, match=message):
        TorchFile.open(path)


@FORMATS
def test_one_storage_is_not_described_in_two_ways(write, tmp_path):
    path = write(tmp_path / "x.bin", {"x": _Tensor((1,), (1,)), "y": _Tensor((1,), (1,), count=4)})
    with pytest.raises(InputError, match="describes the same numbers in two ways; save"):
        TorchFile.open(path)


def test_numbers_are_not_packed(tmp_path):
    """Ten gigabytes of zeros would take ten megabytes."""
    path = _zip(tmp_path / "x.bin", {"x": _Tensor((12,), (1,))})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match=r"'archive/byteorder' is compressed, .*; save"):
        TorchFile.open(path)


@FORMATS
def test_truncated_files(write, tmp_path):
    path = write(tmp_path / "x.bin", {"x": _Tensor((3, 4), (4, 1))})
    content = path.read_bytes()
    for length in (0, 10, len(content) // 2, len(content) - 8):
        path.write_bytes(content[:length])
        with pytest.raises(InputError), reading("x.bin"):
            TorchFile.open(path).read("x", ALL)
