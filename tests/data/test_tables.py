"""Data from memory: frames, columns and rows that a program holds."""

import numpy as np
import pytest

from mtl_keras.data.audit import audit
from mtl_keras.data.columns import Columns
from mtl_keras.data.tables import Table
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError

pd = pytest.importorskip("pandas", reason="needs pip install pandas")
polars = pytest.importorskip("polars", reason="needs pip install polars")

TEXTS, LABELS = ["aa", "bé c", "d"], ["x", "y", "x"]
RECORDS = [{"body": text, "topic": label} for text, label in zip(TEXTS, LABELS, strict=True)]
COLUMNS = {"body": TEXTS, "topic": LABELS}
ROWS = [(number, *row) for number, row in enumerate(zip(TEXTS, LABELS, strict=True), 1)]


class HuggingFace(list):
    """What `datasets.Dataset` has: rows of dicts, and features with the names of classes."""

    class ClassLabel:
        names = ["x", "y"]

    features = {"topic": ClassLabel()}


class TfData:
    """What `tf.data.Dataset` has, of dicts of scalars."""

    def cardinality(self):
        return -2

    def as_numpy_iterator(self):
        return ({key: np.bytes_(value.encode()) for key, value in row.items()} for row in RECORDS)


DATA = {
    "pandas": pd.DataFrame(COLUMNS),
    "pandas, categories": pd.DataFrame(COLUMNS).astype({"topic": "category"}),
    "pandas, duplicate index": pd.DataFrame(COLUMNS, index=[7, 7, 7]),
    "polars": polars.DataFrame(COLUMNS),
    "records": RECORDS,
    "a generator": (row for row in RECORDS),
    "lists": COLUMNS,
    "arrays": {name: np.array(column) for name, column in COLUMNS.items()},
    "arrays of objects": {name: np.array(column, object) for name, column in COLUMNS.items()},
    "hugging face": HuggingFace(row | {"topic": "xy".index(row["topic"])} for row in RECORDS),
    "tf.data": TfData(),
}


@pytest.mark.parametrize("name", DATA)
def test_each_form_gives_the_same_rows_at_each_pass(name):
    table = Table("topic, train data", DATA[name])
    columns = Columns(text="body", label="topic")
    assert [list(table.rows(columns)) for _ in range(2)] == [ROWS, ROWS]
    assert table.fingerprint(columns) == Table("other", RECORDS).fingerprint(columns)


def test_a_frame_trains_as_the_file_of_the_same_rows_does(tmp_path):
    frame = pd.DataFrame({"text": [f"text {n}" for n in range(40)], "label": ["b", "a"] * 20})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    of_file = TaskDataset(Task("topic", files={"train": tmp_path / "rows.csv"}))
    of_frame = TaskDataset(Task("topic", data={"train": frame}))
    assert of_frame.counts == of_file.counts and of_frame.label_counts == of_file.label_counts
    for split in ("train", "validation"):
        assert list(of_frame.examples(split)) == list(of_file.examples(split))


def _frame(**columns):
    good = {"text": ["a", "b"] * 4, "label": ["x", "y"] * 4}
    return pd.DataFrame({name: [*good[name], *columns.get(name, "cx")[:1]] for name in good})


