"""A tokenizer in Hugging Face's files, for runtimes that hold no strings."""

import json
from collections.abc import Mapping
from pathlib import Path

from mtl_keras.encoders.tokenizers.wordpiece import FIRST, LAST, UNKNOWN, WordpieceTokenizer
from mtl_keras.export.conversion.normalizer_files import normalizer_files

VOCABULARY, TOKENIZER, SETTINGS = "vocab.txt", "tokenizer.json", "tokenizer_config.json"


def write_tokenizer_files(tokenizer: WordpieceTokenizer, folder: str | Path) -> None:
    """Writes a `WordpieceTokenizer` as `tokenizers` and `transformers` read it.

    `vocab.txt` (a word piece a line), `tokenizer.json` (all of it: `tokenizers.Tokenizer
    .from_file`) and `tokenizer_config.json` (`transformers.AutoTokenizer`). Batches are padded,
    texts lose what is beyond the longest input, and a `[SEP]` in a text is plain text.

    The ids are the tokenizer's, but of words of over 100 bytes and not characters if the
    normalization counts bytes, as TF Hub's does.

    Args:
        tokenizer: that is written.
        folder: that is there.

    Raises:
        OSError: a file could not be written.
    """
    folder, vocabulary = Path(folder), tokenizer.vocabulary
    lines = "".join(f"{piece}\n" for piece in vocabulary)
    (folder / VOCABULARY).write_text(lines, encoding="utf-8", newline="\n")
    _write(folder / TOKENIZER, _tokenizer(tokenizer))
    _write(folder / SETTINGS, _settings(tokenizer))


def _write(path: Path, value: Mapping) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _tokenizer(tokenizer: WordpieceTokenizer) -> dict:
    vocabulary, normalization = tokenizer.vocabulary, tokenizer.normalization
    ids = {piece: place for place, piece in enumerate(vocabulary)}
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
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": vocabulary[0],
        },
        "added_tokens": [],
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
    """`[CLS]` before a text and `[SEP]` after it."""
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
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "do_lower_case": tokenizer.lowercase,
        "model_max_length": tokenizer.max_length,
        "cls_token": FIRST,
        "sep_token": LAST,
        "unk_token": UNKNOWN,
        "pad_token": tokenizer.vocabulary[0],
        "padding_side": "right",
        "truncation_side": "right",
        "model_input_names": ["input_ids", "attention_mask"],
        "split_special_tokens": True,
    }
