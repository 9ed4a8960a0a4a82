"""A task's examples → padded batches of texts of similar length."""

import functools
import math
from collections import Counter
from collections.abc import Iterable, Sequence

import tensorflow as tf

from mtl_keras.datasets import SHUFFLE_KEY
from mtl_keras.preprocessing import Tokenizer, align_labels

COMPILED_PIECES = 20_000  # word pieces that are trained on in the time of one compilation
MEASURED_TEXTS = 20_000  # from which the lengths of all are told
BATCHES_PER_GROUP = 64
# Our functions are graphs as they stand; AutoGraph would take seconds to rewrite them.
_as_it_is = tf.autograph.experimental.do_not_convert
GROUPS_PER_EPOCH = 4  # at least, or a small data set would meet in the same batches every epoch


def batches(
    dataset,
    split: str,
    tokenizer: Tokenizer,
    *,
    batch_size: int,
    seed: int | None = None,
    passes: Iterable[object] | None = None,
    widths: Sequence[int] = (),
    endless: bool = False,
) -> tf.data.Dataset:
    """The examples of one task as padded batches, tokenized while the model trains.

    With a seed, texts of similar length share a batch, chosen among the shuffled examples of 64
    batches or of a quarter of the epoch, whichever is less; the batches come shuffled, anew at
    each iteration. Without one, the order of the file is kept. All batches are full but the last.

    Args:
        dataset: a `TaskDataset`.
        split: `train`, `validation` or `test`.
        tokenizer: cuts the texts.
        batch_size: examples in a batch.
        seed: of the shuffling.
        passes: names the iterations, as in `TaskDataset.stream`.
        widths: word pieces that batches are padded to, the smallest that does, for XLA and TPUs,
            which compile each shape (`static_widths`). When empty each batch is as wide as its
            longest text, so that least padding is computed.
        endless: whether a pass follows the other without end, as for an epoch that is a number of
            steps. How many examples there are is then not asked: groups are of 64 batches.

    Returns:
        A dataset of `(x, y, sample_weight)`. `x` holds `token_ids (batch, length)`, int32, and
        `padding_mask (batch, length)`, bool. `y` is `(batch,)` int32 for classification, float32
        for regression, `(batch, classes)` float32 for multilabel and `(batch, length)` int32 for
        tagging. `sample_weight` is ones `(batch,)`, for tagging `(batch, length)`: 1 on each
        word's first piece.
    """
    count, group = tf.data.INFINITE_CARDINALITY, BATCHES_PER_GROUP
    if not endless:
        count = math.ceil(dataset.counts[split] / batch_size)
        group = min(group, math.ceil(count / GROUPS_PER_EPOCH))
    chunks = dataset.stream(split, batch_size * group, seed=seed, passes=passes, endless=endless)
    tokenize = functools.partial(_tokenize_rows, tokenizer)
    rows = chunks.map(_as_it_is(tokenize), num_parallel_calls=tf.data.AUTOTUNE)
    if seed is not None:
        group_rows = functools.partial(_group_by_length, batch_size=batch_size)
        rows = rows.map(_as_it_is(group_rows), num_parallel_calls=tf.data.AUTOTUNE)
    widths = widths or range(tokenizer.max_length)
    known = [width for width in widths if width < tokenizer.max_length]
    known.append(tokenizer.max_length)
    cut = rows.flat_map(
        _as_it_is(functools.partial(_cut, batch_size=batch_size, known_widths=known))
    )
    return cut.apply(tf.data.experimental.assert_cardinality(count)).prefetch(tf.data.AUTOTUNE)


