"""An export out of its folder."""

import json

import pytest

from mtl_keras.data.answer_forms import LABEL, PASSAGES
from mtl_keras.data.model_labels import ModelTask
from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.loading import export_in, load_signatures, tasks_of
from mtl_keras.export.saved_model.rest_description import FILE


def test_of_numbered_folders_the_highest_is_taken(tmp_path):
    assert export_in(tmp_path) is None
    for name in ("2", "10", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    assert export_in(tmp_path) == tmp_path / "10"
    assert export_in(tmp_path / "2") == tmp_path / "2"


def test_a_damaged_export_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(InputError, match="cannot be loaded; restore it or export again"):
        load_signatures(tmp_path)


def test_a_task_has_the_kind_that_the_export_says_or_those_of_its_form(tmp_path):
    labels, forms = (
        {"entities": ["city"], "topic": ["x", "y"]},
        {"entities": PASSAGES, "topic": LABEL},
    )
    topic = ModelTask(["x", "y"], ["classification"])
    either = ModelTask(["city"], ["tagging", "token_labels"])
    assert tasks_of(tmp_path, labels, forms) == {"entities": either, "topic": topic}
    for kind, kinds in [("tagging", ["tagging"]), ("x", either.kinds), ([], either.kinds)]:
        info = {"x-tasks": ["topic", "entities"], "x-kinds": {"entities": kind}}
        (tmp_path / FILE).write_text(json.dumps({"info": info}))
        expected = [("topic", topic), ("entities", ModelTask(["city"], kinds))]
        assert [*tasks_of(tmp_path, labels, forms).items()] == expected
