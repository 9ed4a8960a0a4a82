"""Rows of many files in an order that follows from its name."""

import itertools
import random

import pytest

from mtl_keras.data import shuffling
from mtl_keras.data.shuffling import FILES_AT_ONCE, shuffled


def _files(number, rows, opened=None):
    """What opens each of so many files; who is open is written down."""

    def of_file(file):
        if opened is not None:
            opened.append(file)
        for row in range(rows):
            yield (file, row)
        if opened is not None:
            opened.remove(file)

    return [lambda file=file: of_file(file) for file in range(number)]


def _order(number, rows, name, buffer_size=64, opened=None):
    return list(shuffled(_files(number, rows, opened), buffer_size, name, lambda row: 1))


@pytest.mark.parametrize(("number", "rows"), [(1, 1000), (40, 25), (3, 0), (0, 0)])
def test_every_row_comes_once_in_an_order_that_follows_from_the_name(number, rows):
    first = _order(number, rows, "0/1")
    assert sorted(first) == list(itertools.product(range(number), range(rows)))
    assert first == _order(number, rows, "0/1")
    assert not first or first != _order(number, rows, "0/2")


def test_rows_of_files_that_are_sorted_by_label_come_mixed():
    order = _order(200, 500, "a pass")
    assert len({file for file, _ in order[:2000]}) >= FILES_AT_ONCE
    early = [file for file, _ in order[:10_000]]
    assert min(early) < 20 < 180 < max(early)  # not the first files in each pass


def test_few_files_are_open_and_few_rows_held():
    opened, most = [], 0
    for number, _ in enumerate(shuffled(_files(200, 50, opened), 300, "x", lambda row: 1)):
        most = max(most, len(opened))
        assert number or len(opened) <= FILES_AT_ONCE
    assert most == FILES_AT_ONCE


def test_long_rows_fill_the_buffer_sooner(monkeypatch):
    monkeypatch.setattr(shuffling, "MOST_HELD", 1000)
    read = []

    def rows():
        for row in range(500):
            read.append(row)
            yield row

    next(shuffled([rows], 400, "x", lambda row: 100))
    assert len(read) == 11


def test_one_file_is_shuffled_as_it_always_was():
    """The orders of runs that began before files were mixed."""
    generator, buffer = random.Random("3/(0, 0)"), list(range(50))
    expected = []
    for row in range(50, 200):
        place = int(generator.random() * 50)
        expected.append(buffer[place])
        buffer[place] = row
    generator.shuffle(buffer)
    assert [
        row for _, row in shuffled(_files(1, 200), 50, "3/(0, 0)", lambda row: 1)
    ] == expected + buffer
