"""A task's examples → padded batches of texts of similar length."""

import bisect
import functools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from mtl_keras.data.padding import budget_widths, rows_of
from mtl_keras.data.task_dataset import SHUFFLE_KEY, TaskDataset
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer, align_labels
from mtl_keras.errors import InputError

MEASURED_TEXTS = 20_000  # from which the lengths of all are told
CHUNK = 4096  # texts tokenized at once
CHUNK_POSITIONS = 2**20  # of texts that are padded at once for a token budget
LONG = 512  # of texts up to this length each may wait in the room of the longest
BATCHES_PER_GROUP = 64
# Our functions are graphs as they stand; AutoGraph would take seconds to rewrite them.
_as_it_is = tf.autograph.experimental.do_not_convert
GROUPS_PER_EPOCH = 4  # at least, or a small data set would meet in the same batches every epoch


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

    Of `batch_size` examples: with a seed, texts of similar length share a batch, chosen among the
    shuffled examples of 64 batches or of a quarter of the epoch, whichever is less; the batches
    come shuffled, anew at each iteration. Without one, the order of the file is kept. All batches
    are full but the last.

    Of at most `max_tokens` positions, padding included: many short texts or few long ones, at
    least one. Texts go to the batch of their width (`budget_widths`) in the order in which they
    come, which a seed shuffles anew at each iteration, and a batch comes when it is full, those
    that never are at the end. So an epoch has the same number of batches in any order; lengths
    are counted beforehand for it.

    Args:
        dataset: a `TaskDataset`.
        split: `train`, `validation` or `test`.
        tokenizer: cuts the texts.
        batch_size: examples in a batch; or else:
        max_tokens: positions in a batch.
        seed: of the shuffling.
        passes: names the iterations, as in `TaskDataset.stream`.
        widths: word pieces that batches are padded to, the smallest that does, for XLA and TPUs,
            which compile each shape (`static_widths`). When empty each batch is as wide as its
            longest text, so that least padding is computed.
        lengths: of all the split's texts (`text_lengths`), where they are counted already.
        endless: whether a pass follows the other without end, as for an epoch that is a number of
            steps. How many examples there are is then not asked: groups are of 64 batches.

    Raises:
        InputError: both or neither of `batch_size` and `max_tokens`, or `max_tokens` without end.

    Returns:
        A dataset of `(x, y, sample_weight)`. `x` holds `token_ids (batch, length)`, int32, and
        `padding_mask (batch, length)`, bool. `y` is `(batch,)` int32 for classification, float32
        for regression, `(batch, classes)` float32 for multilabel and `(batch, length)` int32 if
        words are labelled. `sample_weight` is ones `(batch,)`, of words `(batch, length)`: 1 on
        each word's first piece.
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
        found = _grouped(rows, count, batch_size, widths, longest, shuffled=seed is not None)
    elif max_tokens and not batch_size and not endless:
        lengths = lengths or text_lengths(dataset, split, tokenizer)
        rows = streamed(max(1, min(CHUNK, CHUNK_POSITIONS // max(lengths))))
        found = _gathered(rows, lengths, max_tokens, widths, longest)
    else:
        raise InputError(
            "batches have batch_size examples or max_tokens positions, one of both, and only "
            f"those of batch_size come without end. Received: batch_size={batch_size!r}, "
            f"max_tokens={max_tokens!r}, endless={endless}"
        )
    return found.prefetch(tf.data.AUTOTUNE)


def text_lengths(
    dataset: TaskDataset, split: str, tokenizer: Tokenizer, at_most: int | None = None
) -> Counter[int]:
    """How many texts of a split have so many word pieces.

    Args:
        dataset: a `TaskDataset`.
        split: `train`, `validation` or `test`.
        tokenizer: cuts the texts.
        at_most: texts that are read of a long split, the first; None: all.
    """
    found: Counter[int] = Counter()
    for chunk in dataset.stream(split, CHUNK):
        found.update(tokenizer(chunk["text"]).token_ids.row_lengths().numpy().tolist())
        if at_most is not None and found.total() >= at_most:
            break
    return found


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
    """Tokenized examples, so many an element."""
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
    """Batches of so many examples, of each chunk of rows by itself."""
    if shuffled:
        group_rows = functools.partial(_group_by_length, batch_size=batch_size)
        rows = rows.map(_as_it_is(group_rows), num_parallel_calls=tf.data.AUTOTUNE)
    known = _up_to(longest, widths or range(longest))
    cut = functools.partial(_cut, batch_size=batch_size, known_widths=known)
    return rows.flat_map(_as_it_is(cut)).apply(tf.data.experimental.assert_cardinality(count))


def _up_to(longest: int, widths: Iterable[int]) -> list[int]:
    """The widths, and at their end the longest that there can be."""
    return [*(width for width in widths if width < longest), longest]


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
    padded = _padded(rows, known_widths[-1])

    def batch(first: tf.Tensor, width: tf.Tensor) -> tuple:
        part = slice(first, first + batch_size)
        wide, rest = tf.nest.map_structure(lambda values: values[part], padded)
        return _narrowed(wide, rest, width)

    firsts = tf.range(0, tf.size(pieces), batch_size)
    return tf.data.Dataset.from_tensor_slices((firsts, widths)).map(_as_it_is(batch))


def _gathered(
    rows: tf.data.Dataset,
    lengths: Mapping[int, int],
    max_tokens: int,
    widths: Sequence[int],
    longest: int,
) -> tf.data.Dataset:
    """Batches of so many positions: a text waits for others of its width until they are enough."""
    known = _up_to(longest, widths or budget_widths(lengths, max_tokens))
    sizes = [rows_of(width, max_tokens) for width in known]
    texts: Counter[int] = Counter()
    for length, number in lengths.items():
        texts[bisect.bisect_left(known, length)] += number
    count = sum(math.ceil(number / sizes[place]) for place, number in texts.items())
    room = known[max(texts)]

    def placed(chunk: dict) -> tuple:
        pieces = tf.cast(chunk["token_ids"].row_lengths(), tf.int32)
        place = tf.searchsorted(known, pieces, out_type=tf.int64)
        return place, tf.gather(known, place) if widths else pieces, *_padded(chunk, room)

    def waiting(place: tf.Tensor, width: tf.Tensor, wide: dict, rest: dict) -> tuple:
        """A text as wide as those that it waits for, and no wider: many wait."""
        slot = tf.gather(known, place)
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
    """What there is a word piece, padded to a width, with its mask; and what there is a text."""
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
