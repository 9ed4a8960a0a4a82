"""A task's examples → padded batches of texts of similar length."""

import bisect
import functools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from mtl_keras.data.padding import budget_widths, rows_of
from mtl_keras.data.task_dataset import SHUFFLE_KEY, TaskDataset
from mtl_keras.data.text_sources import TextSource, with_sources
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer, align_labels
from mtl_keras.errors import InputError

MEASURED_TEXTS = 20_000  # texts from which the lengths of all are estimated
CHUNK = 4096  # texts tokenized at once
CHUNK_POSITIONS = 2**20  # most positions that are padded at once for a token budget
LONG = 512  # if the longest text is longer, waiting texts are cut to the width of their batch
BATCHES_PER_GROUP = 64
# Our functions need no AutoGraph, which would take seconds to rewrite them.
_as_it_is = tf.autograph.experimental.do_not_convert
GROUPS_PER_EPOCH = 4  # at least, since one group would have the same batches in every epoch


def batches(
    dataset: TaskDataset,
    split: str,
    tokenizer: Tokenizer,
    *,
    batch_size: int | None = None,
    max_tokens: int | None = None,
    seed: int | None = None,
    passes: Iterable[object] | None = None,
    widths: Sequence[int] = (),
    endless: bool = False,
    lengths: Mapping[int, int] | None = None,
) -> tf.data.Dataset:
    """The examples of one task as padded batches, tokenized while the model trains.

    With `batch_size`, each batch but the last has so many examples. With a seed, texts of similar
    length share a batch: shuffled examples are sorted by length in groups of 64 batches or a
    quarter of the epoch, whichever is less, and the batches of a group are shuffled, differently at
    each iteration. Without a seed, the order of the files is kept.

    With `max_tokens`, each batch has at most so many positions, padding included: many short texts
    or few long ones, at least one. A text joins the batch of its width (`budget_widths`). A batch
    is returned when it is full, and those that never fill up are returned at the end. A seed
    shuffles the texts, differently at each iteration. So every epoch has the same number of
    batches; for this, lengths are counted beforehand.

    Args:
        dataset: a `TaskDataset`.
        split: `train`, `validation` or `test`.
        tokenizer: splits the texts into word pieces.
        batch_size: examples in a batch; give this or `max_tokens`.
        max_tokens: positions in a batch.
        seed: of the shuffling.
        passes: names the iterations, as in `TaskDataset.stream`.
        widths: the widths, in word pieces, that batches may be padded to; each takes the smallest
            that suffices. For XLA and TPUs, which compile each shape (`static_widths`). When empty,
            each batch is as wide as its longest text, which is the least padding.
        endless: whether passes follow each other without end, as for epochs of a number of steps.
            The number of examples is then not needed, and groups are of 64 batches.
        lengths: of all the split's texts (`text_lengths`), if they are counted already.

    Raises:
        InputError: both or neither of `batch_size` and `max_tokens`, or endless with `max_tokens`.

    Returns:
        A dataset of `(x, y, sample_weight)`. `x` holds `token_ids (batch, length)`, int32, and
        `padding_mask (batch, length)`, bool. `y` is `(batch,)` int32 for classification, float32
        for regression, `(batch, classes)` float32 for multilabel and `(batch, length)` int32 if
        words are labelled. `sample_weight` is ones `(batch,)`; if words are labelled
        `(batch, length)`, 1 at each word's first piece.
    """
    of_split = functools.partial(_rows, dataset, split, tokenizer)
    streamed = functools.partial(of_split, seed=seed, passes=passes, endless=endless)
    longest = tokenizer.max_length
    if batch_size and not max_tokens:
        count, group = tf.data.INFINITE_CARDINALITY, BATCHES_PER_GROUP
        if not endless:
            count = math.ceil(dataset.counts[split] / batch_size)
            group = min(group, math.ceil(count / GROUPS_PER_EPOCH))
        rows = streamed(batch_size * group)
        batched = _grouped(rows, count, batch_size, widths, longest, shuffled=seed is not None)
    elif max_tokens and not batch_size and not endless:
        lengths = lengths or text_lengths(dataset, split, tokenizer)
        rows = streamed(max(1, min(CHUNK, CHUNK_POSITIONS // max(lengths))))
        batched = _gathered(rows, lengths, max_tokens, widths, longest)
    else:
        raise InputError(
            "give either batch_size (examples) or max_tokens (positions); only batch_size can be "
            f"endless. Received: batch_size={batch_size!r}, max_tokens={max_tokens!r}, "
            f"endless={endless}"
        )
    source = TextSource(dataset, split, tokenizer)
    return with_sources(batched.prefetch(tf.data.AUTOTUNE), {dataset.task.name: source})


def text_lengths(
    dataset: TaskDataset, split: str, tokenizer: Tokenizer, at_most: int | None = None
) -> Counter[int]:
    """Length in word pieces → number of texts of that length in a split.

    Args:
        dataset: a `TaskDataset`.
        split: `train`, `validation` or `test`.
        tokenizer: splits the texts into word pieces.
        at_most: stop after about so many texts; None reads all.
    """
    lengths: Counter[int] = Counter()
    for chunk in dataset.stream(split, CHUNK):
        lengths.update(tokenizer(chunk["text"]).token_ids.row_lengths().numpy().tolist())
        if at_most is not None and lengths.total() >= at_most:
            break
    return lengths


def _rows(
    dataset: TaskDataset,
    split: str,
    tokenizer: Tokenizer,
    chunk: int,
    *,
    seed: int | None,
    passes: Iterable[object] | None,
    endless: bool,
) -> tf.data.Dataset:
    """Tokenized examples in chunks."""
    chunks = dataset.stream(split, chunk, seed=seed, passes=passes, endless=endless)
    tokenize = functools.partial(_tokenize_rows, tokenizer)
    return chunks.map(_as_it_is(tokenize), num_parallel_calls=tf.data.AUTOTUNE)


def _tokenize_rows(tokenizer: Tokenizer, chunk: dict) -> dict:
    tokenized = tokenizer(chunk["text"])
    label, weight = chunk["label"], tf.ones(tf.shape(chunk["text"]))
    if "word_starts" in chunk:
        label, mask = align_labels(tokenized, chunk["word_starts"], label)
        weight = tf.cast(mask, tf.float32)
    rows = {"token_ids": tokenized.token_ids, "label": label, "weight": weight}
    return rows | {name: chunk[name] for name in chunk if name == SHUFFLE_KEY}


def _grouped(
    rows: tf.data.Dataset,
    count: int,
    batch_size: int,
    widths: Sequence[int],
    longest: int,
    *,
    shuffled: bool,
) -> tf.data.Dataset:
    """Batches of `batch_size` examples. No batch spans two chunks of rows."""
    if shuffled:
        group_rows = functools.partial(_group_by_length, batch_size=batch_size)
        rows = rows.map(_as_it_is(group_rows), num_parallel_calls=tf.data.AUTOTUNE)
    all_widths = _up_to(longest, widths or range(longest))
    cut = functools.partial(_cut, batch_size=batch_size, widths=all_widths)
    return rows.flat_map(_as_it_is(cut)).apply(tf.data.experimental.assert_cardinality(count))


def _up_to(longest: int, widths: Iterable[int]) -> list[int]:
    """The widths below the longest possible length, then that length."""
    return [*(width for width in widths if width < longest), longest]


def _group_by_length(rows: dict, batch_size: int) -> dict:
    """Sorts rows by length, then shuffles the full batches; a smaller batch stays last."""
    rows = dict(rows)
    key = rows.pop(SHUFFLE_KEY)
    order = tf.argsort(rows["token_ids"].row_lengths(), stable=True)
    full = tf.size(order) // batch_size * batch_size
    shuffled = tf.random.experimental.stateless_shuffle(
        tf.reshape(order[:full], (-1, batch_size)), seed=key
    )
    order = tf.concat([tf.reshape(shuffled, (-1,)), order[full:]], axis=0)
    return {name: tf.gather(values, order) for name, values in rows.items()}


def _cut(rows: dict, batch_size: int, widths: list[int]) -> tf.data.Dataset:
    """Pads a chunk once and slices it into batches, each as wide as its longest text needs."""
    pieces = tf.cast(rows["token_ids"].row_lengths(), tf.int32)  # (rows,)
    longest = tf.math.segment_max(pieces, tf.range(tf.size(pieces)) // batch_size)  # (batches,)
    needed = tf.gather(widths, tf.searchsorted(widths, longest))  # (batches,)
    padded = _padded(rows, widths[-1])

    def batch(first: tf.Tensor, width: tf.Tensor) -> tuple:
        part = slice(first, first + batch_size)
        wide, rest = tf.nest.map_structure(lambda values: values[part], padded)
        return _narrowed(wide, rest, width)

    firsts = tf.range(0, tf.size(pieces), batch_size)
    return tf.data.Dataset.from_tensor_slices((firsts, needed)).map(_as_it_is(batch))


def _gathered(
    rows: tf.data.Dataset,
    lengths: Mapping[int, int],
    max_tokens: int,
    widths: Sequence[int],
    longest: int,
) -> tf.data.Dataset:
    """Batches of at most `max_tokens` positions: a text waits until its width has enough texts."""
    all_widths = _up_to(longest, widths or budget_widths(lengths, max_tokens))
    sizes = [rows_of(width, max_tokens) for width in all_widths]
    texts: Counter[int] = Counter()
    for length, number in lengths.items():
        texts[bisect.bisect_left(all_widths, length)] += number
    count = sum(math.ceil(number / sizes[place]) for place, number in texts.items())
    room = all_widths[max(texts)]

    def placed(chunk: dict) -> tuple:
        pieces = tf.cast(chunk["token_ids"].row_lengths(), tf.int32)
        place = tf.searchsorted(all_widths, pieces, out_type=tf.int64)
        return place, tf.gather(all_widths, place) if widths else pieces, *_padded(chunk, room)

    def waiting(place: tf.Tensor, width: tf.Tensor, wide: dict, rest: dict) -> tuple:
        """Cuts a text to the width of its batch, to save memory: many texts wait."""
        slot = tf.gather(all_widths, place)
        return place, width, {name: values[:slot] for name, values in wide.items()}, rest

    def batch(place: tf.Tensor, texts: tf.data.Dataset) -> tf.data.Dataset:
        return texts.batch(max(sizes)).map(_as_it_is(narrowed))

    def narrowed(place: tf.Tensor, width: tf.Tensor, wide: dict, rest: dict) -> tuple:
        return _narrowed(wide, rest, tf.reduce_max(width))

    padded = rows.map(_as_it_is(placed)).unbatch()
    if room > LONG:
        padded = padded.map(_as_it_is(waiting))
    gathered = padded.group_by_window(
        _as_it_is(lambda place, *row: place),
        _as_it_is(batch),
        window_size_func=_as_it_is(lambda place: tf.gather(tf.constant(sizes, tf.int64), place)),
    )
    return gathered.apply(tf.data.experimental.assert_cardinality(count))


def _padded(rows: dict, width: int) -> tuple[dict, dict]:
    """The values per word piece, padded to a width, with their mask; and the values per text."""
    wide = {
        name: values.to_tensor(shape=(None, width))
        for name, values in rows.items()
        if isinstance(values, tf.RaggedTensor)
    }
    rest = {name: rows[name] for name in ("label", "weight") if name not in wide}
    return wide | {"padding_mask": tf.sequence_mask(rows["token_ids"].row_lengths(), width)}, rest


def _narrowed(wide: dict, rest: dict, width: tf.Tensor) -> tuple:
    """A batch `(x, y, sample_weight)` of this width."""
    taken = {name: values[:, :width] for name, values in wide.items()} | rest
    x = {name: taken[name] for name in ("token_ids", "padding_mask")}
    return x, taken["label"], taken["weight"]
