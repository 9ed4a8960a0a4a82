"""What is to know of the examples."""

import json

import pytest

import mtl_keras as mtl
from mtl_keras.data.audit import audit, constant_answer, of_split
from mtl_keras.data.findings import Finding
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer

TOKENIZER = WordpieceTokenizer(["[UNK]", "[CLS]", "[SEP]", "a"], lowercase=True, max_length=4)


def _write(folder, name, rows):
    (folder / name).write_text("\n".join(["text,label", *rows]) + "\n")


@pytest.fixture
def topic(tmp_path):
    _write(tmp_path, "train.csv", ["a,x"] * 6 + ["b,y"] * 4 + ["a a a,x"])
    _write(tmp_path, "validation.csv", ["c,x", "d,y"])
    _write(tmp_path, "test.csv", ["a,y", "c,x", "e,x"])
    files = {split: f"{split}.csv" for split in ("train", "validation", "test")}
    task = mtl.Task("topic", labels=["x", "y", "z"], files=files)
    return mtl.TaskDataset(task, base_folder=tmp_path)


def test_every_finding_has_its_count_labels_and_line(topic):
    findings = audit({"topic": topic}, TOKENIZER)
    assert [(finding.split, finding.about, finding.count, finding.of) for finding in findings] == [
        ("test", "shared_with_train", 1, 3),
        ("test", "shared_with_validation", 1, 3),
        (None, "contradictions", 1, 6),
        ("train", "near_empty", 10, 11),
        ("validation", "near_empty", 2, 2),
        ("test", "near_empty", 3, 3),
        ("train", "absent", 0, 0),
        ("validation", "absent", 0, 0),
        ("test", "absent", 0, 0),
        ("train", "few", 0, 0),
        ("validation", "few", 0, 0),
        ("test", "few", 0, 0),
        ("train", "cut", 1, 11),
    ]
    few = [("y",), ("x", "y"), ("x", "y")]
    assert [finding.labels for finding in findings if finding.labels] == [("z",)] * 3 + few
    line = findings[0].in_words()
    assert line.startswith(
        "topic, test: 1 of 3 texts are also training texts, which flatters scores"
    )
    assert line.endswith("train.csv:2") and "test.csv:2 and " in line
    assert ".csv" not in findings[0].in_words(places=False)


def test_a_finding_goes_through_json(topic):
    findings = audit({"topic": topic}, TOKENIZER)
    plain = json.loads(json.dumps([finding.to_json() for finding in findings]))
    assert tuple(map(Finding.from_json, plain)) == findings


def test_a_split_has_its_own_findings_and_those_of_all(topic):
    assert {finding.split for finding in of_split(audit({"topic": topic}), "validation")} == {
        "validation",
        None,
    }


def test_a_split_without_a_label_has_nothing_to_find(tmp_path):
    _write(tmp_path, "train.csv", [f"a{row},{'x|y' if row else 'y'}" for row in range(6)])
    _write(tmp_path, "test.csv", ["bb,", "cc,"])
    files = {"train": "train.csv", "validation": "test.csv"}
    task = mtl.Task("flags", "multilabel", files=files)
    finding, _ = audit({"flags": mtl.TaskDataset(task, base_folder=tmp_path)})
    assert finding.in_words() == (
        "flags, validation: no example has a label, so F1 measures nothing here"
    )


def test_numbers_have_no_labels_and_clean_splits_no_finding(tmp_path):
    _write(tmp_path, "train.csv", ["aa,1", "bb,2"])
    _write(tmp_path, "test.csv", ["cc,1", "dd,3"])
    files = {"train": "train.csv", "validation": "test.csv"}
    task = mtl.Task("stars", "regression", files=files)
    assert audit({"stars": mtl.TaskDataset(task, base_folder=tmp_path)}, TOKENIZER) == ()


def test_files_that_are_not_read_beforehand_are_not_looked_through(tmp_path):
    _write(tmp_path, "a.csv", ["aa,x", "bb,y"] * 5)
    files = {"train": "a.csv", "validation": "a.csv"}
    task = mtl.Task("topic", labels=["x", "y"], files=files)
    assert audit({"topic": mtl.TaskDataset(task, base_folder=tmp_path, unread=["train"])}) == ()


def test_an_answer_that_is_always_the_same_is_said_to_score_well(tmp_path):
    _write(tmp_path, "train.csv", [f"aa{row},{'x' if row > 4 else 'y'}" for row in range(100)])
    task = mtl.Task("topic", files={"train": "train.csv", "validation": "train.csv"})
    findings = audit({"topic": mtl.TaskDataset(task, base_folder=tmp_path)})
    lines = [
        finding.in_words().partition(", so")[0]
        for finding in findings
        if finding.about == "constant"
    ]
    assert lines == [
        f"topic, {split}: always answering 'x' already scores 0.950"
        for split in ("train", "validation")
    ]


def test_the_answer_without_reading_is_trainings_or_the_splits_if_training_is_not_read():
    data = {"train": [("t", "a"), ("u", "a"), ("v", "b")], "test": [("w", "b"), ("x", "b")]}
    data |= {"validation": data["test"]}
    frames = {split: [{"text": t, "label": x} for t, x in rows] for split, rows in data.items()}
    task = mtl.Task("topic", labels=["b", "a"], data=frames)
    read, unread = (mtl.TaskDataset(task, unread=splits) for splits in ([], ["train"]))
    assert constant_answer(task, read, "test").labels == ("a",)
    assert constant_answer(task, unread, "test").labels == ("b",)


def test_texts_that_are_nearly_equal_in_two_splits_are_found(tmp_path):
    _write(
        tmp_path, "train.csv", ['"Where is my order 12 now, please?",x', "track 7,y", "same,x"] * 5
    )
    rows = ["where is my order 345 now please,x", "track 8,y", "TRACK 7!,y", "same,x"] * 5
    _write(tmp_path, "test.csv", rows)
    files = {"train": "train.csv", "validation": "test.csv"}
    task = mtl.Task("topic", files=files)
    findings = audit({"topic": mtl.TaskDataset(task, base_folder=tmp_path)})
    by_kind = {finding.about: (finding.count, finding.of) for finding in findings}
    assert by_kind == {"shared_with_train": (5, 20), "similar_to_train": (10, 20)}
    (similar,) = [finding for finding in findings if finding.about == "similar_to_train"]
    assert [place.rsplit(":", 1)[1] for place in similar.places[1]] == ["4", "3"]
