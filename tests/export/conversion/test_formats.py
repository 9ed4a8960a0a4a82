"""What a format cannot do is reported in one line, before anything is computed."""

import importlib.util

import pytest

from mtl_keras.errors import InputError
from mtl_keras.export.conversion.formats import FORMATS, LITERT, ONNX, SAVED_MODEL, format_of


@pytest.mark.parametrize(
    ("form", "precision", "message"),
    [
        (SAVED_MODEL, "int8", "saved_model has float32; --format litert, onnx has it"),
        (SAVED_MODEL, "float16", "saved_model has float32; --format litert, onnx has it"),
        (ONNX, "float61", "onnx has float32, float16, int8; did you mean 'float16'"),
    ],
)
def test_a_precision_that_a_format_has_not(form, precision, message):
    with pytest.raises(InputError, match=f"--precision {precision}: {message}"):
        form.check(precision)


@pytest.mark.parametrize("form", [LITERT, ONNX])
def test_what_is_not_installed_is_reported_with_its_extra(form, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    SAVED_MODEL.check("float32")
    with pytest.raises(InputError, match=rf"pip install 'mtl_keras\[{form.name}\]'"):
        form.check("float32")


def test_a_folder_holds_versions_of_one_format(tmp_path):
    for form in FORMATS:
        form.check_versions(tmp_path / "nothing")
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / LITERT.file).touch()
    LITERT.check_versions(tmp_path)
    with pytest.raises(InputError, match="its versions have the format litert, and their"):
        SAVED_MODEL.check_versions(tmp_path)


def test_a_format_has_a_name():
    assert [format_of(form.name) for form in FORMATS] == [*FORMATS]
    with pytest.raises(InputError, match="saved_model, litert, onnx; did you mean 'onnx'"):
        format_of("onx")
