"""Rows of every format, and what is wrong with files that break it."""

import csv
import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_keras.data.columns import Columns
from mtl_keras.data.file_formats import locate, read_rows
from mtl_keras.errors import InputError
from mtl_keras.storage import limits

BY_POSITION = Columns(text=0, label=1)


@pytest.fixture
def write(tmp_path):
    def write(name: str, content: str | bytes) -> str:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        content = content if isinstance(content, bytes) else content.encode()
        file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return str(file)

    return write


def _rows(path, columns=BY_POSITION, *, per_word=False):
    return list(read_rows(path, columns, per_word=per_word))


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.csv.gz"])
def test_csv_is_quoted_and_rows_are_reported_by_their_first_line(write, name):
    content = '\ufeffa,x\r\n"b ""c"", d\n\nsecond",y\n\n,z\r\n'
    assert _rows(write(name, content)) == [
        (1, "a", "x"),
        (2, 'b "c", d\n\nsecond', "y"),
        (6, "", "z"),
    ]


def test_tsv_has_no_quoting(write):
    path = write("a.tsv.gz", 'he said "so\tx\r\n\n"b, \ry"\t\n')
    assert _rows(path) == [(1, 'he said "so', "x"), (3, '"b, \ry"', "")]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_names_imply_a_header_and_positions_none(write, name):
    separator = {"a.csv": ",", "a.tsv": "\t"}[name]
    lines = [["label", " title", "text"], ["x", "A", "b"], ["y", "C", "d"]]
    path = write(name, "\n".join(separator.join(line) for line in lines))
    named = Columns(text=("title", "text"))
    assert _rows(path, named) == [(2, "A b", "x"), (3, "C d", "y")]
    positions = Columns(text=(1, -1), label=-3)
    assert _rows(path, positions) == [(1, " title text", "label"), *_rows(path, named)]
    assert _rows(path, Columns(text=-1, label=0, header=True)) == [(2, "b", "x"), (3, "d", "y")]
    assert _rows(path, Columns(text="text", label=0)) == [(2, "b", "x"), (3, "d", "y")]


def test_very_long_fields_and_control_characters_pass(write):
    text = "x" * 1_000_000 + "\0\x01\x1b"
    assert _rows(write("a.csv", f'"{text}",a\n')) == [(1, text, "a")]
    assert _rows(write("a.tsv", f"{text}\ta\n")) == [(1, text, "a")]


