"""Normalizations of characters before word pieces are split: the variants of BERT, as values."""

import dataclasses
import functools
import itertools
import json
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

import keras

from mtl_keras.encoders.tokenizers.fast_models import read_normalizer, write_normalizer

CHARACTERS = Path(__file__).with_name("bert_characters.json")
HANGUL = range(0xAC00, 0xD7A4)  # the syllables, which decompose by a rule
PRIVATE = (*range(0xE000, 0xF900), *range(0xF0000, 0xFFFFE), *range(0x100000, 0x10FFFE))
# Characters at which only tensorflow-text's fast tokenizer splits words.
HUB_LETTERS = "1680 1b4e-1b4f 1b7f 2028-2029 10d6e 113d4-113d5 113d7-113d8 11be1 16d6d-16d6f 1e5ff"
MAX_WORD = 100  # a longer word is unknown


class Characters(NamedTuple):
    """How characters are treated, in terms of tensorflow-text's operations.

    Args:
        changes: character → the string that replaces it; others are not changed.
        letters: characters that belong to words although `FastWordpieceTokenizer` splits words at
            them.
    """

    changes: Mapping[str, str]
    letters: frozenset[str] = frozenset()


class Normalization(Protocol):
    """How a source prepares texts: how characters change, and which words are too long.

    A normalized word becomes `[UNK]` if it has more than `max_bytes`, or, if `max_characters` is
    set, more characters than that.
    """

    @property
    def max_bytes(self) -> int:
        """The limit in bytes."""

    @property
    def max_characters(self) -> int | None:
        """The limit in characters; None if there is none."""

    def characters(self, lowercase: bool) -> Characters:
        """How characters change, with or without lower-casing."""

    def get_config(self) -> dict[str, Any]:
        """The arguments of `from_config`, as plain values."""


