"""Everything that is wrong with data is reported at once."""

import gzip
import json
from types import SimpleNamespace

import pytest

import mtl_keras as mtl
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError
from mtl_keras.runs.data_check import check

AB = {"labels": ["a", "b"]}
BY_PLACE = mtl.Columns(text=0, label=1)
# What is planted in a training file: its name, its content, its task, and the faults with lines.
PLANTED = [
    (
        "rows.csv",
        'text,label\ngood,a\n"",a\nwell,c\n,\none,two,three\nalone\ntext,label\n'
        '"a "quote" here",b\nfine,\n   ,b\nlast,b\n',
        AB,
        {
            3: "the text is empty",
            4: "unknown label 'c'",
            5: "the text is empty",
            6: "3 fields, expected 2 as in line 1",
            7: "1 field, expected 2 as in line 1",
            8: "this row repeats the header in line 1",
            9: "characters after a closing quote",
            10: "the row has no label",
            11: "the text is empty",
        },
    ),
    ("open.csv", 'text,label\n,a\ngood,a\n"open,b\nmore,a\n', AB, {2: "empty", 4: "never closed"}),
    ("cp.csv", "text,label\nna\xefve,a\n".encode("latin-1"), AB, {2: "not UTF-8"}),
    ("names.csv", "body,label\nx,a\n", AB, {1: "no column 'text'; the first line has"}),
    ("stars.tsv", "text\tlabel\nx\t1\ny\tmany\nz\tnan\nv\t\nw\t1e99\n", {"kind": "regression"}, {
        3: "expected a number", 4: "finite", 5: "expected a number", 6: "finite",
    }),
    ("head.csv", "utterance,topic\ngood,a\nbad,b\nfine,a\n", {"columns": BY_PLACE}, {
        1: "only this row has the label 'topic'",
    }),
    ("found.csv", "text,label\nx,a\ny,b\nz,#REF!\nw,nan\nv,\"['a']\"\n", {}, {
        4: "stands for a missing value", 5: "stands for a missing value", 6: "a bracket",
    }),
    (
        "rows.jsonl",
        '{"text": "x", "label": "a"}\n{"text": "x"}\n[1]\n{"text": "x", "label": \n'
        '{"text": null, "label": "a"}\n{"text": "x", "label": true}\n\n'
        '{"text": "x", "text": "y", "label": "a"}\n{"text": "\\ud800", "label": "a"}\n'
        '{"text": "x", "label": "a"} 3\n{"text": "x", "label": ["a", "b"]}\n',
        AB,
        {
            2: "no key 'label'",
            3: "expected a JSON object",
            4: "not JSON",
            5: "the text must be a string",
            6: "a label must be a string or a number",
            8: "key 'text' occurs twice",
            9: "half a surrogate pair",
            10: "more after the value",
            11: "is for kind: multilabel",
        },
    ),
    (
        "rows.json",
        '[{"text": "x", "label": "a"},\n{"text": "", "label": "a"},\n'
        '{"label": "a", "label": "b"},\n3,\n'
        '{"text": "y", "label": "b"}\n{"text": "y", "label": "b"}]',
        AB,
        {2: "the text is empty", 3: "occurs twice", 4: "expected a JSON object", 6: "expected ','"},
    ),
    ("flags.jsonl", '{"text": "x", "label": ["a"]}\n{"text": "x", "label": 3}\n'
     '{"text": "x", "label": ["a", "z"]}\n', {"kind": "multilabel", **AB}, {
        2: "expected a list of labels", 3: "unknown label 'z'",
    }),
    (
        "tags.conll",
        "Anna B-PER\nLee I-PER\n\nin O\nRome\nand O x\nOslo B-CITY\nnow X-CITY\nBern B-PLACE\n\n"
        "Paris B-\nis O\n",
        {"kind": "tagging", "labels": ["PER", "CITY"]},
        {
            5: "has no tag",
            6: "3 fields, expected 2",
            8: "fits no scheme",
            11: "fits no scheme",
        },
    ),
    ("types.conll", "Anna B-PER\n\nBern B-PLACE\nis O\nit B-THING\n",
     {"kind": "tagging", "labels": ["PER"]}, {3: "unknown label 'PLACE'", 5: "unknown label"}),
    ("parts.conllu", "1\tJa\tja\tINTJ\t_\t_\t0\troot\t_\t_\n1\tJa\tja\tINTJ\n\n"
     "1\tEs\tes\tPRON\t_\t_\t0\troot\t_\t_\n2\tgeht\tgehen\t\t_\t_\t0\troot\t_\t_\n",
     {"kind": "token_labels", "labels": ["INTJ", "PRON"]}, {
        2: "4 fields, expected 10", 5: "the row has no label",
    }),
    ("spans.jsonl", '{"text": "to Leeds", "label": [[3, 8, "city"]]}\n'
     '{"text": "to Leeds", "label": [[3, 99, "city"]]}\n'
     '{"text": "to Leeds", "label": [[0, 5, "city"], [3, 8, "city"]]}\n'
     '{"text": "to Leeds", "label": "O B-city O"}\n', {"kind": "tagging", "labels": ["city"]}, {
        2: "is not within the text", 3: "overlap", 4: "2 words and 3 tags",
    }),
]  # fmt: skip


