"""Tasks over files: checked, counted, cut and streamed."""

import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest
from support.places import ROOT

from mtl_keras.data.columns import Columns
from mtl_keras.data.row_errors import row_errors
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError

AG_NEWS_CLASSES = {"1": "World", "2": "Sports", "3": "Business", "4": "Sci/Tech"}


@pytest.fixture
def dataset(tmp_path):
    """Opens a task over contents: `dataset(kind, {"train.csv": ...})`, one file a split."""

    def dataset(kind, contents, *, labels=(), columns=None):
        for name, content in contents.items():
            content = content if isinstance(content, bytes) else content.encode()
            (tmp_path / name).write_bytes(content)
        files = {name.split(".")[0]: name for name in contents}
        task = Task("topic", kind, labels, files=files, columns=columns or Columns())
        return TaskDataset(task, base_folder=tmp_path)

    return dataset


def _csv(*rows):
    return "".join(f"{row}\n" for row in ("text,label", *rows))


def _rows(number, labels="ab"):
    return [f"text {row},{labels[row % len(labels)]}" for row in range(number)]


# Real files


def test_ag_news(shared):
    columns = {
        "train": Columns(text=0, label=1),
        "test": Columns(text=2, label=0, label_names=AG_NEWS_CLASSES),
    }
    files = {"train": "train.tsv", "test": "test.csv"}
    task = Task("topic", files=files, columns=columns)
    opened = TaskDataset(task, base_folder=shared / "data/ag_news")
    assert opened.task.labels == ("Business", "Sci/Tech", "Sports", "World")
    assert opened.counts["test"] == 7600
    assert opened.counts["train"] + opened.counts["validation"] == 10001
    assert 900 < opened.counts["validation"] < 1100
    both = opened.label_counts["train"] + opened.label_counts["validation"]
    assert both == {"Business": 2496, "Sci/Tech": 2538, "Sports": 2458, "World": 2509}
    assert set(opened.label_counts["test"].values()) == {1900}


def test_sst2(shared):
    files = {"train": "train.tsv", "validation": "dev.tsv"}
    task = Task("sentiment", files=files, columns=Columns(text="sentence"))
    opened = TaskDataset(task, base_folder=shared / "data/sst2")
    assert opened.counts == {"train": 67349, "validation": 872}
    assert opened.task.labels == ("0", "1")
    assert next(opened.examples("validation")).text == (
        "it 's a charming and often affecting journey . "
    )


@pytest.mark.parametrize(("kind", "classes"), [("classification", 7), ("tagging", 79)])
def test_snips(shared, kind, classes):
    files = {"train": "train", "validation": "valid", "test": "test"}
    opened = TaskDataset(Task("snips", kind, files=files), base_folder=shared / "data/snips")
    assert opened.counts == {"train": 13084, "validation": 700, "test": 700}
    assert len(opened.task.classes) == classes
    tags = (shared / "data/snips/train/seq.out").read_text().split()
    assert len(set(tags)) == 72
    if kind == "tagging":
        actual = [
            opened.task.classes[tag]
            for example in opened.examples("train")
            for tag in example.label
        ]
        assert actual == tags


def test_wnut17(shared):
    files = {"train": "train.conll", "validation": "dev.conll", "test": "test.conll"}
    task = Task("entities", "tagging", files=files)
    opened = TaskDataset(task, base_folder=shared / "data/wnut17")
    assert opened.counts == {"train": 3394, "validation": 1009, "test": 1287}
    assert opened.task.labels == (
        *("corporation", "creative-work", "group", "location", "person", "product"),
    )
    assert opened.label_counts["train"]["person"] == 660
    assert opened.label_counts["test"].total() == 1079


# Labels


def test_labels_are_found_in_the_training_files_and_sorted(dataset):
    opened = dataset("classification", {"train.csv": _csv(*["a,10", "b,9", "c,2"] * 2)})
    assert opened.task.labels == ("2", "9", "10")


def test_labels_that_are_given_keep_their_order_and_need_no_example(dataset):
    contents = {"train.csv": _csv("t,b", "u,a"), "validation.csv": _csv("v,c")}
    opened = dataset("classification", contents, labels=["c", "b", "a", "none"])
    assert [example.label for example in opened.examples("train")] == [1, 2]
    assert opened.label_counts == {"train": {"b": 1, "a": 1}, "validation": {"c": 1}}


