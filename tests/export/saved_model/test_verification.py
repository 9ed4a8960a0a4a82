"""An export is compared with the model in a process that has nothing but TensorFlow."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.errors import InputError, WorkError
from mtl_keras.export.saved_model import verification
from mtl_keras.export.saved_model.served_answers import SERVING
from mtl_keras.export.saved_model.verification import (
    ODD_TEXTS,
    company_difference,
    difference,
    verify,
    verify_against,
)

TEXTS = ["aaa b", "bcd. aaa!", "c" * 40, "a"] * 20


@pytest.fixture(scope="module", autouse=True)
def asked_once(every_kind_export):
    """What a process of its own answers about the export is remembered for the same questions."""
    _, export = every_kind_export
    run, answered = verification.run_python, {}

    def remembered(arguments: list[str]) -> tuple[int, str]:
        _, saved_model, questions, answers = arguments
        asked = (saved_model, Path(questions).read_bytes())
        if saved_model == str(export) and asked in answered:
            Path(answers).write_bytes(answered[asked])
            return 0, ""
        status, line = run(arguments)
        if status == 0:
            answered[asked] = Path(answers).read_bytes()
        return status, line

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verification, "run_python", remembered)
        yield


def test_an_export_answers_as_its_model(every_kind_export):
    assert verify(*every_kind_export, TEXTS) == len(TEXTS) + len(ODD_TEXTS)


def test_other_weights_are_found_out(every_kind_export):
    model, path = every_kind_export
    (head,) = model.layer_groups["heads/topic"]
    weights = head.get_weights()
    head.set_weights([weights[0], weights[1] + np.float32([1e-2, 0, 0])])
    with pytest.raises(WorkError, match="'serving_default' gives a wrong answer: topic/sc"):
        verify(model, path, TEXTS)
    head.set_weights(weights)


def _counting(folder: Path, signature: str, unit: str) -> Path:
    """A SavedModel that counts the bytes or characters of texts."""
    spec = [tf.TensorSpec([None], tf.string, name="text")]
    count = tf.function(
        lambda text: {"length": tf.strings.length(text, unit)}, spec, autograph=False
    )
    tf.saved_model.save(tf.Module(), str(folder), signatures={signature: count})
    return folder


@pytest.mark.slow
def test_two_exports_are_compared(tmp_path):
    first = _counting(tmp_path / "1", SERVING, "BYTE")
    same = shutil.copytree(first, tmp_path / "2")
    assert verify_against(same, first, TEXTS) == len(TEXTS) + len(ODD_TEXTS)
    other = _counting(tmp_path / "3", SERVING, "UTF8_CHAR")
    with pytest.raises(WorkError, match="'serving_default' gives a wrong answer: length"):
        verify_against(other, first, TEXTS)
    tone = _counting(tmp_path / "4", "tone", "BYTE")
    with pytest.raises(WorkError, match="its signatures are tone; expected serving_default"):
        verify_against(tone, first, TEXTS)


def test_a_damaged_export_is_reported_in_one_line(every_kind_export, tmp_path):
    model, path = every_kind_export
    damaged = shutil.copytree(path, tmp_path / "1")
    (damaged / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(WorkError, match="cannot be loaded and run in a new process") as error:
        verify(model, damaged, TEXTS)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("expected", "actual", "message"),
    [
        ({"x": [1.0]}, {"x": [1.00002]}, r"x\[0\] is 1.00002; expected 1.0"),
        ({"x": [1e4]}, {"x": [1e4 + 0.05]}, None),
        ({"x": [1.0]}, {"x": [np.nan]}, r"x\[0\] is nan"),
        ({"x": [[b"a", b"b"]]}, {"x": [[b"a", b"c"]]}, r"x\[0, 1\] is b'c'; expected b'b'"),
        ({"x": [1]}, {"x": [1, 1]}, r"x has the shape \(2,\); expected \(1,\)"),
        ({"x": [1]}, {"y": [1]}, "its outputs are y; expected x"),
    ],
)
def test_what_differs_is_said(expected, actual, message):
    arrays = (
        {name: np.array(values) for name, values in side.items()} for side in (expected, actual)
    )
    fault = difference(*arrays)
    assert (fault is None) == (message is None)
    if message:
        assert re.match(message, fault)


@pytest.mark.parametrize("absent", ["variables", "variables/variables.index", "saved_model.pb"])
def test_a_version_that_was_copied_by_half_is_named(every_kind_export, tmp_path, absent):
    _, export = every_kind_export
    shutil.copytree(export, tmp_path / "1")
    place = tmp_path / "1" / absent
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.write_bytes(place.read_bytes()[:100])
    with pytest.raises(InputError, match=r"1: not a complete SavedModel \(.*; copy the"):
        verify_against(export, tmp_path / "1", TEXTS)


def test_scores_that_depend_on_their_company_are_measured(every_kind_export):
    model, _ = every_kind_export

    def depends(batch):
        return {name: a + 0.25 * (len(a) > 1) for name, a in model.forward_pass(batch).items()}

    assert company_difference(model, TEXTS[:4]) < 1e-5
    assert company_difference(model, TEXTS[:4], depends) == pytest.approx(0.25, rel=1e-3)