def _task(folder, name, content, settings):
    folder.mkdir(exist_ok=True)
    content = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return mtl.Task("task", files={"train": str(folder / name)}, **settings)


def _lines(folder, name, result):
    """Line → message of the faults."""
    prefix = f"{folder / name}:"
    messages = [message for fault in result.faults for message in fault.messages]
    parts = [message.removeprefix(prefix).partition(": ") for message in messages]
    return {int(line): message for line, _, message in parts}


def test_at_least_forty_faults_are_planted():
    assert sum(len(faults) for *_, faults in PLANTED) >= 40


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_every_planted_fault_is_found_with_its_line_and_nothing_else(tmp_path, packed):
    for number, (name, content, settings, planted) in enumerate(PLANTED):
        folder = tmp_path / str(number)
        task = _task(folder, name + packed, content, settings)
        faults = _lines(folder, name + packed, check(task))
        assert [*faults] == sorted(faults, key=[*faults].index)
        assert set(faults) == set(planted), (name, faults)
        for line, part in planted.items():
            assert part in faults[line], (name, line, faults[line])


def test_training_refuses_the_first_of_them_in_the_same_words(tmp_path):
    for number, (name, content, settings, _) in enumerate(PLANTED):
        task = _task(tmp_path / str(number), name, content, settings)
        messages = [message for fault in check(task).faults for message in fault.messages]
        with pytest.raises(InputError) as raised:
            TaskDataset(task)
        assert str(raised.value) in messages


