"""The data of a model's tasks."""

import pytest

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError
from mtl_keras.models.multi_task_model import MultiTaskModel

ROWS = [{"text": "aaa b" if n % 2 else "c d", "label": "xy"[n % 2]} for n in range(20)]


def test_a_model_learns_labels_and_scale_from_its_tasks_data(tiny_encoder):
    numbers = [{"text": row["text"], "label": n} for n, row in enumerate(ROWS)]
    tasks = [
        Task("topic", data={"train": ROWS}),
        Task("stars", kind="regression", data={"train": numbers, "validation": numbers}),
    ]
    model = MultiTaskModel(tiny_encoder(), tasks)
    assert model.tasks["topic"].labels == ("x", "y")
    assert model.tasks["stars"].scale[0] == pytest.approx(9.5)
    assert model.datasets()["topic"].counts == {"train": 18, "validation": 2}
    assert model.datasets()["topic"] is model.datasets()["topic"]


def test_data_are_opened_once_and_if_they_are_needed(tiny_encoder):
    task = Task("topic", labels=["x", "y"], files={"train": "not-there.csv"})
    model = MultiTaskModel(tiny_encoder(), [task])
    with pytest.raises(InputError, match=r"not-there\.csv"):
        model.datasets()


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("topik", None, "no task 'topik'; it has 'topic'; did you mean 'topic'?"),
        ("topic", ROWS, r"datasets\['topic'\] must be a TaskDataset: .* Received: "),
        (
            "topic",
            TaskDataset(Task("topic", labels=["x", "y", "z"], data={"train": ROWS})),
            r"a classification of 'x', 'y', 'z', the model's task a classification of 'x', 'y'",
        ),
    ],
)
def test_data_of_another_task_are_refused(name, given, message, tiny_encoder):
    model = MultiTaskModel(tiny_encoder(), [Task("topic", labels=["x", "y"])])
    with pytest.raises(InputError, match=message):
        model.datasets({name: given})


@pytest.mark.parametrize(
    ("encoder", "tasks", "message"),
    [
        (
            7,
            [Task("topic", labels=["x", "y"])],
            "encoder must be a TextEncoder .* Received: 7",
        ),
        ("x", Task("topic"), "a list of Task"),
        ("x", ["topic"], "tasks must be a list of Task.* Received in it: 'topic'"),
        ("x", [Task("topic")], "has no labels; give them, or data to find them in"),
        ("x", [Task("a", data={"train": ROWS}), Task("a", data={"train": ROWS})], "two tasks"),
    ],
)
def test_what_is_no_encoder_or_task_is_refused_before_anything_is_loaded(encoder, tasks, message):
    with pytest.raises(InputError, match=message):
        MultiTaskModel(encoder, tasks)