def static_widths(lengths: Iterable[int], epochs: int = 1) -> tuple[int, ...]:
    """The widths for which padding and compilation together cost least.

    Every width is compiled once, which takes as long as training on `COMPILED_PIECES` word pieces;
    a text is padded to the next width. The least sum over all sets of widths is found by dynamic
    programming over the lengths that occur.

    Args:
        lengths: of the texts of an epoch, in word pieces.
        epochs: how often they are read.

    Returns:
        Ascending; the last is the longest length.

    Example:

    >>> static_widths([8] * 10_000 + [9] * 10 + [100] * 2_000 + [512])
    (8, 100, 512)
    >>> static_widths([])
    ()
    """
    counts = sorted(Counter(lengths).items())
    # (cost, widths) where the texts of all lengths before this one have a width.
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for last, (width, _) in enumerate(counts):
        padding, found = 0, []
        for first in range(last, -1, -1):  # these lengths are padded to this width
            length, count = counts[first]
            padding += epochs * count * (width - length)
            cost, widths = best[first]
            found.append((cost + padding + COMPILED_PIECES, (*widths, width)))
        best.append(min(found))
    return best[-1][1]


def text_lengths(dataset, split: str, tokenizer: Tokenizer) -> list[int]:
    """The word pieces of each text of a split, of a long one those of its first texts.

    Args:
        dataset: a `TaskDataset`.
        split: `train`, `validation` or `test`.
        tokenizer: cuts the texts.
    """
    chunk = next(iter(dataset.stream(split, MEASURED_TEXTS)))
    return tokenizer(chunk["text"]).token_ids.row_lengths().numpy().tolist()


def _tokenize_rows(tokenizer: Tokenizer, chunk: dict) -> dict:
    tokenized = tokenizer(chunk["text"])
    label, weight = chunk["label"], tf.ones(tf.shape(chunk["text"]))
    if "word_starts" in chunk:
        label, mask = align_labels(tokenized, chunk["word_starts"], label)
        weight = tf.cast(mask, tf.float32)
    rows = {"token_ids": tokenized.token_ids, "label": label, "weight": weight}
    return rows | {name: chunk[name] for name in chunk if name == SHUFFLE_KEY}


def _group_by_length(rows: dict, batch_size: int) -> dict:
    """Sorts rows by length, then shuffles full batches of them; the short one stays last."""
    rows = dict(rows)
    key = rows.pop(SHUFFLE_KEY)
    order = tf.argsort(rows["token_ids"].row_lengths(), stable=True)
    full = tf.size(order) // batch_size * batch_size
    shuffled = tf.random.experimental.stateless_shuffle(
        tf.reshape(order[:full], (-1, batch_size)), seed=key
    )
    order = tf.concat([tf.reshape(shuffled, (-1,)), order[full:]], axis=0)
    return {name: tf.gather(values, order) for name, values in rows.items()}


def _cut(rows: dict, batch_size: int, known_widths: list[int]) -> tf.data.Dataset:
    """Pads a chunk once and slices it into batches, each as wide as its longest text needs."""
    pieces = tf.cast(rows["token_ids"].row_lengths(), tf.int32)
    longest = tf.math.segment_max(pieces, tf.range(tf.size(pieces)) // batch_size)
    widths = tf.gather(known_widths, tf.searchsorted(known_widths, longest))
    wide = {name: rows[name].to_tensor(shape=(None, known_widths[-1])) for name in _ragged(rows)}
    wide["padding_mask"] = tf.sequence_mask(pieces, known_widths[-1])
    narrow = {name: values for name, values in rows.items() if name not in wide}

    def batch(first, width):
        part = slice(first, first + batch_size)
        taken = {name: values[part, :width] for name, values in wide.items()}
        taken |= {name: values[part] for name, values in narrow.items()}
        x = {name: taken[name] for name in ("token_ids", "padding_mask")}
        return x, taken["label"], taken["weight"]

    firsts = tf.range(0, tf.size(pieces), batch_size)
    return tf.data.Dataset.from_tensor_slices((firsts, widths)).map(_as_it_is(batch))


def _ragged(rows: dict) -> list[str]:
    return [name for name, values in rows.items() if isinstance(values, tf.RaggedTensor)]
