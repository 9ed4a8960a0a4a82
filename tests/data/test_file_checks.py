"""What is wrong with a file by all its rows together."""

import json

import pytest

from mtl_keras.data.audit import audit
from mtl_keras.data.columns import Columns
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError

TEXT = "Ada Byron, 36, in Leeds \N{GRINNING FACE} from London"
SPANS = [(0, 9), (18, 23), (31, 37)]


def _open(folder, rows, kind="tagging"):
    path = folder / "a.jsonl"
    path.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in rows))
    return TaskDataset(Task("t", kind, files={"train": path, "validation": path}))


def _utf_16(at):
    return len(TEXT[:at].encode("utf-16-le")) // 2


def test_spans_that_mostly_end_inside_words_are_refused(tmp_path):
    inclusive = [[start, end - 1, "X"] for start, end in SPANS]
    with pytest.raises(InputError, match=r":2: 6 of the file's 9 spans .*one past the last"):
        rows = [(TEXT, [[*span, "X"] for span in SPANS]), *2 * [(TEXT, inclusive)]]
        _open(tmp_path, rows)
    units = [[_utf_16(30), _utf_16(31) + 1, "X"]]
    with pytest.raises(InputError, match="code points, not UTF-16 units"):
        _open(tmp_path, [(TEXT, units)])


def test_some_spans_that_end_inside_words_are_named(tmp_path):
    right = [[*span, "X"] for span in SPANS]
    opened = _open(tmp_path, [(TEXT, right), ("in Leeds", [[3, 7, "X"]])])
    (finding,) = [one for one in audit({"t": opened}) if one.about == "broken_words"][:1]
    assert (finding.count, finding.of) == (1, 2)
    assert finding.in_words().endswith("a.jsonl:2")


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("5kg of it", [[0, 1, "number"], [1, 3, "unit"]]),
        ("5kg of it", [[0, 1, "number"]]),
        ("unhappy", [[0, 2, "prefix"], [2, 7, "root"]]),
        ("\u6771\u4eac\u90fd\u306b", [[0, 2, "city"]]),
    ],
)
def test_spans_that_cut_words_on_purpose_are_read(tmp_path, text, spans):
    assert _open(tmp_path, 3 * [(text, spans)]).counts["train"] == 3


@pytest.mark.parametrize("kind", ["tagging", "token_labels"])
def test_rows_of_one_word_each_are_refused(tmp_path, kind):
    rows = [(["EU"], ["B-x"]), (["is"], ["O"]), ("here", "O")]
    with pytest.raises(InputError, match=r"jsonl: each row has one word, .* write CoNLL"):
        _open(tmp_path, rows, kind)
    assert _open(tmp_path, [*rows, ("is here", "O O")], kind).counts["train"] == 4


def test_a_table_of_words_is_refused_and_a_word_a_line_is_not(tmp_path):
    table = tmp_path / "ner_dataset.csv"
    table.write_text("Sentence #,Word,POS,Tag\nSentence: 1,Leeds,NN,B-x\n,is,VB,O\n,far,JJ,O\n")
    columns = Columns(text="Word", label="Tag")
    with pytest.raises(InputError, match="each row has one word"):
        TaskDataset(Task("t", "tagging", files={"train": table}, columns=columns))
    words = tmp_path / "a.conll"
    words.write_text("Leeds B-x\n\nis O\n\nfar O\n\nis O\n")
    TaskDataset(Task("t", "tagging", files={"train": words}))