def test_span_types_are_found_and_may_be_given_as_tags(dataset):
    content = "Rome\tS-city\nis\tO\n\nACME\tB-org\nInc\tE-org\n" * 2
    opened = dataset("tagging", {"train.conll": content})
    given = dataset("tagging", {"train.conll": content}, labels=["O", "B-org", "I-org", "B-city"])
    assert opened.task.classes == ("O", "B-city", "I-city", "B-org", "I-org")
    assert given.task.classes == ("O", "B-org", "I-org", "B-city", "I-city")
    assert sum(given.label_counts.values(), Counter()) == {"org": 2, "city": 2}


FREE_LABELS = {
    "train.conll": "a NOUN\nb O\n\nc B-x\n\nd O\n",
    "train.jsonl": '{"text": ["a", "b"], "label": ["NOUN", "O"]}\n'
    '{"text": "c", "label": "B-x"}\n{"text": "d", "label": ["O"]}\n',
    "train.csv": _csv("a b,NOUN O", "c,B-x", "d,O"),
    "train/seq.in": "a b\nc\nd\n",
}


@pytest.mark.parametrize("name", FREE_LABELS)
def test_free_labels_of_words_are_found_alike_in_every_format(dataset, tmp_path, name):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "seq.out").write_text("NOUN O\nB-x\nO\n")
    (tmp_path / name).write_text(FREE_LABELS[name])
    files = {split: name.removesuffix("/seq.in") for split in ("train", "validation")}
    opened = TaskDataset(Task("parts", "token_labels", files=files), base_folder=tmp_path)
    assert opened.task.labels == ("B-x", "NOUN", "O")
    assert opened.label_counts["train"] == {"O": 2, "NOUN": 1, "B-x": 1}
    assert [example.label for example in opened.examples("train")] == [(1, 2), (0,), (2,)]


def test_labels_of_multilabel_are_counted_each(dataset):
    opened = dataset("multilabel", {"train.csv": _csv("t,2|1", "u,1", "v,")})
    assert opened.task.labels == ("1", "2")
    assert sum(opened.label_counts.values(), Counter()) == {"1": 2, "2": 1}


def test_a_regression_has_no_labels(dataset):
    opened = dataset("regression", {"train.csv": _csv("t,1", "u,2.5")})
    assert opened.task.labels == ()
    assert opened.counts == {"train": 1, "validation": 1}
    assert not any(opened.label_counts.values())


def test_files_without_training_serve_where_labels_are_given(dataset):
    opened = dataset("classification", {"test.csv": _csv("t,a")}, labels=["a", "b"])
    assert opened.counts == {"test": 1}
    with pytest.raises(InputError, match="'topic' has no train examples; it has test"):
        opened.check_split("train")
    with pytest.raises(InputError, match="'topic' has no validation examples"):
        opened.stream("validation", 8)


def test_many_files_are_one_split(tmp_path):
    for name, text in {"b": "second", "a": "first", "c": "third"}.items():
        (tmp_path / f"{name}.csv").write_text(_csv(f"{text},x", f"{text} too,y"))
    files = {"train": ["[ab].csv", "c.csv"], "validation": "c.csv"}
    opened = TaskDataset(Task("topic", files=files), base_folder=tmp_path)
    texts = [example.text for example in opened.examples("train")]
    assert texts == ["first", "first too", "second", "second too", "third", "third too"]


# Bad input

