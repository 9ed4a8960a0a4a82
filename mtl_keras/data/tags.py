"""Tags of words in any scheme (BIO, IOB1, BIOES, BILOU), and the types of spans they mark."""

import functools
import itertools
import re
from collections.abc import Sequence

from mtl_keras.errors import InputError


def to_bio(tags: Sequence[str]) -> list[str]:
    """Converts a sentence's tags from IOB1, BIO, BIOES or BILOU to BIO.

    A span starts at `B`, `S` and `U`; after `O`, `E`, `L`, `S` and `U`; and where the type changes
    (Ramshaw & Marcus, 1995, "Text chunking using transformation-based learning", and later work).

    Args:
        tags: `O`, or a prefix, `-` and a type.

    Raises:
        InputError: a tag is neither.

    Example:

    >>> to_bio(["I-city", "I-city", "B-city", "O", "S-product", "I-city"])
    ['B-city', 'I-city', 'B-city', 'O', 'B-product', 'B-city']
    """
    bio, previous = [], ("O", "")
    for tag in tags:
        prefix, span_type = split_tag(tag)
        starts = prefix in "BSU" or previous[0] in "OELSU" or previous[1] != span_type
        bio.append("O" if prefix == "O" else f"{'B' if starts else 'I'}-{span_type}")
        previous = prefix, span_type
    return bio


@functools.lru_cache(maxsize=4096)
def split_tag(tag: str) -> tuple[str, str]:
    """Prefix and span type of a tag of any scheme: `B-city` → `("B", "city")`, `O` → `("O", "")`.

    Raises:
        InputError: the tag fits no scheme.
    """
    if tag == "O":
        return "O", ""
    if is_tag(tag):
        return tag[0], tag[2:]
    raise InputError(
        f"the tag {tag!r} fits no scheme; expected 'O', or B-, I-, E-, L-, S- or U- and a type, "
        f"such as 'B-city'; {_cure(tag)}"
    )


def _cure(tag: str) -> str:
    if tag in ("0", "_"):
        return f"if it marks words outside of spans, set label_names in columns: {{{tag}: O}}"
    if re.match("M-.", tag):
        return f"M- of BMES means inside: set label_names in columns: {{{tag}: I-{tag[2:]}}}"
    if _is_prefix(tag):
        return f"give it a type with label_names in columns: {{{tag}: {tag[0]}-entity}}"
    if tag.isdigit():
        return f"name what each number means with label_names in columns: {{{tag}: B-city}}"
    return (
        "if each word has its own label, such as its part of speech, set kind: token_labels; if "
        "neighbours with equal labels are one span, set label_names in columns: "
        f"{{{tag}: I-{tag}}}"
    )


def is_tag(label: str) -> bool:
    """Whether a label is a tag: a prefix, `-` and a type."""
    return re.match("[BIELSU]-.", label) is not None


def _is_prefix(tag: str) -> bool:
    """Whether a tag is a prefix without a type: `B-`, `I`."""
    return re.fullmatch("[BIELSU]-?", tag) is not None


def span_ends(tags: Sequence[int]) -> list[int]:
    """The index after the last word of each span, from BIO tags (as indices in `Task.classes`).

    Example:

    >>> span_ends([0, 1, 2, 1, 0])
    [3, 4]
    """
    following = itertools.chain(tags[1:], [0])
    return [
        place
        for place, (tag, after) in enumerate(zip(tags, following, strict=False), 1)
        if tag and (after == 0 or after % 2)
    ]


def span_types(labels: Sequence[str]) -> tuple[str, ...]:
    """The span types in a tagging task's labels, which may be listed as types or as tags.

    Example:

    >>> span_types(["O", "B-city", "I-city", "B-product"])
    ('city', 'product')
    """
    spans = [label for label in labels if label != "O"]
    if all(map(is_tag, spans)):
        spans = [split_tag(label)[1] for label in spans]
    return tuple(dict.fromkeys(spans))
