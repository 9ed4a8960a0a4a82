"""The frozen-prefix cache: what frozen layers make of a text is computed once, and kept."""

import functools
import hashlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.distribution.strategies import Workers
from mtl_keras.models.frozen_prefix import FEATURES, SENTENCE, groups_up_to, output_of
from mtl_keras.models.inference import Batch
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.prediction import LookUp
from mtl_keras.training.features.store import (
    HALF,
    MEMORY,
    Store,
    free_disk,
    length_mask,
    make_store,
    store_kind,
)

MEMORY_BUDGET = 2 * 2**30  # bytes of features in memory; what is more goes into a file
TOKENS_PER_PASS = 1024  # word pieces that are encoded at once, padding included
PASSES_PER_EXCHANGE = 12  # of a worker, before it gives others what it has
PASSES_AT_ONCE = 3  # while one is copied or normalised the products of another run
CACHED_SPLITS = ("train", "validation")
CHUNK = 4096  # texts read at once
MOST_TEXTS = 5_000_000  # each takes some 340 bytes of memory to be found again


class FeatureCache:
    """Computes the frozen prefix of a model once for every text; the rest trains from that.

    The frozen prefix is the longest run of frozen layer groups from the bottom up. It runs
    without dropout, so what it makes of a text does not change. Texts that occur twice, or in
    several tasks, are encoded once, in passes of similar length. Where the whole encoder is
    frozen and every head reads the sentence embedding, only that is kept, else a vector for each
    word piece.

    Features are kept in memory, in float32 or, where that is too much, float16; what does not fit
    even so goes into a temporary file without a name, so that it is gone with the process however
    that ends, and no other can read it. They are dropped when the weights that made them change.

    Where several workers train together, each computes its share and keeps all.

    Args:
        model: its encoder makes the features.
        datasets: task → its files; their training and validation texts are encoded.
        memory_budget: bytes in memory.
    """

    def __init__(
        self,
        model: MultiTaskModel,
        datasets: Mapping[str, TaskDataset],
        memory_budget: int = MEMORY_BUDGET,
    ):
        self.model = model
        self.datasets = datasets
        self.memory_budget = memory_budget
        self.workers = Workers(model.distribute_strategy)
        self.seconds = 0.0  # that the last `prepare` took
        self._stores: dict[str, Store] = {}
        self._texts: _Texts | None = None

    def prepare(
        self,
        levels: Sequence[str],
        epochs: int,
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Has the model train from features, computed now where they are not there yet.

        It trains from the texts where there is no room for features, or no second epoch to read
        them.

        Args:
            levels: where the frozen prefix ends (`frozen_prefix`), in this stage and in later
                ones that one pass over the texts serves; empty: the texts.
            epochs: how many will read them.
            report: told, before it is done, what is computed and where it is kept.
        """
        started = time.perf_counter()
        fresh = {level: _fingerprint(self.model, level) for level in levels}
        known = {
            level: store
            for level, store in self._stores.items()
            if store.fingerprint == (fresh.get(level) or _fingerprint(self.model, level))
        }
        self._stores = {level: known[level] for level in levels if level in known}
        if levels and levels[0] not in self._stores and epochs > 1:
            self._compute(levels, fresh, known, report)
        self.model.start_above(next((level for level in levels[:1] if level in self._stores), None))
        self.seconds = time.perf_counter() - started

    @property
    def kept(self) -> dict[str, str]:
        """Level → in which type of number its features are kept."""
        return {level: store.values.dtype.name for level, store in self._stores.items()}

    def attach(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Adds `features` to each batch `(x, y, sample_weight)` of the texts, where there are.

        Their shape is `(batch, length, hidden)`, or `(batch, hidden)` of sentence embeddings.
        """
        level, texts = self.model.level, self._texts
        if level is None or texts is None:
            return batches
        store, tensor = self._stores[level], output_of(self.model.encoder, level)

        def look_up(token_ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
            return store.batch(texts.rows(token_ids, lengths), token_ids.shape[1])

        @tf.autograph.experimental.do_not_convert
        def with_features(x, y, weights):
            lengths = tf.reduce_sum(tf.cast(x["padding_mask"], tf.int32), axis=1)
            found = tf.numpy_function(look_up, [x["token_ids"], lengths], store.values.dtype)
            features = tf.ensure_shape(tf.cast(found, tensor.dtype), tensor.shape)
            return x | {FEATURES: features}, y, weights

        return batches.map(with_features)

    def look_up(self) -> LookUp | None:
        """Adds `features` to padded token ids and mask of texts that are known.

        None, and the model begins with token ids again, where it does not train from features,
        or they are of other weights than it has now.
        """
        level = self.model.level
        if level is None or self._stores[level].fingerprint != _fingerprint(self.model, level):
            self.model.start_above(None)
            return None
        store, texts = self._stores[level], self._known_texts

        def add(x: Batch) -> Batch:
            ids = x["token_ids"]
            rows = texts.rows(ids, x["padding_mask"].sum(axis=1))
            return {**x, FEATURES: store.batch(rows, ids.shape[1]).astype(np.float32)}

        return add

    def _compute(
        self,
        levels: Sequence[str],
        fingerprints: Mapping[str, bytes],
        known: Mapping[str, Store],
        report: Callable[[str], None],
    ) -> None:
        """Fills the stores of these levels, from the highest known one below the first."""
        order = [*self.model.layer_groups, SENTENCE]
        below = [level for level in known if order.index(level) < order.index(levels[0])]
        source = max(below, key=order.index, default=None)
        made: dict[str, Store] = {}
        for level in levels if self._may_fit(levels[0]) else ():
            on_the_way = source is None or order.index(level) > order.index(source)
            if level not in self._stores and on_the_way:
                store = self._room(level, fingerprints[level])
                if store is None:
                    break
                self._stores[level] = made[level] = store
        self.workers.check_same(str(self.kept), "room for the features of frozen layers")
        if not made:
            report("no room for the features of the frozen layers: each epoch computes them anew")
            return
        size = sum(store.values.nbytes for store in made.values()) / 1e6
        places = " and ".join(sorted({store.place for store in made.values()}))
        report(
            f"features of {len(self._known_texts.lengths):,} texts after {', '.join(made)}: "
            f"{size:,.0f} MB in {places}"
        )
        self._fill(source, known.get(source or ""), made)

    def _fill(self, source: str | None, before: Store | None, made: Mapping[str, Store]) -> None:
        """Encodes all texts, from their ids or from the features that are known."""
        encode = _between(self.model, source, list(made))

        def step(rows: np.ndarray) -> None:
            ids, mask = self._known_texts.padded(rows)
            found = encode(before.batch(rows, ids.shape[1]) if before else ids, mask)
            for level, store in made.items():
                store.put(rows, found[level].numpy())

        passes, index, count = self._known_texts.passes(), self.workers.index, self.workers.count
        while some := list(itertools.islice(passes, PASSES_PER_EXCHANGE * count)):
            self._run(step, some[index::count])
            for level, store in made.items() if count > 1 else ():
                self._exchange(level, store, some)

    def _run(self, step: Callable[[np.ndarray], None], passes: Iterable[np.ndarray]) -> None:
        with ThreadPoolExecutor(PASSES_AT_ONCE) as pool:
            for _ in pool.map(step, passes):
                pass

    def _exchange(self, level: str, store: Store, passes: Sequence[np.ndarray]) -> None:
        """Gives every worker what each has computed of these passes: a sum, 0 where it has not."""
        widths = [self._known_texts.lengths[rows].max() for rows in passes]
        found = [store.batch(rows, width) for rows, width in zip(passes, widths, strict=True)]
        flat = np.concatenate([each.ravel() for each in found])
        summed = self.workers.sum(flat.astype(np.float32))
        parts = np.split(summed, np.cumsum([each.size for each in found])[:-1])
        for rows, part, like in zip(passes, parts, found, strict=True):
            store.put(rows, part.reshape(like.shape))

    @property
    def _known_texts(self) -> "_Texts":
        if self._texts is None:
            self._texts = _Texts.of(self.model, self.datasets)
        return self._texts

    def _may_fit(self, level: str) -> bool:
        """Whether there may be room for a level, by the length of the files' first texts."""
        room = max(self.memory_budget, free_disk())
        count = sum(
            dataset.counts[split]
            for dataset, split in itertools.product(self.datasets.values(), CACHED_SPLITS)
        )
        longest = np.array([self.model.encoder.tokenizer.max_length])
        row_size = self.model.encoder.config.hidden_dim * HALF
        if count > MOST_TEXTS:
            return False
        if count * store_kind(level).rows(longest) * row_size <= room:
            return True  # whatever their length
        size = 0.0
        for dataset, split in itertools.product(self.datasets.values(), CACHED_SPLITS):
            chunk = next(iter(dataset.stream(split, CHUNK)))
            lengths = self.model.encoder.tokenizer(chunk["text"]).token_ids.row_lengths().numpy()
            rows = store_kind(level).rows(lengths) / len(lengths) * dataset.counts[split]
            size += rows * row_size
        return size <= room

    def _room(self, level: str, fingerprint: bytes) -> Store | None:
        held = sum(each.values.nbytes for each in self._stores.values() if each.place == MEMORY)
        return make_store(
            level,
            self._known_texts.lengths,
            self.model.encoder.config.hidden_dim,
            fingerprint,
            memory=self.memory_budget - held,
        )


@dataclass(frozen=True, eq=False)
class _Texts:
    """Every text once: its word pieces, found by their digest."""

    index: Mapping[bytes, int]
    ids: Sequence[np.ndarray]
    lengths: np.ndarray

    @classmethod
    def of(cls, model: MultiTaskModel, datasets: Mapping[str, TaskDataset]) -> "_Texts":
        index: dict[bytes, int] = {}
        ids: list[np.ndarray] = []
        for dataset, split in itertools.product(datasets.values(), CACHED_SPLITS):
            for chunk in dataset.stream(split, CHUNK):
                pieces = model.encoder.tokenizer(chunk["text"]).token_ids
                for row in np.split(pieces.values.numpy(), pieces.row_splits.numpy()[1:-1]):
                    key = _digest(row)
                    if key not in index:
                        index[key] = len(ids)
                        ids.append(row.copy())
        return cls(index, ids, np.array([len(row) for row in ids]))

    def rows(self, token_ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """The numbers of a padded batch's texts."""
        pieces = (row[:length] for row, length in zip(token_ids, lengths, strict=True))
        return np.array([self.index[_digest(row)] for row in pieces], np.int64)

    def passes(self) -> Iterator[np.ndarray]:
        """The texts' numbers, the longest first, as many at once as `TOKENS_PER_PASS` holds."""
        order, start = np.argsort(-self.lengths, kind="stable"), 0
        while start < len(order):
            count = max(1, TOKENS_PER_PASS // int(self.lengths[order[start]]))
            yield order[start : start + count]
            start += count

    def padded(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids `(texts, length)`, int32, and the padding mask."""
        mask = length_mask(self.lengths[rows])
        ids = np.zeros(mask.shape, np.int32)
        ids[mask] = np.concatenate([self.ids[row] for row in rows])
        return ids, mask


def _between(model: MultiTaskModel, source: str | None, levels: Sequence[str]) -> Callable:
    """Ids, or features at a lower level, and the mask → features by level, in float32."""
    ids, mask = (model.encoder.transformer.input[name] for name in ("token_ids", "padding_mask"))
    first = output_of(model.encoder, source) if source else ids
    network = keras.Model(
        [first, mask], {level: output_of(model.encoder, level) for level in levels}
    )

    def step(inputs, padding_mask):
        found = network([inputs, padding_mask], training=False)
        return {level: tf.cast(features, tf.float32) for level, features in found.items()}

    signature = [tf.TensorSpec(each.shape, each.dtype) for each in (first, mask)]
    # Of a partial, as in `ForwardPass`: TensorFlow counts the graphs of a closure together.
    graph = tf.function(functools.partial(step), input_signature=signature, autograph=False)
    return lambda inputs, padding_mask: graph(tf.cast(inputs, first.dtype), padding_mask)


def _fingerprint(model: MultiTaskModel, level: str) -> bytes:
    """A digest of the weights up to a level."""
    digest = hashlib.sha256()
    layers = model.layer_groups
    for layer in itertools.chain.from_iterable(
        layers[group] for group in groups_up_to(model, level)
    ):
        for weight in layer.weights:
            digest.update(np.ascontiguousarray(weight.numpy()).data)
    return digest.digest()


def _digest(token_ids: np.ndarray) -> bytes:
    return hashlib.blake2b(token_ids.tobytes(), digest_size=16).digest()
