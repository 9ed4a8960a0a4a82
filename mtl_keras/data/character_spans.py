"""Turns character spans, as annotation tools write them, into words and tags."""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mtl_keras.data.examples import RowError
from mtl_keras.data.labels import LabelReader
from mtl_keras.errors import shown

_KEYS = {"start": ("start", "start_offset"), "end": ("end", "end_offset")}
_LETTERS = "@#_"  # count as letters, as in `Tokenizer.split_words`


class Span(NamedTuple):
    """The characters of a text from `start` up to (not including) `end`, and their raw label."""

    start: int
    end: int
    label: Any


def are_spans(cell: Any) -> bool:
    """Whether a cell holds a list of spans: objects, or `[start, end, label]`.

    Example:

    >>> are_spans([[0, 5, "city"]]), are_spans(["B-city", "O"])
    (True, False)
    """
    return isinstance(cell, list) and all(isinstance(item, dict | list) for item in cell)


def read_spans(text: str, cell: list, reader: LabelReader) -> tuple[tuple[str, ...], list[str]]:
    """Words and BIO tags of a text with spans of its characters.

    Args:
        text: of the row.
        cell: a list of spans.
        reader: reads their labels, and counts the spans that break words.

    Raises:
        RowError: as `spans_of`, or what `reader.read` raises.

    Example:

    >>> read_spans("to Leeds, now", [[3, 8, "city"]], LabelReader({}))
    (('to', 'Leeds', ',', 'now'), ['O', 'B-city', 'O', 'O'])
    """
    spans = spans_of(text, cell)
    reader.count_spans(len(spans), count_broken(text, spans))
    rows = [*words_and_tags(text, spans)]
    tags = [
        f"{'B' if is_first else 'I'}-{reader.read(span.label)}" if span else "O"
        for _, span, is_first in rows
    ]
    return tuple(word for word, *_ in rows), tags


def spans_of(text: str, cell: Sequence) -> list[Span]:
    """The spans of a text, in order.

    Raises:
        RowError: a span is malformed, lies outside of the text, or overlaps another.
    """
    spans = sorted((_span(text, item) for item in cell), key=lambda span: span[:2])
    for before, after in itertools.pairwise(spans):
        if after.start < before.end:
            raise RowError(
                f"the spans {before[:2]} and {after[:2]} overlap; a word has one tag: remove one"
            )
    return spans


def count_broken(text: str, spans: Sequence[Span]) -> int:
    """How many spans begin or end between two letters, or two digits, of one word.

    Only letters with case count, since other scripts may write words without blanks. A place where
    one span ends and another begins does not count: such an annotation splits a word on purpose.

    Example:

    >>> count_broken("to Leeds", [Span(3, 7, "city")]), count_broken("5kg", [Span(0, 1, "n")])
    (1, 0)
    """
    starts, ends = {span.start for span in spans}, {span.end for span in spans}
    broken = {at for at in starts ^ ends if _is_inside(text, at)}
    return sum(span.start in broken or span.end in broken for span in spans)


def words_and_tags(text: str, spans: Sequence[Span]) -> Iterator[tuple[str, Span | None, bool]]:
    """The words of a text, the span that each is in, and whether it is the span's first word.

    Texts are split as for answers (`Tokenizer.split_words`), and at the ends of spans.

    Example:

    >>> [word for word, *_ in words_and_tags("to Leeds, now", [Span(3, 8, "city")])]
    ['to', 'Leeds', ',', 'now']
    """
    place = 0
    for span in spans:
        yield from ((word, None, False) for word in _words(text[place : span.start]))
        words = _words(text[span.start : span.end])
        yield from ((word, span, number == 0) for number, word in enumerate(words))
        place = span.end
    yield from ((word, None, False) for word in _words(text[place:]))


def _is_inside(text: str, at: int) -> bool:
    before, after = text[max(at - 1, 0) : at], text[at : at + 1]
    are_digits = before.isdecimal() and after.isdecimal()
    return are_digits or (_is_cased(before) and _is_cased(after))


def _is_cased(letter: str) -> bool:
    return letter.isupper() or letter.islower()


def _span(text: str, item: Any) -> Span:
    is_triple = isinstance(item, list) and len(item) == 3
    span = Span(*item) if is_triple else _of_object(item if isinstance(item, dict) else {})
    numbers = (span.start, span.end)
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise RowError(f"a span needs two whole numbers and a label. Received: {shown(item)}")
    if not 0 <= span.start < span.end <= len(text):
        raise RowError(
            f"the span {span[:2]} is not within the text of {len(text)} characters; count from 0, "
            "the end is one past the last"
        )
    part = text[span.start : span.end]
    if isinstance(item, dict) and isinstance(item.get("text"), str) and item["text"] != part:
        raise RowError(
            f"the span {span[:2]} is {shown(part)}, its text {shown(item['text'])}; offsets count "
            "characters (code points)"
        )
    if part.isspace():
        raise RowError(f"the span {span[:2]} holds no word; remove it")
    return span


def _of_object(item: Mapping) -> Span:
    start, end = (next((item[key] for key in keys if key in item), None) for keys in _KEYS.values())
    label = item.get("label", item.get("labels"))
    if isinstance(label, list) and len(label) == 1:
        label = label[0]
    return Span(start, end, label)  # type: ignore[arg-type]  # checked by the caller


def _words(text: str) -> Iterator[str]:
    for chunk in re.split("[ \t\r\n]+", text):
        first = next((n for n, sign in enumerate(chunk) if not _is_punctuation(sign)), len(chunk))
        last = len(chunk)
        while last > first and _is_punctuation(chunk[last - 1]):
            last -= 1
        yield from _runs(chunk[:first])
        if first < last:
            yield chunk[first:last]
        yield from _runs(chunk[last:])


def _runs(signs: str) -> Iterator[str]:
    return ("".join(run) for _, run in itertools.groupby(signs))


def _is_punctuation(sign: str) -> bool:
    if sign.isascii():
        return sign.isprintable() and not sign.isalnum() and sign not in _LETTERS
    return unicodedata.category(sign).startswith("P")
