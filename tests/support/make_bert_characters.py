"""Makes `bert_characters.json`: what Hugging Face's BERT tokenizer makes of each character.

`python tests/support/make_bert_characters.py`, with the package `tokenizers`, whose Unicode tables
are of several versions, and tensorflow-text, for `isolated`.
"""

import json
from collections.abc import Callable, Iterable

import tensorflow as tf
import tensorflow_text as tf_text
import tokenizers
from tokenizers import normalizers, pre_tokenizers

from mtl_keras.encoders.tokenizers.normalization import CHARACTERS

EVERY = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)


def main() -> None:
    clean, bare, lower, chinese = (
        _normalized(**settings)
        for settings in ({}, {"strip_accents": True}, {"lowercase": True}, {"chinese": True})
    )
    theirs, ours = _their_words(), _our_words()
    kept = [c for c in EVERY if clean(c) == c]
    described = {
        "made_with": f"tokenizers {tokenizers.__version__}, tensorflow-text {tf_text.__version__}",
        "removed": _ranges(c for c in EVERY if clean(c) == ""),
        "blanks": _ranges(c for c in EVERY if clean(c) == " "),
        "chinese": _ranges(c for c in kept if chinese(c) == f" {c} "),
        "marks": _ranges(c for c in kept if bare(c) == ""),
        "punctuation": _ranges(c for c in EVERY if theirs(c) == 3),
        "isolated": _ranges(c for c in EVERY if ours(c) == 3),
        "spaces": _ranges(c for c in EVERY if ours(c) == 2),
        "bare": [c + bare(c) for c in kept if bare(c) not in ("", c) and ord(c) not in HANGUL],
        "lowercase": [c + lower(c) for c in kept if lower(c) != c],
    }
    CHARACTERS.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def _normalized(
    *, strip_accents: bool = False, lowercase: bool = False, chinese: bool = False
) -> Callable[[str], str]:
    return normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=chinese,
        strip_accents=strip_accents,
        lowercase=lowercase,
    ).normalize_str


def _their_words() -> Callable[[str], int]:
    """The number of words that a character inside a word makes of it."""
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    return lambda character: len(split(f"ab{character}cd"))


def _our_words() -> Callable[[str], int]:
    splitter = tf_text.FastWordpieceTokenizer(["[UNK]", "ab", "cd"], unknown_token="[UNK]")
    counts = splitter.tokenize([f"ab{character}cd" for character in EVERY]).row_lengths()
    return dict(zip(EVERY, counts.numpy().tolist(), strict=True)).__getitem__


def _ranges(characters: Iterable[str]) -> str:
    """Code points in hexadecimal, runs as `first-last`."""
    runs: list[list[int]] = []
    for code in map(ord, characters):
        if runs and runs[-1][1] == code - 1:
            runs[-1][1] = code
        else:
            runs.append([code, code])
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in runs)


if __name__ == "__main__":
    tf.config.set_visible_devices([], "GPU")
    main()
