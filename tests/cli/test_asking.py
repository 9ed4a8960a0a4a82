"""What is asked, and whom."""

import io
import sys

import pytest

from mtl_keras.cli import asking
from mtl_keras.cli.asking import Asked, answered, answerer_of, asked
from mtl_keras.data.text_files import TextRow
from mtl_keras.errors import InputError


def _pipe(monkeypatch, content: bytes):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def _texts(rows: Asked) -> list[str]:
    return [row.text for row in rows.rows]


def test_texts_are_those_of_arguments_of_a_file_or_of_a_pipe(tmp_path, monkeypatch):
    given = asked(["a", ""], None, None)
    assert (given.count, _texts(given)) == (2, ["a", ""])
    (tmp_path / "a.csv").write_text("body,id\nb,1\nc,2\n")
    given = asked([], str(tmp_path / "a.csv"), "body")
    assert (given.count, _texts(given)) == (2, ["b", "c"])
    for path in (None, "-"):
        _pipe(monkeypatch, "\ufeffd\r\n\né".encode())
        given = asked([], path, None)
        assert (given.count, _texts(given)) == (None, ["d", "", "é"])


@pytest.mark.parametrize(
    ("texts", "path", "column", "message"),
    [
        (["a"], "b.txt", None, "takes either texts or --input FILE. Received: both"),
        (["a"], None, "body", "--column names a column of --input FILE; leave it out"),
        ([], None, None, "stdin: empty; pipe in one text a line"),
        ([], "{folder}/empty.csv", None, "empty.csv: empty; give a text in each row"),
    ],
)
def test_what_cannot_be_asked_is_refused(tmp_path, monkeypatch, texts, path, column, message):
    (tmp_path / "empty.csv").write_text("text\n")
    _pipe(monkeypatch, b"")
    path = path and path.format(folder=tmp_path)
    with pytest.raises(InputError, match=message):
        _texts(asked(texts, path, column))


def test_piped_texts_are_utf8_of_bounded_length(monkeypatch):
    _pipe(monkeypatch, b"a\n\xff\n")
    with pytest.raises(InputError, match="stdin:2: not UTF-8"):
        _texts(asked([], None, None))
    monkeypatch.setenv("MTL_KERAS_MAX_ROW_CHARACTERS", "10")
    _pipe(monkeypatch, b"a" * 20)
    with pytest.raises(InputError, match="stdin:1: a line of more than 10 characters"):
        _texts(asked([], None, None))


def test_a_terminal_is_not_waited_for(monkeypatch):
    _pipe(monkeypatch, b"a\n")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    with pytest.raises(InputError, match="lines that are piped in"):
        asked([], None, None)


def test_rows_are_answered_in_order_a_chunk_at_a_time(monkeypatch):
    monkeypatch.setattr(asking, "TEXTS_AT_ONCE", 2)
    calls = []

    def ask(texts):
        calls.append(texts)
        return [{"text": text} for text in texts]

    rows = Asked([TextRow(text, {"text": text}) for text in "abc"], 3)
    answers = list(answered(rows, ask))
    assert [(row.text, answer["text"]) for row, answer in answers] == [
        (text, text) for text in "abc"
    ]
    assert calls == [["a", "b"], ["c"]]


def test_a_folder_without_a_run_or_an_export_is_refused(tmp_path):
    with pytest.raises(InputError, match="neither a finished run nor an export here"):
        answerer_of(tmp_path, None, 1)
    with pytest.raises(InputError, match="absent: no such folder"):
        answerer_of(tmp_path / "absent", None, 1)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: a file that is no model"):
        answerer_of(tmp_path / "file", None, 1)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(InputError, match="only a run has several sets of weights"):
        answerer_of(tmp_path, "mean", 1)
