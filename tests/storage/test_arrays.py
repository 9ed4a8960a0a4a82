"""Arrays are written as they are, or an error says why not."""

import numpy as np
import pytest
from safetensors import safe_open

from mtl_keras.errors import UnsafeFileError
from mtl_keras.storage.arrays import check_header, write_arrays
from mtl_keras.storage.limits import SMALL_FILE


def test_arrays_and_what_belongs_to_them_come_back(tmp_path):
    arrays = {"a": np.eye(2, dtype=np.float32), "b/c": np.array([], np.int64)}
    write_arrays(arrays, tmp_path / "file", {"epoch": "3"})
    with safe_open(tmp_path / "file", "numpy") as file:
        assert file.metadata() == {"epoch": "3"}
        for name in file.keys():  # noqa: SIM118  the file is no mapping
            np.testing.assert_array_equal(file.get_tensor(name), arrays[name])
            assert file.get_tensor(name).dtype == arrays[name].dtype


def test_what_cannot_be_written_is_an_oserror(tmp_path):
    with pytest.raises(OSError, match="absent"):
        write_arrays({"a": np.zeros(1)}, tmp_path / "absent" / "file")


def test_a_header_has_a_largest_size(tmp_path, monkeypatch):
    write_arrays({"a": np.zeros(1)}, tmp_path / "file")
    check_header(tmp_path / "file")
    monkeypatch.setenv(SMALL_FILE.variable, "10")
    with pytest.raises(UnsafeFileError, match="file: its header has more than 10 bytes"):
        check_header(tmp_path / "file")
