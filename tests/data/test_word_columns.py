"""CoNLL's columns: comments, CoNLL-U, and what is not a tag."""

import pytest

from mtl_keras.data.columns import Columns
from mtl_keras.data.rows import ignore
from mtl_keras.data.word_columns import conll_rows, conllu_rows
from mtl_keras.errors import InputError

CONLL_U = (
    "# sent_id = 1\n# text = Gib's ihm\n"
    "1-2\tGib's\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tGib\tgeben\tVERB\tVV\t_\t0\troot\t_\t_\n"
    "2\tes\tes\tPRON\tPP\t_\t1\tobj\t_\t_\n"
    "2.1\tja\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "3\tihm\ter\tPRON\tPP\t_\t1\tiobj\t_\tSpaceAfter=No\n\n"
    "# sent_id = 2\n1\tJa\tja\tINTJ\tIT\t_\t0\troot\t_\t_\n"
)


def _read(folder, content, reader=conll_rows, **columns):
    path = folder / "rows"
    path.write_text(content)
    return list(reader(str(path), Columns(**columns), ignore))


@pytest.mark.parametrize(
    "columns", [{}, {"text": "form", "label": "upos"}, {"text": 1, "label": 3}]
)
def test_conllu_leaves_out_comments_ranges_and_empty_nodes(tmp_path, columns):
    rows = [(4, ("Gib", "es", "ihm"), ("VERB", "PRON", "PRON")), (10, ("Ja",), ("INTJ",))]
    assert _read(tmp_path, CONLL_U, conllu_rows, **columns) == rows
    if columns.get("text") == 1:
        assert _read(tmp_path, CONLL_U, **columns) == rows
    assert _read(tmp_path, CONLL_U, conllu_rows, **columns)[0][1].lines == (4, 5, 7)


def test_conllu_columns_have_names(tmp_path):
    assert _read(tmp_path, CONLL_U, conllu_rows, label="xpos")[1][2] == ("IT",)
    with pytest.raises(InputError, match="no column 'ner' in CoNLL-U; it has id, form"):
        _read(tmp_path, CONLL_U, conllu_rows, label="ner")


def test_a_sign_is_no_comment_if_its_line_has_the_columns(tmp_path):
    rows = _read(tmp_path, "# # B-x\n5 CD I-x\n\n# one two three four\nit PRP O\n# # O\n")
    assert [words for _, words, _ in rows] == [("#", "5"), ("it", "#")]
    rows = _read(tmp_path, "#\tB-x\nit\tO\n\n# id 5 domain=en\nit\tO\n#tag\tO\n")
    assert [words for _, words, _ in rows] == [("#", "it"), ("it", "#tag")]


def test_a_sign_alone_is_a_sentence(tmp_path):
    rows = _read(tmp_path, "# id 1\n\n#\tO\n\nis\tB-x\n\n#\tO\n")
    assert [(line, words) for line, words, _ in rows] == [(3, ("#",)), (5, ("is",)), (7, ("#",))]


@pytest.mark.parametrize(
    "content", ["EU\tB-x\t\nis\tO\t\n", "EU B-x\t\nis O\t\n", "EU B-x \nis O\n"]
)
def test_a_trailing_tab_is_no_tag(tmp_path, content):
    assert _read(tmp_path, content) == [(1, ("EU", "is"), ("B-x", "O"))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\tThe\tDT\n2\tcat\tNN\n", ":1: the first column numbers the rows; set text: 1"),
        ("0 The DT\n1 cat NN\n", ":1: the first column numbers the rows"),
        ("EU;B-x\n", ":1: 'EU;B-x' has no tag; .*; if ';' separates, set delimiter: ';'"),
        ("BOS i fly EOS\tO O O atis_flight\n", "holds a whole sentence; set format: tsv"),
    ],
)
def test_columns_that_are_others_are_refused_with_the_cure(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        _read(tmp_path, content)
    assert _read(tmp_path, "1\tO\n2\tO\n", text=0)[0][1] == ("1", "2")


def test_a_first_line_may_be_said_to_name_the_columns(tmp_path):
    assert _read(tmp_path, "word tag\nEU B-x\n", header=True) == [(2, ("EU",), ("B-x",))]


@pytest.mark.parametrize(
    "first", ["TOKEN\tPOS", "Word\tNER", "token\tchunk\ttag", "ID\tFORM\tUPOS"]
)
def test_a_first_line_that_names_the_columns_is_refused(tmp_path, first):
    row = "\tNN" * first.count("\t")
    with pytest.raises(InputError, match=r"rows:1: .* are names of columns; set header: true"):
        _read(tmp_path, f"{first}\ncat{row}\n")
    assert len(_read(tmp_path, f"{first}\ncat{row}\n", header=False)[0][1]) == 2
    assert len(_read(tmp_path, f"cat{row}\n{first}\n")[0][1]) == 2


@pytest.mark.parametrize(
    "comment",
    [
        *("# id 3c09a\tdomain=en", "# newpar", "# newdoc", "# newdoc id = a\tb", "# sent_id = 1"),
        *("# text = It\tis", "#"),
    ],
)
@pytest.mark.parametrize("word", ["it\tO", "it _ _ O"])
def test_comments_of_published_sets_are_no_words(tmp_path, comment, word):
    assert [words for _, words, _ in _read(tmp_path, f"{comment}\n{word}\n")] == [("it",)]


def test_a_delimiter_may_be_said(tmp_path):
    assert _read(tmp_path, "New York;B-x\n", delimiter=";") == [(1, ("New York",), ("B-x",))]
