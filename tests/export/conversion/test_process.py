"""A converted model is asked in a process of its own, whose failure is one line."""

import numpy as np
import pytest

from mtl_keras.errors import WorkError
from mtl_keras.export.conversion.formats import LITERT, ONNX
from mtl_keras.export.conversion.process import open_converted


@pytest.mark.parametrize("form", [LITERT, ONNX], ids=lambda form: form.name)
def test_a_damaged_file_is_reported_in_one_line(form, tmp_path):
    file = tmp_path / form.file
    file.write_bytes(b"damaged")
    with (
        open_converted(file, form) as ask,
        pytest.raises(WorkError, match="cannot be run in a new process: ") as error,
    ):
        ask({"token_ids": np.zeros((1, 1), np.int32)})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("form", [LITERT, ONNX], ids=lambda form: form.name)
def test_an_absent_file_is_reported_as_one(form, tmp_path):
    with open_converted(tmp_path / "absent", form) as ask, pytest.raises(WorkError, match="absent"):
        ask.milliseconds({"token_ids": np.zeros((1, 1), np.int32)})
