"""What the first lines say of a file's format."""

import pytest

from mtl_keras.data.columns import Columns
from mtl_keras.data.sniffing import sniff

POSITIONS = Columns(text=0, label=1)


@pytest.mark.parametrize(
    ("content", "columns", "per_word", "actual"),
    [
        ('{"text": 1}\n{}\n', Columns(), False, ("jsonl", None)),
        ('{\n"text": 1}', Columns(), False, ("json", None)),
        ("[\n{}]", Columns(), False, ("json", None)),
        ("text;label\na, b;x\n", Columns(), False, ("csv", ";")),
        ("text\tlabel\na\tx\n", Columns(), False, ("tsv", None)),
        ("a\tx\nb\ty\n", POSITIONS, False, ("tsv", None)),
        ("a;x\nb;y\n", POSITIONS, False, ("csv", ";")),
        ("EU B-x\nis O\n\nit O\n", Columns(), True, ("conll", None)),
        ("-DOCSTART- -X- O\n\nEU NNP B-x\n", Columns(), False, ("conll", None)),
        ("# a\n" + "\t".join("1abcdefghi") + "\n", Columns(), True, ("conllu", None)),
        ("text,label\na b,B-x O\n", Columns(), True, ("csv", ",")),
        ("", Columns(), False, ("jsonl", None)),
        ("one text\nanother one here\n", Columns(), False, None),
    ],
)
def test_the_first_lines_say_the_format(tmp_path, content, columns, per_word, actual):
    path = tmp_path / "eng.train"
    path.write_text(content)
    assert sniff(str(path), columns, per_word=per_word) == actual
