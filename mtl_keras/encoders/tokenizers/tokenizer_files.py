"""Writes a tokenizer as Hugging Face's files, for its libraries and runtimes without strings."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path

from mtl_keras.encoders.tokenizers.byte_pair import END_OF_TEXT, BytePairTokenizer
from mtl_keras.encoders.tokenizers.normalizer_files import normalizer_files
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.tokenizers.wordpiece import FIRST, LAST, UNKNOWN, WordpieceTokenizer
from mtl_keras.errors import InputError

VOCABULARY, TOKENIZER, SETTINGS = "vocab.txt", "tokenizer.json", "tokenizer_config.json"
PIECES, MERGES = "vocab.json", "merges.txt"
OF_ALL = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "padding_side": "right",
    "truncation_side": "right",
    "model_input_names": ["input_ids", "attention_mask"],
    "split_special_tokens": True,
}


@functools.singledispatch
def write_tokenizer_files(tokenizer: Tokenizer, folder: str | Path) -> None:
    """Writes a tokenizer in the form that `tokenizers` and `transformers` read.

    The files are `vocab.txt` (one word piece per line), or `vocab.json` and `merges.txt` for byte
    pairs; `tokenizer.json` (everything, for `tokenizers.Tokenizer.from_file`); and
    `tokenizer_config.json` (for `transformers.AutoTokenizer`). Batches are padded, long texts are
    truncated, and a `[SEP]` in a text is plain text.

    The ids equal the tokenizer's, except for words of more than 100 bytes but fewer characters, if
    the normalization counts bytes, as TF Hub's does; and for an empty text of byte pairs, which has
    no ids there.

    Args:
        tokenizer: the tokenizer.
        folder: an existing folder.

    Raises:
        InputError: these files cannot hold the tokenizer.
        OSError: a file could not be written.
    """
    raise InputError(
        f"a {type(tokenizer).__name__} cannot be written in Hugging Face's files; supported: word "
        "pieces and GPT-2's byte pairs"
    )


@write_tokenizer_files.register
def _word_pieces(tokenizer: WordpieceTokenizer, folder: str | Path) -> None:
    folder, vocabulary = Path(folder), tokenizer.vocabulary
    lines = "".join(f"{piece}\n" for piece in vocabulary)
    (folder / VOCABULARY).write_text(lines, encoding="utf-8", newline="\n")
    _write(folder / TOKENIZER, _fast_word_pieces(tokenizer))
    _write(folder / SETTINGS, _settings(tokenizer))


@write_tokenizer_files.register
def _byte_pairs(tokenizer: BytePairTokenizer, folder: str | Path) -> None:
    if tokenizer.around:
        raise InputError(
            f"byte pairs between {' and '.join(tokenizer.around)} cannot be written in Hugging "
            "Face's files; supported: GPT-2's, with nothing around a text"
        )
    folder, ids = Path(folder), _ids(tokenizer)
    merges = "".join(f"{pair}\n" for pair in ("#version: 0.2", *tokenizer.merges))
    _write(folder / PIECES, ids)
    (folder / MERGES).write_text(merges, encoding="utf-8", newline="\n")
    _write(folder / TOKENIZER, _fast_byte_pairs(tokenizer))
    of_text = dict.fromkeys(("bos_token", "eos_token", "pad_token"), END_OF_TEXT)
    _write(
        folder / SETTINGS,
        OF_ALL | of_text | {"model_max_length": tokenizer.max_length, "add_prefix_space": False},
    )


def _ids(tokenizer: Tokenizer) -> dict[str, int]:
    return {piece: place for place, piece in enumerate(tokenizer.vocabulary)}


def _write(path: Path, value: Mapping) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _fast(tokenizer: Tokenizer, padding: str) -> dict:
    """The part of a `tokenizer.json` that all tokenizers share."""
    return {
        "version": "1.0",
        "truncation": {
            "direction": "Right",
            "max_length": tokenizer.max_length,
            "strategy": "LongestFirst",
            "stride": 0,
        },
        "padding": {
            "strategy": "BatchLongest",
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": tokenizer.vocabulary.index(padding),
            "pad_type_id": 0,
            "pad_token": padding,
        },
        "added_tokens": [],
    }


def _fast_byte_pairs(tokenizer: BytePairTokenizer) -> dict:
    in_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    return _fast(tokenizer, END_OF_TEXT) | {
        "normalizer": None,
        "pre_tokenizer": in_bytes | {"use_regex": True},
        "post_processor": None,
        "decoder": in_bytes | {"use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": _ids(tokenizer),
            "merges": tokenizer.merges,
        },
    }


def _fast_word_pieces(tokenizer: WordpieceTokenizer) -> dict:
    vocabulary, normalization, ids = tokenizer.vocabulary, tokenizer.normalization, _ids(tokenizer)
    return _fast(tokenizer, vocabulary[0]) | {
        **normalizer_files(normalization, tokenizer.lowercase, vocabulary),
        "post_processor": _enclosing(ids),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": UNKNOWN,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": normalization.max_characters or normalization.max_bytes,
            "vocab": ids,
        },
    }


def _enclosing(ids: Mapping[str, int]) -> dict:
    """Puts `[CLS]` before a text and `[SEP]` after it."""
    first, last = ({"SpecialToken": {"id": piece, "type_id": 0}} for piece in (FIRST, LAST))
    text, other = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    return {
        "type": "TemplateProcessing",
        "single": [first, text, last],
        "pair": [first, text, last, other, last],
        "special_tokens": {
            piece: {"id": piece, "ids": [ids[piece]], "tokens": [piece]} for piece in (FIRST, LAST)
        },
    }


def _settings(tokenizer: WordpieceTokenizer) -> dict:
    return OF_ALL | {
        "do_lower_case": tokenizer.lowercase,
        "model_max_length": tokenizer.max_length,
        "cls_token": FIRST,
        "sep_token": LAST,
        "unk_token": UNKNOWN,
        "pad_token": tokenizer.vocabulary[0],
    }