@dataclasses.dataclass(frozen=True)
class _Value:
    """Makes a value serializable by Keras."""

    def get_config(self) -> dict[str, Any]:
        """The fields."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """The value that `get_config` described."""
        return cls(**config)


@keras.saving.register_keras_serializable("mtl_keras")
@dataclasses.dataclass(frozen=True)
class FastNormalization(_Value):
    """The normalization of tensorflow-text's fast operations, which all models of 0.1.0 use.

    Like `TfHubNormalization`, but the blanks U+1680, U+2028 and U+2029 separate words, and thirteen
    signs of scripts newer than Unicode 14 are not letters.
    """

    max_bytes = MAX_WORD
    max_characters = None

    def characters(self, lowercase: bool) -> Characters:
        """Those of tensorflow-text."""
        return Characters(_fast_changes(lowercase))


@keras.saving.register_keras_serializable("mtl_keras")
@dataclasses.dataclass(frozen=True)
class TfHubNormalization(_Value):
    """The normalization of TF Hub's `bert_en_uncased_preprocess`: expands compatibility forms.

    "…" becomes ". . .", "½" "1⁄2", "²" "2", "ß" "ss"; control characters separate words.
    """

    max_bytes = MAX_WORD
    max_characters = None

    def characters(self, lowercase: bool) -> Characters:
        """Those of tensorflow-text, except for sixteen letters."""
        return Characters(_fast_changes(lowercase), frozenset(characters_in(HUB_LETTERS)))


@keras.saving.register_keras_serializable("mtl_keras")
@dataclasses.dataclass(frozen=True)
class BertNormalization(_Value):
    """BERT's own normalization, as in Hugging Face's `tokenizers`.

    Control and private characters are removed, white space becomes blanks, and compatibility forms
    such as "…", "½", "²", "ß" are kept. Several marks on one letter that are not removed (signs of
    music, newer scripts) keep the text's order, which matters only to a vocabulary with two of
    them.

    Args:
        strip_accents: whether characters are decomposed and lose their marks.
        split_chinese: whether each Chinese character is a word.
        max_characters: a longer word becomes `[UNK]`.
    """

    strip_accents: bool
    split_chinese: bool = True
    max_characters: int = MAX_WORD

    @property
    def max_bytes(self) -> int:
        """The limit below which characters need not be counted."""
        return self.max_characters

    def characters(self, lowercase: bool) -> Characters:
        """From the tables of `bert_characters.json`."""
        return _bert_characters(lowercase, self.strip_accents, self.split_chinese)


class SplitterModel(NamedTuple):
    """What tensorflow-text's two operations need to split texts as a source does.

    Args:
        normalizer: the model of `FastBertNormalizer`.
        vocabulary: the word pieces after normalization.
    """

    normalizer: bytes
    vocabulary: list[str]


def splitter_model(characters: Characters, vocabulary: Sequence[str]) -> SplitterModel:
    """Replaces letters at which words would be split by private characters.

    Each such letter of the vocabulary becomes its own private character, in the vocabulary and in
    texts; all other such letters become one unknown character, and so do private characters in
    texts.
    """
    changes, used = dict(characters.changes), {c for piece in vocabulary for c in piece}
    private = (c for c in map(chr, PRIVATE) if c not in used)
    unknown = next(private)
    substitutes = dict(zip(sorted(characters.letters & used), private, strict=False))
    changes |= {c: unknown for c in substitutes.values() if c not in changes}
    table = {ord(c): substitutes.get(c, unknown) for c in characters.letters}
    changes |= {c: string.translate(table) for c, string in changes.items() if string[:1] != " "}
    changes |= {c: table[ord(c)] for c in characters.letters if c not in characters.changes}
    pieces = [piece.translate(table) if substitutes else piece for piece in vocabulary]
    return SplitterModel(write_normalizer(changes), pieces)


@functools.cache
def _fast_changes(lowercase: bool) -> Mapping[str, str]:
    from tensorflow_text.core.pybinds import pywrap_fast_bert_normalizer_model_builder as builder

    return read_normalizer(builder.build_fast_bert_normalizer_model(lowercase))


@functools.cache
def _bert_characters(lowercase: bool, strip_accents: bool, split_chinese: bool) -> Characters:
    tables = read_tables()
    chinese, punctuation = (
        frozenset(characters_in(tables["chinese"])),
        set(characters_in(tables["punctuation"])),
    )
    isolated = frozenset(characters_in(tables["isolated"]))
    lower = str.maketrans({string[0]: string[1:] for string in tables["lowercase"] if lowercase})
    changes = _bare(tables) if strip_accents else {}
    changes = {c: changes.get(c, c).translate(lower) for c in (*changes, *map(chr, lower))}
    words = punctuation | (chinese if split_chinese else set())
    # A character at which words are split anyway needs no blanks around it.
    strings = {c: changes.get(c, c) for c in words}
    changes |= {c: s if s in isolated else f" {s} " for c, s in strings.items()}
    changes |= dict.fromkeys(characters_in(tables["blanks"]), " ")
    changes |= dict.fromkeys(characters_in(tables["removed"]), "")
    letters = isolated - words
    return Characters({c: string for c, string in changes.items() if string != c}, letters)


def read_tables() -> dict[str, Any]:
    """The tables that `tests/support/make_bert_characters.py` made."""
    return json.loads(CHARACTERS.read_bytes())


def _bare(tables: Mapping[str, Any]) -> dict[str, str]:
    """Character → its decomposition without marks."""
    hangul = {c: unicodedata.normalize("NFD", c) for c in map(chr, HANGUL)}
    marks = dict.fromkeys(characters_in(tables["marks"]), "")
    return hangul | marks | {string[0]: string[1:] for string in tables["bare"]}


def characters_in(ranges: str) -> list[str]:
    """The characters of ranges such as `41-5a 5f`."""
    limits = (word.partition("-") for word in ranges.split())
    runs = (range(int(first, 16), int(last or first, 16) + 1) for first, _, last in limits)
    return [chr(code) for code in itertools.chain.from_iterable(runs)]