@pytest.mark.slow
@given(st.lists(st.tuples(*[st.text(st.characters(codec="utf-8"))] * 2), min_size=1))
def test_csv_reads_what_csv_writes(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    assert [row[1:] for row in _rows(str(path))] == rows


def test_json_lines_are_kept_as_they_are(write):
    records = [{"text": "a\u2028b", "label": ["x"]}, {"label": 3, "text": ["c"], "more": None}]
    path = write("a.jsonl", "\n\n".join(json.dumps(record) for record in records) + "\n")
    assert _rows(path, Columns()) == [(1, "a\u2028b", ["x"]), (3, ["c"], 3)]
    path = write("b.jsonl", '{"title": "A", "text": "b", "label": 1.5}')
    assert _rows(path, Columns(text=("title", "text"))) == [(1, "A b", 1.5)]


@pytest.mark.parametrize("name", ["a.conll", "a.bio", "a.txt.gz"])
def test_conll_sentences_end_at_blank_lines(write, name):
    content = (
        "-DOCSTART- -X- O\n\nEU NNP B-org\nrejects VBZ O\n \t \n\nit PRP O\n-DOCSTART-\nso  RB O"
    )
    sentences = [
        (3, ("EU", "rejects"), ("B-org", "O")),
        (7, ("it",), ("O",)),
        (9, ("so",), ("O",)),
    ]
    path = write(name, content)
    assert _rows(path, Columns(), per_word=True) == sentences
    assert _rows(path, Columns(text=0, label=2), per_word=True) == sentences
    assert _rows(path, Columns(label=1), per_word=True)[0][2] == ("NNP", "VBZ")


def test_a_sentence_without_an_end_is_refused(write, monkeypatch):
    monkeypatch.setenv(limits.SENTENCE.variable, "10")
    rows = "it\tO\n" * 10
    assert len(_rows(write("a.conll", f"{rows}\n{rows}"), Columns(), per_word=True)) == 2
    with pytest.raises(InputError, match=r"a\.conll:11: a sentence of more than 10 words \(set "):
        _rows(write("a.conll", rows + rows), Columns(), per_word=True)
    monkeypatch.setenv(limits.ROW.variable, "20")
    with pytest.raises(InputError, match=r"a\.conll:7: a sentence of more than 20 characters \("):
        _rows(write("a.conll", rows), Columns(), per_word=True)


def test_conll_words_may_hold_blanks_before_a_tab(write):
    path = write("a.conll", "New York\tB-city\r\n\u00a0is\u00a0 \tO\r\n")
    assert _rows(path, Columns(), per_word=True) == [
        (1, ("New York", "\u00a0is\u00a0"), ("B-city", "O"))
    ]


def test_a_folder_of_parallel_lines(write, tmp_path):
    write("train/seq.in", "play jazz \nnext\n\n")
    write("train/seq.out.gz", "O B-genre\nO\n")
    write("train/label", "play\nskip\n\n")
    folder = str(tmp_path / "train")
    assert _rows(folder) == [(1, "play jazz ", "play"), (2, "next", "skip")]
    assert _rows(folder, per_word=True) == [(1, "play jazz ", "O B-genre"), (2, "next", "O")]
    assert locate(folder, 2) == f"{folder}/seq.in:2"
    assert locate(folder, 2, part="label") == f"{folder}/label:2"
    assert locate(folder, 2, part="label", word=1, per_word=True) == f"{folder}/seq.out.gz:2"


def test_a_word_of_conll_has_its_own_line(write):
    path = write("a.conll.gz", "a O\n\nb O\nc O\nd O\n")
    (*_, (line, words, _)) = _rows(path, per_word=True)
    assert locate(path, line, word=2, per_word=True, text=words) == f"{path}:5"
    assert locate("a.csv", 3, word=2) == "a.csv:3"


NAMED = Columns()
WRONG = [
    ("a.csv", "a,x\nb,y,z\n", BY_POSITION, ":2: 3 fields, expected 2 as in line 1; put a field"),
    ("a.csv", "a,x\n\nb\n", BY_POSITION, ":3: 1 field, expected 2 as in line 1"),
    ("a.tsv", "a\tx\nb\ty\tz\n", BY_POSITION, ":2: 3 fields, expected 2 as in line 1; a field"),
    ("a.csv", 'a,x\n"b\n\n",y\n"c\n,z\nd,z\n', BY_POSITION, ":5: a quote opens in this row and"),
    ("a.csv", 'a,x\n"b" c,y\n', BY_POSITION, ":2: characters after a closing quote"),
    ("a.csv", "a\rb,x\n", BY_POSITION, ":1: a carriage return outside quotes; quote its"),
    (
        "a.csv",
        "text,label\ra,x\rb,y\r",
        NAMED,
        ":1: a carriage return outside quotes; quote its fi",
    ),
    (
        "a.csv",
        "a,x\n",
        Columns(text=1, label=-1),
        ":1: text and label are the same column. Received: 1",
    ),
    ("a.csv", b"a,x\n\xff,y\n", BY_POSITION, ":2: not UTF-8"),
    ("a.csv", "a,x\n", Columns(text=0, label=2), ":1: no column 2; there are 2"),
    ("a.csv", "a,x\n", Columns(text=-3, label=1), ":1: no column -3; there are 2"),
    ("a.csv", "txet,label\na,x\n", NAMED, ":1: no column 'text'; the first line has 'txet', 'la"),
    ("a.csv", "a,texts,label\n", NAMED, "; did you mean 'texts'?; without a header, give pos"),
    ("a.csv", "text,label,text\n", NAMED, ":1: two columns are named 'text'; give a position"),
    ("a.csv", "a,x\n", Columns(header=False), ": without a header, columns are positions from 0"),
    ("a.jsonl", "{}\n", BY_POSITION, ": JSON lines have keys, not positions. Received: 0, 1"),
    (
        "a.jsonl",
        '\n{"text": "a", "lable": 1}\n',
        NAMED,
        ":2: no key 'label'; the line has 'text', ",
    ),
    (
        "a.jsonl",
        '\n{"text": "a", "label": 1, "text": "b"}',
        NAMED,
        ":2: key 'text' occurs twice; rem",
    ),
    ("a.jsonl", '{"text": {"a": 1, "a": 2}}', NAMED, ":1: key 'a' occurs twice; remove one"),
    ("a.jsonl", '{"text": "a"', NAMED, ":1: not JSON: "),
    ("a.jsonl", "[" * 100_000, NAMED, ":1: nested too deeply"),
    ("a.jsonl", "1" * 5000, NAMED, ":1: a number with thousands of digits"),
    ("a.jsonl", '["a", "x"]', NAMED, ":1: expected a JSON object. Received: ['a', 'x']"),
    ("a.jsonl", '{"text": "\\ud83d", "label": 1}', NAMED, ":1: half a surrogate pair"),
    (
        "a.jsonl",
        '{"title": "a", "text": ["b"], "label": 1}',
        Columns(text=("title", "text")),
        ":1: a text of several keys is joined from strings only",
    ),
    (
        "a.dat",
        "a",
        BY_POSITION,
        ": unknown format; the name must end in .csv, .tsv, .jsonl, ",
    ),
    (
        "a.conll",
        "a O\n",
        BY_POSITION,
        ": '.conll' files hold tags; give the task the kind 'tagging' or 'token_labels'",
    ),
    ("folder/seq.in", "a\n", BY_POSITION, ": a folder of parallel lines must hold label"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "content", "columns", "message"), WRONG)
def test_files_against_their_format_are_reported_by_line(write, name, content, columns, message):
    path = write(name, content).removesuffix("/seq.in")
    with pytest.raises(InputError) as raised:
        _rows(path, columns)
    assert str(raised.value).startswith(path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


WRONG_TAGS = [
    ("a.conll", "EU B-org\nis O\nit\n", ":3: 'it' has no tag"),
    ("a.conll", "EU\tB-org\nis\t\n", ":2: 'is' has no tag"),
    ("a.txt", "\n\nEU NNP B-org\nis VBZ\n", ":4: 2 fields, expected 3 as in line 3; every line"),
    ("a.bio", "EU NNP B-org\nis VBZ O O\n", ":2: 4 fields, expected 3 as in line 1"),
]


@pytest.mark.parametrize(("name", "content", "message"), WRONG_TAGS)
def test_conll_lines_without_a_tag_are_reported(write, name, content, message):
    path = write(name, content)
    with pytest.raises(InputError) as raised:
        _rows(path, Columns(), per_word=True)
    assert str(raised.value).startswith(path + message)


@pytest.mark.parametrize(
    ("texts", "labels", "short"), [("a\n", "x\ny\n", "in"), ("a\nb", "x", "out")]
)
def test_parallel_files_have_as_many_lines(write, tmp_path, texts, labels, short):
    write("folder/seq.in", texts)
    write("folder/seq.out", labels)
    with pytest.raises(InputError, match=rf"seq\.{short}:2: no such line, but seq\."):
        _rows(str(tmp_path / "folder"), per_word=True)


ANY = st.binary() | st.text(alphabet='ab",\n\r\t {}[]:-O\\\0\ufeffé').map(str.encode)


@given(ANY, st.sampled_from([".csv", ".tsv", ".jsonl", ".conll", ".csv.gz"]))
def test_no_content_raises_anything_but_an_input_error(tmp_path_factory, content, suffix):
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content)
    for columns in (NAMED, BY_POSITION):
        try:
            _rows(str(path), columns, per_word=True)
        except InputError as error:
            assert "\n" not in str(error)
