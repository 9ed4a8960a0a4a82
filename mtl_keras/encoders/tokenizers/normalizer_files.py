"""Writes a normalization as in `tokenizer.json`: what characters become, and what splits words."""

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mtl_keras.encoders.tokenizers.normalization import (
    PRIVATE,
    BertNormalization,
    Characters,
    Normalization,
    characters_in,
    read_tables,
)
from mtl_keras.errors import InputError

EVERY = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]


@functools.singledispatch
def normalizer_files(
    normalization: Normalization, lowercase: bool, vocabulary: Sequence[str]
) -> dict[str, Any]:
    """The `normalizer` and the `pre_tokenizer` of a `tokenizer.json`.

    `tokenizers` shares most compatibility forms with tensorflow-text, but from another version of
    Unicode. Characters that it treats differently are replaced before and after.

    Args:
        normalization: of a `WordpieceTokenizer`.
        lowercase: whether letters are lower-cased.
        vocabulary: the tokenizer's pieces.
    """
    return _of_characters(
        normalization.characters(lowercase),
        _folding(lowercase),
        {character for piece in vocabulary for character in piece},
    )


@normalizer_files.register
def _bert(
    normalization: BertNormalization, lowercase: bool, vocabulary: Sequence[str]
) -> dict[str, Any]:
    return {
        "normalizer": _bert_normalizer(
            clean_text=True,
            handle_chinese_chars=normalization.split_chinese,
            strip_accents=normalization.strip_accents,
            lowercase=lowercase,
        ),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
    }


def _bert_normalizer(**settings: bool) -> dict[str, Any]:
    return {"type": "BertNormalizer", **settings}


def _folding(lowercase: bool) -> list[dict[str, Any]]:
    """The closest equivalent of tensorflow-text's case folding."""
    if not lowercase:
        return []
    folded = [_replaced({"String": letter}, by) for letter, by in (("ß", "ss"), ("ς", "σ"))]
    stripped = _bert_normalizer(
        clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=True
    )
    return [{"type": "Lowercase"}, {"type": "NFKC"}, *folded, stripped]


def _of_characters(
    characters: Characters, folding: list[dict[str, Any]], in_vocabulary: set[str]
) -> dict[str, Any]:
    tables = read_tables()
    spaces, isolated = (set(characters_in(tables[name])) for name in ("spaces", "isolated"))
    spaces, isolated = spaces - characters.letters, isolated - characters.letters
    before, after = _corrections(characters.changes, folding, in_vocabulary | spaces | isolated)
    parts = ((spaces, "+", "Removed"), (isolated, "", "Isolated"))
    return {
        "normalizer": {
            "type": "Sequence",
            "normalizers": [*_replacements(before), *folding, *_replacements(after)],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split",
                    "pattern": {"Regex": _class(signs) + times},
                    "behavior": behavior,
                    "invert": False,
                }
                for signs, times, behavior in parts
            ],
        },
    }


def _corrections(
    changes: Mapping[str, str], folding: list[dict[str, Any]], in_vocabulary: set[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Two mappings character → string: replacements before and after the folding.

    Characters that make a word unknown anyway become one private character. Characters that the
    folding would change wrongly become other private characters, and are restored after it.
    """
    fold = _function(folding)
    private = (c for c in map(chr, reversed(PRIVATE)) if c not in in_vocabulary)
    unknown, before, after = next(private), dict[str, str](), dict[str, str]()
    for character in EVERY:
        string, folded = changes.get(character, character), fold(character)
        if folded == string:
            continue
        if not in_vocabulary.issuperset(string):
            before[character] = unknown
        elif fold(string) == string:
            before[character] = string
        else:
            carrier = before[character] = next(private)
            after[carrier] = string
    return dict.fromkeys(after, unknown) | before, after


def _function(normalizers: list[dict[str, Any]]) -> Callable[[str], str]:
    """A function that applies these normalizers of `tokenizers` to a string."""
    try:
        from tokenizers import Tokenizer, models
    except ImportError:
        raise InputError(
            "to write this tokenizer for Hugging Face's libraries takes one of them: pip install "
            "tokenizers"
        ) from None
    content = json.loads(Tokenizer(models.BPE()).to_str())
    content["normalizer"] = {"type": "Sequence", "normalizers": normalizers}
    return Tokenizer.from_str(json.dumps(content)).normalizer.normalize_str


def _replacements(changes: Mapping[str, str]) -> list[dict[str, Any]]:
    """Replacements, one for all characters that become the same string."""
    of_string: dict[str, list[str]] = {}
    for character, string in changes.items():
        of_string.setdefault(string, []).append(character)
    return [_replaced({"Regex": _class(of_string[s])}, s) for s in of_string]


def _class(characters: Iterable[str]) -> str:
    """A regular expression that matches any of these characters."""
    runs: list[list[int]] = []
    for code in sorted(map(ord, characters)):
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    inner = "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in runs)
    return f"[{inner}]"


def _replaced(pattern: Mapping[str, str], by: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": by}