WRONG = [
    ("classification", {"train.csv": _csv("t,a", " ,a")}, "train.csv:3: the text is empty"),
    ("classification", {"train.csv": _csv("t,a", "u,")}, "train.csv:3: the row has no label"),
    ("classification", {"train.csv": _csv("t,a", "u,a,")}, "train.csv:3: 3 fields, expected 2"),
    ("classification", {"train.csv": b"text,label\nt,a\n\xff,a"}, "train.csv:3: not UTF-8"),
    ("classification", {"train.csv": "text,topic\nt,a\n"}, "train.csv:1: no column 'label'"),
    ("classification", {"train.csv": _csv("t,a", "u,a")}, "train.csv: every row has the label 'a'"),
    (
        "classification",
        {"train.csv": _csv()},
        "train.csv: no example; task 'topic' needs some to t",
    ),
    ("regression", {"train.csv": ""}, "train.csv: no example; task 'topic' needs some to train on"),
    ("regression", {"train.csv": _csv("t,1", "u,nan")}, "train.csv:3: expected a finite number"),
    ("regression", {"train.csv": _csv("t,1")}, "train.csv: only one example, too few to cut"),
    ("multilabel", {"train.csv": _csv("t,", "u,|")}, "train.csv: no label in any row"),
    ("tagging", {"train.conll": "a O\nb O\n\nc O"}, "train.conll: no label in any row"),
    ("tagging", {"train.conll": "a O\n\nb B-x\nc X-x"}, "train.conll:4: the tag 'X-x' fits no sch"),
    ("tagging", {"train.conll": "a O\n\nb B-x\nc"}, "train.conll:4: 'c' has no tag"),
    ("tagging", {"train.jsonl": '{"text": "a b", "label": ["O"]}'}, "train.jsonl:1: 2 words and 1"),
    ("tagging", {"train.conll": "a O\nb NOUN"}, "train.conll:2: the tag 'NOUN' fits no scheme"),
    ("token_labels", {"train.conll": "a X\n\nb Y\nc"}, "train.conll:4: 'c' has no tag"),
    ("token_labels", {"train.jsonl": '{"text": "a b", "label": ["X"]}'}, "train.jsonl:1: 2 words"),
    ("token_labels", {"train.conll": "a X\n\nb X"}, "train.conll: every row has the label 'X'"),
    (
        "classification",
        {"train.csv": _csv(*_rows(9)), "test.csv": _csv("t,1", "u,2")},
        "test.csv:2: unknown label '1'; the labels are 'a', 'b'; name what the file means by it",
    ),
    (
        "tagging",
        {"train.conll": "a B-x\n\nb O\n", "test.conll": "a O\n\nb O\nc B-y"},
        "test.conll:4: unknown label 'y'; the labels are 'x'",
    ),
    ("classification", {"train.csv": _csv(*_rows(9), "text,label")}, "train.csv:11: this row rep"),
    ("classification", {"train.csv": _csv(*_rows(9), "t,NaN")}, "train.csv:11: the label 'NaN' st"),
    (
        "classification",
        {"train.csv": _csv('t, "a"', "u,b")},
        "train.csv:2: the label '\"a\"' begin",
    ),
    (
        "classification",
        {"train.csv": _csv('t,"[""a""]"', "u,b")},
        "train.csv:2: the label '[\"a\"]' b",
    ),
    (
        "classification",
        {"train.csv": _csv(*_rows(9)), "validation.csv": _csv()},
        "validation.csv: no example; task 'topic' needs some to measure",
    ),
]


@pytest.mark.parametrize(("kind", "contents", "message"), WRONG)
def test_wrong_files_are_refused_with_file_and_line(dataset, tmp_path, kind, contents, message):
    with pytest.raises(InputError) as raised:
        dataset(kind, contents)
    assert str(raised.value).startswith(str(tmp_path / message))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("kind", "member"), [("tagging", "seq.out"), ("classification", "label")])
def test_what_is_wrong_with_parallel_lines_is_reported_of_the_member(tmp_path, kind, member):
    for name, content in {"seq.in": "a\nb\n", "seq.out": "O\nX\n", "label": "x\n \n"}.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=rf"^{re.escape(str(tmp_path / member))}:2: "):
        TaskDataset(Task("topic", kind, files={"train": "."}), base_folder=tmp_path)


def test_a_header_that_was_not_declared_is_suspected(dataset):
    columns = Columns(text=0, label=1)
    for labels in ([], ["a", "b"]):
        with pytest.raises(InputError, match=r"csv:1: .*; if this line is a header, set header: t"):
            dataset(
                "classification", {"train.csv": _csv(*_rows(9))}, labels=labels, columns=columns
            )


def test_a_missing_file_and_missing_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"train\.csv: no such file"):
        TaskDataset(Task("topic", files={"train": "train.csv"}), base_folder=tmp_path)
    with pytest.raises(InputError, match="'topic' has no data"):
        TaskDataset(Task("topic"))
    (tmp_path / "test.csv").write_text(_csv("t,a"))
    with pytest.raises(InputError, match="no training files to find its labels in; list its lab"):
        TaskDataset(Task("topic", files={"test": "test.csv"}), base_folder=tmp_path)


