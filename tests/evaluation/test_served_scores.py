"""An export scores what its model scores, in every metric that answers give."""

import pytest

from mtl_keras.data.model_labels import ModelTask, for_model
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError
from mtl_keras.evaluation.scores import evaluate_all
from mtl_keras.evaluation.served_scores import evaluate_served
from mtl_keras.models.kinds.table import TASK_KINDS
from mtl_keras.serving.saved_model import SavedModel

LONG = "g f e d c b a " * 4  # word pieces: max_length is 16
TEXTS = [
    "abc d gg ff",
    "naïve ÀÉ ß 漢字 🙂 abc",
    "\ufeffabc \u200bd é",
    LONG,
    "a",
    "e e e",
    "שלום b",
]
WORDS = [text.split(" ") for text in map(str.strip, TEXTS)]
WORDS[0] += ["\u00a0a", "ﬁ", "e\u0301"]


def _cycled(labels, rows):
    return [[labels[(row + place) % len(labels)] for place in range(n)] for row, n in rows]


def _rows(texts, labels):
    rows = zip(texts, labels, strict=True)
    return {"test": [{"text": text, "label": label} for text, label in rows]}


def _datasets():
    """Labels in another order than the model's, and some that it lacks; some rows without spans."""
    counts = [*enumerate(map(len, WORDS))]
    tags = _cycled(["B-product", "I-product", "O", "B-city", "B-city", "I-place", "I-city"], counts)
    tags[4] = ["O"]
    flags = [["r"], ["q", "p"], [], ["s", "p"], ["p", "q", "r"], [], ["s"]]
    topics = ["ý", "x", "other", "x", "<b>z</b>", "ý", "other"]
    tasks = [
        Task(
            "parts",
            "token_labels",
            labels=["VERB", "B-x", "O", "NOUN"],
            data=_rows(
                [*WORDS[:-1], ["(a)", "ff!", "c"]],
                [*_cycled(["NOUN", "VERB", "O"], counts[:-1]), ["O", "B-x", "NOUN"]],
            ),
        ),
        Task("stars", "regression", data=_rows(TEXTS, [1, -2.5, 3, 0.1, 4, 5, 1e4])),
        Task("flags", "multilabel", labels=["s", "r", "p", "q"], data=_rows(TEXTS, flags)),
        Task("entities", "tagging", labels=["place", "product", "city"], data=_rows(WORDS, tags)),
        Task("topic", labels=["other", "<b>z</b>", "ý", "x"], data=_rows(TEXTS, topics)),
    ]
    return {task.name: TaskDataset(task) for task in tasks}


@pytest.fixture(scope="module")
def scored(every_kind_export):
    model, folder = every_kind_export
    datasets = _datasets()
    tasks = {name: ModelTask(task.labels, [task.kind]) for name, task in model.tasks.items()}
    of_model = evaluate_all(model, for_model(datasets, tasks), "test")
    return model, of_model, SavedModel(folder).evaluate_tasks(datasets)


def test_an_export_scores_what_its_model_scores(scored):
    model, of_model, of_export = scored
    assert {*of_export.metrics} == {*model.tasks}
    for name, metrics in of_model.items():
        not_served = TASK_KINDS[model.tasks[name].kind].not_served
        expected = {key: value for key, value in metrics.items() if key not in not_served}
        notes = expected.pop("notes", None)
        served = dict(of_export.metrics[name])
        assert served.pop("notes", None) == notes
        assert served == pytest.approx(expected, abs=1e-6), name


def test_what_answers_do_not_give_is_left_out(scored):
    metrics = scored[2].metrics
    assert not {"loss", "ece"} & {*metrics["entities"]}
    assert "ece" in metrics["parts"]
    assert {name for name in metrics if "loss" in metrics[name]} == {"topic", "flags"}


def test_warnings_are_of_cut_texts_and_of_labels_that_the_model_lacks(scored):
    lines = [finding.in_words() for finding in scored[2].audit]
    cut = "texts are longer than max_length, and their ends are not read"
    assert f"topic, test: 1 of 7 {cut}" in lines
    assert any(line.startswith("topic, test: 2 of 7 labels do not occur in tr") for line in lines)


def test_without_data_there_is_nothing_to_score():
    with pytest.raises(InputError, match="no data to evaluate on"):
        evaluate_served(list, {}, {})


def test_a_split_that_no_task_has_is_refused():
    tasks = {"stars": ModelTask((), ["regression"])}
    with pytest.raises(InputError, match="no task has train examples; there are 'test'"):
        evaluate_served(list, tasks, {"stars": _datasets()["stars"]}, "train")
