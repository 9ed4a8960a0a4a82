"""Arrays of HDF5 files are in the file as they are, or the file is refused."""

import io

import h5py
import numpy as np
import pytest

from mtl_keras.errors import UnsafeFileError
from mtl_keras.storage.hdf5 import count, stored_shapes

OTHER = "/etc/hostname"


def _write(path, make):
    with h5py.File(path, "w") as file:
        file.create_group("layers/dense/vars")["0"] = np.zeros((3, 4), np.float32)
        make(file)
    return path


def test_shapes_are_found_without_reading(tmp_path):
    path = _write(tmp_path / "x.h5", lambda file: file.create_dataset("a/b", data=1.5))
    shapes = {"layers/dense/vars/0": (3, 4), "a/b": ()}
    size = path.stat().st_size
    assert stored_shapes(path, size) == shapes
    assert stored_shapes(io.BytesIO(path.read_bytes()), size) == shapes
    assert count(shapes) == 13


def _packed(file):
    file.create_dataset("x", (1 << 16,), "f4", chunks=True, compression="gzip")[:] = 0


def _absent(file):
    file.create_dataset("x", (1 << 20, 1 << 20), "f4")


def _external(file):
    file.create_dataset("x", (2,), "u1", external=[(OTHER, 0, 2)])


def _virtual(file):
    layout = h5py.VirtualLayout((2,), "u1")
    layout[:] = h5py.VirtualSource(OTHER, "x", (2,))
    file.create_virtual_dataset("x", layout)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_packed, "'x' is compressed or incomplete"),
        (_absent, "'x' is compressed or incomplete"),
        (_external, "'x' reads another file"),
        (_virtual, "'x' reads another file"),
        (lambda file: file.create_dataset("x", data="text"), "'x' is not an array of numbers"),
        (
            lambda file: file.create_dataset("x", data=h5py.Empty("f4")),
            "'x' is not an array of num",
        ),
        (lambda file: file.update(x=np.dtype("f4")), "'x' is not an array of numbers"),
        (lambda file: file.update(x=h5py.ExternalLink(OTHER, "/")), "holds the link 'x'"),
        (lambda file: file["layers"].update(x=h5py.SoftLink("/")), "holds the link 'layers/x'"),
        (lambda file: file["layers"].update(x=file), "larger than it is|layers"),
    ],
)
def test_what_keras_does_not_write_is_refused(make, problem, tmp_path):
    path = _write(tmp_path / "x.h5", make)
    if problem.endswith("layers"):  # a circle
        assert stored_shapes(path, path.stat().st_size)
        return
    with pytest.raises(UnsafeFileError, match=f"{problem}.*which Keras does not write; do not use"):
        stored_shapes(path, path.stat().st_size)


def test_many_arrays_of_the_same_numbers_are_refused(tmp_path):
    def make(file):
        file["x"] = np.zeros(100_000, np.float32)
        for number in range(10):
            file[f"again_{number}"] = file["x"]

    path = _write(tmp_path / "x.h5", make)
    with pytest.raises(UnsafeFileError, match="the HDF5 file's arrays are larger than the file"):
        stored_shapes(path, path.stat().st_size)