def test_parquet_and_frames_have_all_their_faults(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    rows = {"text": ["x", None, "y", ""], "label": ["a", "b", "c", "a"]}
    parquet.write_table(pyarrow.table(rows), tmp_path / "rows.parquet")
    by_file = check(mtl.Task("task", **AB, data={"train": str(tmp_path / "rows.parquet")}))
    assert [*_lines(tmp_path, "rows.parquet", by_file)] == [2, 3, 4]
    by_table = check(mtl.Task("task", **AB, data={"train": rows}))
    assert [
        message.split(":")[0][-5:] for fault in by_table.faults for message in fault.messages
    ] == [
        "row 1",
        "row 2",
        "row 3",
    ]
    dicts = [{"text": "x", "label": "a"}, 3, {"text": "x"}, {"text": "", "label": "a"}]
    by_rows = check(mtl.Task("task", **AB, data={"train": dicts}))
    assert sum(fault.count for fault in by_rows.faults) == 3


def test_faults_of_all_files_splits_and_tasks_come_at_once(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\n" + "fine,x\nbad,y\n" * 6)
    (tmp_path / "b.csv").write_text("text,label\n" + ",x\n" * 23)
    (tmp_path / "c.csv").write_text("text,label\nfine,p\n,q\n")
    files = {
        "train": [f"{tmp_path}/a.csv", f"{tmp_path}/b.csv", f"{tmp_path}/none.csv"],
        "validation": f"{tmp_path}/absent.csv",
        "test": f"{tmp_path}/c.csv",
    }
    actual = check(
        [mtl.Task("mood", files=files), mtl.Task("tone", files={"train": files["test"]})]
    )
    words = [(fault.task, fault.split, fault.count) for fault in actual.faults]
    assert words == [
        ("mood", "train", 1),
        ("mood", "validation", 1),
        ("mood", "train", 23),
        ("mood", "test", 1),
        ("mood", "test", 1),
        ("tone", "train", 1),
    ]
    assert actual.examples["mood"]["train"] == 12
    shown = str(actual)
    assert "mood, train: … and 3 more of this kind" in shown
    assert shown.splitlines()[-1].startswith("12 rows are right; wrong: 28")
    assert "mood, test: " + f"{tmp_path}/c.csv:2: unknown label 'p'" in shown
    assert json.loads(json.dumps(actual.to_json()))["right"] is False
    assert "absent.csv" in actual._repr_html_()


def test_right_data_have_no_fault_and_a_program_says_so():
    rows = [{"text": f"{word} thing", "label": label} for word in "abcdefghij" for label in "xy"]
    actual = check(mtl.Task("mood", data={"train": rows}))
    assert actual.is_right
    with pytest.raises(InputError, match="check takes a recipe"):
        check("recipe.yaml")


GOOD = "text,label\n" + "".join(f"text {c},{'ab'[n % 2]}\n" for n, c in enumerate("qwertyuiop"))
# Files with a fault after which they cannot be read on, and the faults of the whole task.
UNREADABLE = {
    "cut.csv.gz": (gzip.compress(GOOD.encode())[:60], ["cannot be read"]),
    "no.parquet": (b"x", ["cannot be read"]),
    "empty.csv": (b"", ["no example"]),
    "header.csv": (b"text,label\n", ["no example"]),
    "one.csv": (b"text,label\n" + b"x,a\n" * 20, ["every row has the label 'a'"]),
    "what.xyz": (b"hello\nworld\n", ["unknown format"]),
    "twice.csv": (b"text,text,label\nx,y,a\n", ["two columns are named 'text'"]),
    "root.json": (b'{"data": [1]}', ["expected an array of objects"]),
    "zip.csv": (b"PK\x03\x04 zip", ["a ZIP archive"]),
    "wide.csv": (GOOD.encode("utf-16"), ["not UTF-8 but UTF-16"]),
    "other.csv": (GOOD.replace(",", ";").encode(), ["set delimiter: ';'"]),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_on_leaves_the_other_splits_to_be_checked(tmp_path, name):
    content, expected = UNREADABLE[name]
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    (tmp_path / "test.csv").write_text(GOOD + ",a\nmore,\n")
    files = {"train": str(tmp_path / name), "test": str(tmp_path / "test.csv")}
    found = check(mtl.Task("task", files=files))
    messages = [message for fault in found.faults for message in fault.messages]
    assert len(messages) == len(expected) + 2
    for part, message in zip(expected, messages, strict=False):
        assert part in message
    assert [message.removeprefix(str(tmp_path)) for message in messages[-2:]] == [
        "/test.csv:12: the text is empty; fill it in or remove the row",
        "/test.csv:13: the row has no label; fill it in or remove the row",
    ]


def test_every_row_of_a_split_whose_labels_are_all_unknown_is_refused_and_no_other_twice(tmp_path):
    (tmp_path / "train.csv").write_text(GOOD)
    (tmp_path / "test.csv").write_text(GOOD.replace(",a", ",c").replace(",b", ",d") + ",c\n")
    files = {split: str(tmp_path / f"{split}.csv") for split in ("train", "test")}
    found = check(mtl.Task("task", files=files))
    assert sum(fault.count for fault in found.faults) == 11


def test_of_a_model_the_tasks_that_have_data_are_checked():
    bad = mtl.Task("mood", labels=["x", "y"], data={"train": {"text": [""], "label": ["x"]}})
    tasks = {"mood": bad, "bare": mtl.Task("bare", labels=["x", "y"])}
    found = check(SimpleNamespace(tasks=tasks, encoder=SimpleNamespace(tokenizer=None)))
    assert [(fault.task, fault.count) for fault in found.faults] == [("mood", 1)]
