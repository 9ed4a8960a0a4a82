"""Records of CSV, of which only one is held, and that one has an end."""

import tracemalloc

import pytest

from mtl_keras.data.csv_records import csv_records
from mtl_keras.errors import InputError
from mtl_keras.storage.limits import ROW


def test_records_have_the_lines_where_they_begin(tmp_path):
    (tmp_path / "a.csv").write_text('a,b\n\n"c\n\nd",e\nf,g\n')
    assert list(csv_records(str(tmp_path / "a.csv"))) == [
        (1, ["a", "b"]),
        (3, ["c\n\nd", "e"]),
        (6, ["f", "g"]),
    ]


@pytest.mark.parametrize("part", ['a\n","', "x\n", '""\n""'], ids=["fields", "field", "quotes"])
def test_a_record_of_many_lines_without_an_end_is_refused(part, tmp_path, monkeypatch):
    monkeypatch.setenv(ROW.variable, "1000")
    path = tmp_path / "a.csv"
    path.write_text('a,b\n"' + "x\n" * 480 + '",b\n' * 1 + '"' + "x\n" * 480 + '",b\n')
    assert len(list(csv_records(str(path)))) == 3
    path.write_text('a,b\nc,d\n"' + part * 100_000)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    with pytest.raises(InputError, match=r"a\.csv:3: a row of more than 1,000 characters .*quote"):
        list(csv_records(str(path)))
    assert tracemalloc.get_traced_memory()[1] - before < 200_000
    tracemalloc.stop()