def test_rows_that_are_not_read_beforehand_are_checked_as_they_come(dataset, tmp_path):
    contents = {"train.csv": _csv(*_rows(9), "t,z"), "validation.csv": _csv("v,a")}
    with pytest.raises(InputError, match=r"train\.csv:11: unknown label 'z'"):
        dataset("classification", contents, labels=["a", "b"])
    files = {name.split(".")[0]: name for name in contents}
    task = Task("topic", labels=["a", "b"], files=files)
    opened = TaskDataset(task, base_folder=tmp_path, unread=["train"])
    assert (opened.splits, opened.counts) == (("train", "validation"), {"validation": 1})
    assert [os.path.basename(path) for path in opened.unread_files] == ["train.csv"]
    raised = pytest.raises(InputError, match=r"train\.csv:11: unknown label 'z'; the labels are")
    with raised, row_errors([opened]):
        list(opened.stream("train", 4, seed=0))
    (tmp_path / "train.csv").write_text(_csv())
    raised = pytest.raises(
        InputError, match=r"train\.csv: no example; task 'topic' needs some to t"
    )
    with raised, row_errors([opened]):
        list(opened.stream("train", 4, endless=True))
    with pytest.raises(InputError, match="must be read first; list its labels"):
        TaskDataset(Task("topic", files=files), base_folder=tmp_path, unread=["train"])


MORE = [
    (
        "classification",
        _csv(*_rows(9)),
        "test.csv",
        _csv("t,b", "u,c", "v,d"),
        "ab",
        "cd",
        [1, 2, 3],
    ),
    ("token_labels", "a X\n\nb Y\n", "test.conll", "a X\n\nb Y\nc Z\n", "XY", "Z", [(0,), (1, 2)]),
    ("tagging", "a B-x\n\nb O\n", "test.conll", "a B-x\nb B-y\nc I-y\n", "x", "y", [(1, 3, 4)]),
    ("multilabel", _csv("t,a", "u,b"), "test.csv", _csv("t,a|c|d"), "ab", "cd", [(0, 2, 3)]),
]


@pytest.mark.parametrize(("kind", "train", "name", "test", "known_labels", "more", "labels"), MORE)
def test_labels_that_training_lacks_have_indices_beyond_its_own(
    dataset, kind, train, name, test, known_labels, more, labels
):
    train_name = name.replace("test", "train")
    opened = dataset(kind, {train_name: train, name: test})
    assert opened.task.labels == tuple(known_labels)
    assert opened.more_labels == {"test": list(more)}
    assert [example.label for example in opened.examples("test")] == labels
    assert all(opened.label_counts["test"][label] == 1 for label in more)
    (chunk,) = opened.stream("test", 8)
    assert kind != "multilabel" or chunk["label"].numpy().tolist() == [[1.0, 0.0, 1.0, 1.0]]


def test_a_label_of_one_example_is_legal_and_a_listed_tasks_labels_are_all(dataset):
    train = _csv("t,a", "u,b", "v,a")
    assert dataset("classification", {"train.csv": train}).task.labels == ("a", "b")
    first = "only one here,x\n" + "".join(f"text {n},{n % 2}\n" for n in range(9))
    columns = Columns(text=0, label=1)
    assert "x" in dataset("classification", {"train.csv": first}, columns=columns).task.labels
    with pytest.raises(InputError, match=r"test\.csv:2: unknown label 'c'"):
        dataset("classification", {"train.csv": train, "test.csv": _csv("t,c")}, labels=["a", "b"])


# The cut


def test_a_validation_split_is_cut_off_by_text(dataset):
    content = _csv(*_rows(1000), *_rows(1000))
    opened = dataset("classification", {"train.csv": content})
    sides = {split: [example.text for example in opened.examples(split)] for split in opened.counts}
    assert {split: len(texts) for split, texts in sides.items()} == opened.counts
    assert 140 < opened.counts["validation"] < 260
    assert not set(sides["train"]) & set(sides["validation"])
    assert sorted(sides["train"] + sides["validation"]) == sorted(
        row.split(",")[0] for row in content.splitlines()[1:]
    )


def test_new_rows_move_no_old_one_to_the_other_side(dataset):
    before = dataset("classification", {"train.csv": _csv(*_rows(500))})
    old = {example.text for example in before.examples("validation")}
    after = dataset("classification", {"train.csv": _csv(*reversed(_rows(800)))})
    new = {example.text for example in after.examples("validation")}
    assert old < new
    assert all(int(text.split()[1]) >= 500 for text in new - old)