WRONG = {
    "a number": ({"text": [3]}, "row 8: the text must be a string. Received: 3"),
    "NaN as text": ({"text": [float("nan")]}, "row 8: the text must be a string.*; fill it in"),
    "None as text": ({"text": [None]}, "row 8: the text must be a string.*; fill it in"),
    "pd.NA as text": ({"text": [pd.NA]}, "row 8: the text must be a string.*; fill it in"),
    "a list as text": ({"text": [["a", "b"]]}, r"row 8: the text must be a string.*\['a', 'b'\]"),
    "an empty text": ({"text": [" "]}, "row 8: the text is empty"),
    "NaN as label": ({"label": [float("nan")]}, "row 8: a label must be a string or a number"),
    "NaT as label": ({"label": [pd.NaT]}, "row 8: a label must be a string or a number"),
    "None as label": ({"label": [None]}, "row 8: a label must be a string or a number"),
    "a list as label": ({"label": [["x", "y"]]}, "row 8: a label .*for kind: multilabel"),
    "a true label": ({"label": [True]}, "row 8: a label .*; write it as text"),
    "a timestamp": ({"label": [pd.Timestamp("2020-01-01")]}, "row 8: a label must be a string"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("form", [lambda frame: frame, lambda frame: frame.to_dict("records")])
def test_a_wrong_cell_is_named_by_its_row(name, form):
    columns, message = WRONG[name]
    with pytest.raises(InputError, match=f"topic, train data, {message}"):
        TaskDataset(Task("topic", data={"train": form(_frame(**columns))}))


def test_a_row_of_a_frame_is_named_by_its_index_too():
    frame = _frame(text=[None]).set_index(pd.Index([f"t{n}" for n in range(9)]))
    with pytest.raises(InputError, match=r"data, row 8 \(index 't8'\): the text"):
        TaskDataset(Task("topic", data={"train": frame}))


def test_what_is_odd_is_named_by_its_row():
    rows = [{"text": "a", "label": "x"}, {"text": "b", "label": "y\u200b"}] * 3
    test = pd.DataFrame({"text": ["a"], "label": ["x"]}, index=["first"])
    dataset = TaskDataset(Task("topic", data={"train": rows, "validation": rows, "test": test}))
    places = {finding.about: finding.places for finding in audit({"topic": dataset})}
    assert places["hidden"] == (("topic, validation data, row 1",),)
    assert places["shared_with_train"][0][0].startswith("topic, test data, row 0 (index 'first')")


class Shrinking:
    """Rows of which each pass has two fewer: an iterator that is kept does so, at the latest."""

    def __init__(self):
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        return iter([{"text": "a", "label": "x"}, {"text": "b", "label": "y"}] * (9 - self.passes))


def test_data_that_end_early_at_a_later_pass_are_refused():
    with pytest.raises(InputError, match="topic, train data: 16 rows at first, 14 at a later pass"):
        list(TaskDataset(Task("topic", data={"train": Shrinking()})).examples("train"))


SHAPES = {
    "a column alone": (
        pd.Series(["a", "b"]),
        "data: cannot be read: .*give a table with named col",
    ),
    "columns of two lengths": ({"text": ["a"], "label": []}, "'text' has 1 rows, 'label' 0"),
    "a string for a column": ({"text": "abc", "label": [1]}, "must be a list or an array"),
    "no such column": ({"txt": ["a"], "label": ["x"]}, "no column 'text'.*did you mean 'txt'"),
    "rows that are lists": ([["a", "x"]], r"row 0: expected a dict of columns. Received: \['a'"),
    "a row without the key": ([{"text": "a", "lable": "x"}], "row 0: no column 'label'.*'lable'"),
    "an empty list": ([], "topic, train data: no example"),
    "an empty frame": (pd.DataFrame({"text": [], "label": []}), "data: no example"),
    "an empty generator": (iter(()), "topic, train data: no example"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_data_of_another_shape_are_refused(name):
    data, message = SHAPES[name]
    with pytest.raises(InputError, match=message):
        TaskDataset(Task("topic", data={"train": data}))


@pytest.mark.parametrize("data", [3, b"rows", object()])
def test_what_holds_no_rows_is_refused_when_it_is_declared(data):
    with pytest.raises(InputError, match="topic, train data: expected a pandas or Polars frame"):
        Task("topic", data={"train": data})


def test_a_dataset_without_end_is_refused():
    endless = TfData()
    endless.cardinality = lambda: -1
    with pytest.raises(InputError, match=r"an endless dataset; leave out repeat\(\)"):
        Task("topic", data={"train": endless})


def test_spans_of_characters_may_be_tuples_in_a_frame():
    frame = pd.DataFrame({"text": ["to Leeds"] * 3, "entities": [[(3, 8, "city")]] * 3})
    data = {"train": frame, "validation": frame}
    dataset = TaskDataset(Task("places", "tagging", data=data, label="entities"))
    assert next(dataset.examples("train")).label == (0, 1)


def test_a_changed_frame_has_another_fingerprint():
    frame, columns = _frame(), Columns()
    table = Table("topic, train data", frame)
    before = table.fingerprint(columns)
    frame.loc[0, "text"] = "changed"
    assert table.fingerprint(columns) != before
