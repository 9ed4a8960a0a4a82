"""Pickles: values, and nothing that is run, changed, or without a bound."""

import collections
import io
import pickle
import struct

import pytest

from mtl_keras.encoders.pretrained import pickle_reader
from mtl_keras.encoders.pretrained.pickle_reader import GlobalName, as_dict, read_pickle
from mtl_keras.errors import InputError

ORDERED_DICT = GlobalName("collections", "OrderedDict")
VALUES = {
    "numbers": [0, 1, 255, 65_535, -1, 2**31, -(2**80), 1.5, True, False, None],
    "tuples": [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)],
    "texts": ["", "é" * 300, {"a": {}, 1: []}],
}


def _read(content: bytes):
    return read_pickle(io.BytesIO(content), {ORDERED_DICT: as_dict})


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_values_are_as_python_reads_them(protocol):
    shared = ["x"]
    values = {**VALUES, "twice": [shared, shared], "ordered": collections.OrderedDict(a=1)}
    actual = _read(pickle.dumps(values, protocol))
    assert actual == values
    assert actual["twice"][0] is actual["twice"][1]


def test_one_pickle_after_the_other():
    file = io.BytesIO(pickle.dumps(1, 2) + pickle.dumps("two", 2) + b"rest")
    assert [read_pickle(file, {}), read_pickle(file, {}), file.read()] == [1, "two", b"rest"]


def test_attributes_of_a_dict_are_dropped_and_nothing_else_has_any():
    ordered = collections.OrderedDict(a=1)
    ordered._metadata = {"version": 1}
    assert _read(pickle.dumps(ordered, 2)) == {"a": 1}
    with pytest.raises(InputError, match=r"the file changes a tuple after making it, .*; save"):
        _read(b"\x80\x02K\x01\x85}(X\x01\x00\x00\x00aK\x02ub.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            pickle.dumps(print, 2),
            r"asks to run __builtin__\.print, which weights do not need; save",
        ),
        (pickle.dumps(print, 4), r"asks to run builtins\.print"),
        (pickle.dumps({1, 2}, 4), "has the instruction EMPTY_SET"),
        (pickle.dumps(b"x", 3), "has the instruction SHORT_BINBYTES"),
        (b"\x80\x02]K\x01\x85R.", "calls something that is not a function"),
        (b"\x80\x02K\x01Q.", "refers to something that it does not hold"),
        (b"\x80\x02K\x01K\x01a.", "adds items to something that is not a list"),
        (b"\x80\x02K\x01K\x01K\x01s.", "adds items to something that is not a dict"),
        (b"\x80\x02})K\x01s.", "items whose name is not a string"),
    ],
)
def test_more_than_values_is_refused(content, message):
    with pytest.raises(InputError, match=message):
        _read(content)


def test_a_tuple_that_would_take_for_ever_to_hash_is_no_key():
    doubled = b")" + b"2\x86" * 60  # each time a pair of the one before
    content = doubled.replace(b"2", b"q\x00h\x00")
    with pytest.raises(InputError, match="items whose name is not a string"):
        _read(b"\x80\x02}" + content + b"Ns.")


def test_what_is_made_is_bounded(monkeypatch):
    monkeypatch.setattr(pickle_reader, "MOST_INSTRUCTIONS", 1000)
    assert len(_read(b"\x80\x02(" + b"N" * 900 + b"t.")) == 900
    for much in (b"(" + b"N" * 1000 + b"t", b"]" * 1000, b"".join(map(_put, range(1000)))):
        with pytest.raises(
            InputError, match=r"than 1,000 instructions, which no weights need; save"
        ):
            _read(b"\x80\x02N" + much + b".")


def _put(number: int) -> bytes:
    return b"r" + struct.pack("<I", number)


def test_what_is_read_is_bounded(monkeypatch):
    monkeypatch.setattr(pickle_reader, "MOST_BYTES", 1000)
    assert _read(pickle.dumps("x" * 900, 2)) == "x" * 900
    claims = b"X" + struct.pack("<I", 2**32 - 1) + b"x"  # of four gigabytes
    for much in (pickle.dumps("x" * 1000, 2), b"\x80\x02" + claims, b"c" + b"x" * 1000):
        with pytest.raises(InputError, match="takes more than 1,000 bytes, which no weights"):
            _read(much)