@pytest.mark.parametrize("number", [2, 9, 12])
def test_of_few_texts_every_tenth_row_is_cut_off(dataset, number):
    rows = [f"same,{label}" for label in "ab" * number][:number]
    opened = dataset("classification", {"train.csv": _csv(*rows)}, labels=["a", "b"])
    validation = (number + 9) // 10
    assert opened.counts == {"train": number - validation, "validation": validation}


# Streams


def test_a_stream_keeps_the_files_order(dataset):
    contents = {"train.csv": _csv(*_rows(10)), "validation.csv": _csv("v,a")}
    opened = dataset("classification", contents)
    chunks = list(opened.stream("train", 4))
    assert [chunk["text"].shape[0] for chunk in chunks] == [4, 4, 2]
    texts = [text.decode() for chunk in chunks for text in chunk["text"].numpy()]
    assert texts == [example.text for example in opened.examples("train")]
    labels = [label for chunk in chunks for label in chunk["label"].numpy()]
    assert labels == [0, 1] * 5


@pytest.mark.slow
@pytest.mark.parametrize("buffer_size", [1, 7, 1000])
def test_a_shuffled_stream_is_a_new_order_each_time_from_its_seed(dataset, buffer_size):
    opened = dataset("classification", {"train.csv": _csv(*_rows(200))})

    def orders(seed):
        stream = opened.stream("train", 16, seed=seed, buffer_size=buffer_size)
        return [[text for chunk in stream for text in chunk["text"].numpy()] for _ in range(2)]

    first, second = orders(3)
    assert sorted(first) == sorted(example.text.encode() for example in opened.examples("train"))
    assert sorted(first) == sorted(second)
    assert orders(3) == [first, second]
    if buffer_size > 1:
        assert first != second
        assert orders(4)[0] not in (first, second)


ELEMENTS = [
    ("classification", "x\ny\n", "int32", [0, 1]),
    ("regression", "0.5\n-2\n", "float32", [0.5, -2.0]),
    ("multilabel", "x|y\ny\n", "float32", [[1.0, 1.0], [0.0, 1.0]]),
]


@pytest.mark.parametrize(("kind", "labels", "dtype", "expected"), ELEMENTS)
def test_chunks_of_text_kinds(tmp_path, kind, labels, dtype, expected):
    for name, content in {"seq.in": "é a\nb\n", "label": labels}.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    names = () if kind == "regression" else ("x", "y")
    opened = TaskDataset(Task("topic", kind, names, files={"test": str(tmp_path)}))
    stream = opened.stream("test", 8)
    (chunk,) = stream
    assert chunk["text"].numpy().tolist() == ["é a".encode(), b"b"]
    assert chunk["label"].numpy().tolist() == expected
    assert {name: spec.dtype.name for name, spec in stream.element_spec.items()} == {
        "text": "string",
        "label": dtype,
    }
    assert stream.element_spec["label"].shape.as_list() == [None, 2][: 1 + (kind == "multilabel")]


@pytest.mark.parametrize(
    ("kind", "labels"), [("tagging", ["x"]), ("token_labels", ["O", "B-x", "I-x"])]
)
def test_chunks_of_words_are_ragged(dataset, kind, labels):
    content = "é\tB-x\nNew York\tI-x\n!\tO\n\nb\tO\n"
    stream = dataset(kind, {"test.conll": content}, labels=labels).stream("test", 8)
    (chunk,) = stream
    assert chunk["text"].numpy().tolist() == ["é New York !".encode(), b"b"]
    assert chunk["word_starts"].to_list() == [[0, 3, 12], [0]]
    assert chunk["label"].to_list() == [[1, 2, 0], [0]]
    for name in ("word_starts", "label"):
        spec = stream.element_spec[name]
        assert (spec.dtype.name, spec.shape.as_list()) == ("int32", [None, None])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file():
    script = ROOT / "benchmarks/streaming_memory.py"
    completed = subprocess.run(
        [
            sys.executable,
            script,
            "--rows",
            "66000",
            "200000",
            "--files",
            "9",
            "--works",
            "one pass",
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(completed.stdout.splitlines()[-1])["difference_mb"] < 20
