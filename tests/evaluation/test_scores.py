"""What `evaluate` reports, against other implementations."""

import numpy as np
import pytest
from seqeval.metrics import f1_score
from sklearn.metrics import accuracy_score

import mtl_keras as mtl


@pytest.fixture(scope="module")
def model(trained):
    return mtl.load_model(trained / "model.keras")


def _dataset(trained, name, kind, suffix):
    files = {split: f"{split}.{suffix}" for split in ("train", "test")}
    return mtl.TaskDataset(mtl.Task(name, kind=kind, files=files), base_folder=trained.parent)


def test_classification_equals_scikit_learn_on_the_answers(model, trained):
    dataset = _dataset(trained, "topic", "classification", "csv")
    examples = list(dataset.examples("test"))
    answers = mtl.answer(model, [example.text for example in examples])
    actual = [dataset.task.labels.index(answer["topic"]["label"]) for answer in answers]
    metrics = mtl.evaluate(model, dataset, "test")
    assert metrics["examples"] == len(examples) == 12
    assert metrics["accuracy"] == accuracy_score([example.label for example in examples], actual)
    right = [
        answer["topic"]["scores"][dataset.task.labels[example.label]]
        for answer, example in zip(answers, examples, strict=True)
    ]
    assert metrics["loss"] == pytest.approx(float(-np.mean(np.log(right))), rel=1e-4)


def test_tagging_equals_seqeval_and_fit_on_whole_sentences(model, trained):
    dataset = _dataset(trained, "entities", "tagging", "conll")
    metrics = mtl.evaluate(model, dataset, "test")
    classes = dataset.task.classes
    expected, collected = [], []
    for example in dataset.examples("test"):
        (answer,) = mtl.answer(model, [example.text])
        spans = {entity["start"]: entity for entity in answer["entities"]}
        place, tags = 0, []
        for word in example.words:
            inside = any(e["start"] < place < e["end"] for e in answer["entities"])
            tags.append("B-A" if place in spans else "I-A" if inside else "O")
            place += len(word) + 1
        collected.append(tags)
        expected.append([classes[tag] for tag in example.label])
    assert metrics["span_f1"] == pytest.approx(f1_score(expected, collected))
    assert 0 < metrics["span_f1"] <= 1


def test_words_that_are_cut_off_count_as_missed(model, trained, tmp_path):
    long = "\n".join([*["bbb\tO"] * 40, "aaa\tB-A"])
    (tmp_path / "test.conll").write_text(long + "\n")
    task = mtl.Task("entities", kind="tagging", labels=["A"], files={"test": "test.conll"})
    metrics = mtl.evaluate(model, mtl.TaskDataset(task, base_folder=tmp_path), "test")
    assert metrics["recall"] == 0.0


@pytest.mark.slow
def test_words_that_are_cut_off_have_the_wrong_label(tiny_encoder, tmp_path):
    words = ["bbb\tx"] * 40 + ["aaa\ty"]
    (tmp_path / "test.conll").write_text("\n".join(words) + "\n")
    files = {"test": "test.conll"}
    task = mtl.Task("parts", kind="token_labels", labels=["x", "y"], files=files)
    model = mtl.MultiTaskModel(tiny_encoder(), [task])
    head = model.get_layer("parts_head").dense
    head.kernel.assign(np.zeros((8, 2)))
    head.bias.assign([5.0, -5.0])
    metrics = mtl.evaluate(model, mtl.TaskDataset(task, base_folder=tmp_path), "test")
    (answer,) = mtl.answer(model, [" ".join(["bbb"] * 41)])
    read = len(answer["parts"])
    assert 3 < read < 40
    assert metrics["accuracy"] == metrics["low"] == metrics["high"] == pytest.approx(read / 41)
    assert metrics["macro_f1"] == pytest.approx(2 * read / (read + 40) / 2)
    assert 1 < metrics["loss"] < 17


@pytest.mark.slow
def test_regression_and_multilabel(tiny_encoder, tmp_path):
    (tmp_path / "stars.csv").write_text("text,label\naaa,1\nbbb,4\n")
    (tmp_path / "tags.csv").write_text("text,label\naaa,x|y\nbbb,\nccc,y\n")
    tasks = [
        mtl.Task("stars", kind="regression", files={"test": "stars.csv"}),
        mtl.Task("tags", kind="multilabel", labels=["x", "y"], files={"test": "tags.csv"}),
    ]
    model = mtl.MultiTaskModel(tiny_encoder(), tasks)
    model.get_layer("stars_head").dense.kernel.assign(np.zeros((8, 1)))
    model.get_layer("stars_head").dense.bias.assign([2.0])
    model.get_layer("tags_head").dense.kernel.assign(np.zeros((8, 2)))
    model.get_layer("tags_head").dense.bias.assign([-5.0, 5.0])
    stars, tags = (
        mtl.evaluate(model, mtl.TaskDataset(task, base_folder=tmp_path)) for task in tasks
    )
    assert stars == {
        "examples": 2,
        "mae": pytest.approx(1.5),
        "rmse": pytest.approx(2.5**0.5),
        "ece": None,
        "loss": pytest.approx(2.5),
        "low": pytest.approx(1.0),
        "high": pytest.approx(2.0),
    }
    assert tags["micro_f1"] == pytest.approx(2 * 2 / (3 + 3))
    assert tags["macro_f1"] == pytest.approx((0 + 4 / 5) / 2)


def test_a_missing_split_is_refused_with_those_there_are(model, tmp_path):
    (tmp_path / "test.csv").write_text("text,label\naaa,x\n")
    task = mtl.Task("topic", labels=["x", "y"], files={"test": "test.csv"})
    dataset = mtl.TaskDataset(task, base_folder=tmp_path)
    with pytest.raises(mtl.InputError, match="no validation examples; it has test"):
        mtl.evaluate(model, dataset, "validation")
