"""What is exported: a run's model, or one that a program holds."""

import pytest

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.export.subject import subject_of
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.runs.run import Run

ROWS = [{"text": "aaa b" if n % 2 else "c d", "label": "xy"[n % 2]} for n in range(20)]


def test_a_model_is_measured_on_the_data_of_its_tasks(tiny_encoder):
    tasks = [Task("topic", data={"train": ROWS, "test": ROWS}), Task("bare", labels=["x", "y"])]
    model, lines = MultiTaskModel(tiny_encoder(), tasks), []
    subject = subject_of(model, None, None, lines.append)
    assert subject.model is model
    assert subject.scores()["test"]["topic"]["examples"] == 20
    assert not lines
    bare = MultiTaskModel(tiny_encoder(), [tasks[1]])
    assert subject_of(bare, None, None, lines.append).scores() == {}
    assert lines == ["compared on odd texts only: the model's tasks have no data"]
    with pytest.raises(InputError, match="best='mean' is for runs: a model has"):
        subject_of(model, None, "mean", lines.append)
    with pytest.raises(InputError, match=r"give a Run or a MultiTaskModel\. Received: 7"):
        subject_of(7, None, None, lines.append)


def test_a_run_has_its_own_data_and_scores(trained):
    run = Run.open(trained)
    assert subject_of(run, None, None, print).scores() == run.scores
    with pytest.raises(InputError, match="datasets: a run has those of its recipe"):
        subject_of(run, {}, None, print)
