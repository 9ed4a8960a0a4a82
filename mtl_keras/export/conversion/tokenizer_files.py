"""A tokenizer in Hugging Face's files, for runtimes that hold no strings."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

VOCABULARY, TOKENIZER, SETTINGS = "vocab.txt", "tokenizer.json", "tokenizer_config.json"
FIRST, LAST, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
MAX_WORD = 100  # longer words are unknown: characters there, bytes here


def write_tokenizer_files(config: Mapping, folder: str | Path) -> None:
    """Writes a `WordpieceTokenizer` as `tokenizers` and `transformers` read it.

    `vocab.txt` (a word piece a line), `tokenizer.json` (all of it: `tokenizers.Tokenizer
    .from_file`) and `tokenizer_config.json` (`transformers.AutoTokenizer`). Batches are padded,
    texts lose what is beyond the longest input, and a `[SEP]` in a text is plain text.

    BERT's normalization there knows no compatibility forms, so it is preceded by what makes it
    that of tensorflow-text. Ids then differ in words of over 100 bytes but not characters, in
    private characters, and in a few signs and marks that the two's Unicode versions have apart.

    Args:
        config: of the tokenizer, by its `get_config`.
        folder: that is there.

    Raises:
        OSError: a file could not be written.
    """
    folder, vocabulary = Path(folder), config["vocabulary"]
    lines = "".join(f"{piece}\n" for piece in vocabulary)
    (folder / VOCABULARY).write_text(lines, encoding="utf-8", newline="\n")
    _write(folder / TOKENIZER, _tokenizer(vocabulary, config["lowercase"], config["max_length"]))
    _write(folder / SETTINGS, _settings(vocabulary, config["lowercase"], config["max_length"]))


def _write(path: Path, value: Mapping) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _tokenizer(vocabulary: Sequence[str], lowercase: bool, max_length: int) -> dict:
    ids = {piece: place for place, piece in enumerate(vocabulary)}
    return {
        "version": "1.0",
        "truncation": {
            "direction": "Right",
            "max_length": max_length,
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
        "normalizer": {"type": "Sequence", "normalizers": _normalizers(lowercase)},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": _enclosing(ids),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": UNKNOWN,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": MAX_WORD,
            "vocab": ids,
        },
    }


def _normalizers(lowercase: bool) -> list[dict]:
    bert = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": lowercase,
        "lowercase": lowercase,
    }
    if not lowercase:
        # Format characters, such as the zero-width joiner, separate words.
        return [_replaced({"Regex": r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\p{Cf}]"}, " "), bert]
    folded = [_replaced({"String": letter}, by) for letter, by in (("ß", "ss"), ("ς", "σ"))]
    controls = _replaced({"Regex": r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"}, " ")
    return [controls, {"type": "Lowercase"}, *folded, {"type": "NFKC"}, bert]


def _replaced(pattern: Mapping[str, str], by: str) -> dict:
    return {"type": "Replace", "pattern": pattern, "content": by}


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


def _settings(vocabulary: Sequence[str], lowercase: bool, max_length: int) -> dict:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "do_lower_case": lowercase,
        "model_max_length": max_length,
        "cls_token": FIRST,
        "sep_token": LAST,
        "unk_token": UNKNOWN,
        "pad_token": vocabulary[0],
        "padding_side": "right",
        "truncation_side": "right",
        "model_input_names": ["input_ids", "attention_mask"],
        "split_special_tokens": True,
    }
