"""What a model scores on every task, as a table."""

import pytest

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.evaluation.scores import evaluate
from mtl_keras.models.multi_task_model import MultiTaskModel

ROWS = [{"text": "aaa b" if n % 2 else "c d", "label": "xy"[n % 2]} for n in range(20)]


@pytest.fixture(scope="module")
def model(tiny_encoder):
    tasks = [
        Task("topic", data={"train": ROWS, "test": ROWS[:7]}),
        Task("urgent", data={"train": ROWS}),
        Task("bare", labels=["x", "y"]),
    ]
    return MultiTaskModel(tiny_encoder(), tasks)


def test_a_table_has_a_row_for_every_task_of_the_split(model):
    scores = model.evaluate_tasks("test")
    assert scores.metrics == {"topic": evaluate(model, model.datasets()["topic"])}
    (row,) = scores.table()
    assert row["value"] == scores.metrics["topic"]["accuracy"]
    assert "no test examples: urgent, bare" in str(scores)
    assert "warning: topic, test: 7 of 7 texts are also training texts" in str(scores)
    assert "<table" in scores._repr_html_()
    assert set(model.evaluate_tasks("train").metrics) == {"topic", "urgent"}


def test_a_split_or_data_that_are_not_there_are_refused(model, tiny_encoder):
    with pytest.raises(InputError, match="no task has tset examples; there are 'train', 'test'"):
        model.evaluate_tasks("tset")
    bare = MultiTaskModel(tiny_encoder(), [Task("bare", labels=["x", "y"])])
    with pytest.raises(InputError, match="no data to evaluate on"):
        bare.evaluate_tasks()
