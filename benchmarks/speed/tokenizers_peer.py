"""Hugging Face's fast tokenizer: strings → padded batches of 32, cut at 128 word pieces.

Variant `32` is how it is mostly used, 32 texts a call, padded by it; with more texts a call it
spreads better over the cores, and the padding is NumPy's.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import measure
import numpy as np
import work
from tokenizers import Encoding, Tokenizer
from work import Job

Batch = tuple[np.ndarray, np.ndarray]  # token ids and mask, (32, length)


def tokenize(job: Job, sentences: Sequence[str]) -> Callable[[], int]:
    """What makes all batches and counts their rows."""
    tokenizer = fast_tokenizer(job)
    size = int(job.variant)
    if size == work.BATCH_SIZE:
        tokenizer.enable_padding()
    return lambda: sum(len(ids) for ids, _ in _batches(tokenizer, sentences, size))


def fast_tokenizer(job: Job) -> Tokenizer:
    """The encoder's tokenizer, cutting long texts and not padding."""
    tokenizer = Tokenizer.from_file(str(Path(job.encoder, "tokenizer.json")))
    tokenizer.enable_truncation(work.MAX_LENGTH)
    tokenizer.no_padding()
    return tokenizer


def settings(job: Job) -> dict:
    """How it was called."""
    return {
        "texts_a_call": int(job.variant),
        "padding": "its own" if int(job.variant) == work.BATCH_SIZE else "NumPy",
        "versions": measure.versions("tokenizers", "numpy"),
    }


def _batches(tokenizer: Tokenizer, sentences: Sequence[str], size: int) -> Iterator[Batch]:
    for texts in measure.batches(sentences, size):
        for encodings in measure.batches(tokenizer.encode_batch(texts)):
            yield _arrays(encodings) if size == work.BATCH_SIZE else _padded(encodings)


def _arrays(encodings: Sequence[Encoding]) -> Batch:
    return (
        np.array([encoding.ids for encoding in encodings], np.int32),
        np.array([encoding.attention_mask for encoding in encodings], bool),
    )


def _padded(encodings: Sequence[Encoding]) -> Batch:
    rows = [encoding.ids for encoding in encodings]
    token_ids = np.zeros((len(rows), max(map(len, rows))), np.int32)
    mask = np.zeros(token_ids.shape, bool)
    for index, row in enumerate(rows):
        token_ids[index, : len(row)] = row
        mask[index, : len(row)] = True
    return token_ids, mask


if __name__ == "__main__":
    measure.main({work.TOKENIZE: tokenize}, settings)
