"""The frozen-prefix cache: outputs of frozen layers are computed once per text, and kept."""

import functools
import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.distribution.strategies import Workers
from mtl_keras.models.frozen_prefix import FEATURES, SENTENCE, output_of
from mtl_keras.models.inference import Batch
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.prediction import LookUp
from mtl_keras.training.features.levels import Levels
from mtl_keras.training.features.prefix import encoding, weights_digest
from mtl_keras.training.features.progress import FeatureProgress
from mtl_keras.training.features.store import (
    HALF,
    MEMORY,
    Store,
    free_disk,
    make_store,
    store_kind,
)
from mtl_keras.training.features.texts import CACHED_SPLITS, CHUNK, DistinctTexts

MEMORY_BUDGET = 2 * 2**30  # bytes of features in memory; what is more goes into a file
PASSES_PER_EXCHANGE = 12  # of a worker, before it gives others what it has
PASSES_AT_ONCE = 3  # while one is copied or normalised the products of another run
MOST_TEXTS = 5_000_000  # each takes some 340 bytes of memory to be found again

Pass = Callable[[np.ndarray], None]  # encodes the texts of these numbers, and keeps their features
RunPasses = Callable[[Pass, Sequence[np.ndarray]], None]


def run_passes(encode: Pass, passes: Iterable[np.ndarray]) -> None:
    """Encodes all passes, a few at once."""
    with ThreadPoolExecutor(PASSES_AT_ONCE) as pool:
        for _ in pool.map(encode, passes):
            pass


class FeatureCache:
    """Computes the frozen prefix of a model once for every text; the rest trains from that.

    The frozen prefix is the longest run of frozen layer groups from the bottom up. It runs
    without dropout, so its output for a text does not change. Texts that occur twice, or in
    several tasks, are encoded once, in passes of similar length. If the whole encoder is frozen
    and every head reads the sentence embedding, only that is kept, else a vector for each word
    piece.

    Features are kept in memory as float32 or, if that is too much, float16. What still does not fit
    goes into a temporary file without a name, which disappears with the process and which no other
    process can read. Features are dropped when the weights that computed them change.

    If several workers train together, each computes its share and receives the others'.

    Args:
        model: its encoder makes the features.
        datasets: task → its files; their training and validation texts are encoded.
        memory_budget: bytes in memory.
        run: runs the passes over the texts.
    """

    def __init__(
        self,
        model: MultiTaskModel,
        datasets: Mapping[str, TaskDataset],
        *,
        memory_budget: int = MEMORY_BUDGET,
        run: RunPasses = run_passes,
    ):
        self._model = model
        self._datasets = datasets
        self._memory_budget = memory_budget
        self._run = run
        self._workers = Workers(model.distribute_strategy)
        self._stores: dict[str, Store] = {}

    def prepare(self, levels: Levels, report: Callable[[str], None] = lambda line: None) -> float:
        """Prepares the model to train from features, and computes those that are missing.

        It trains from texts instead if there is no room for features, or no second epoch that
        would read them.

        Args:
            levels: of this stage and of later ones that one pass over the texts serves.
            report: receives what will be computed and where it is kept, and every few seconds how
                far it is.

        Returns:
            The seconds that it took.
        """
        started = time.perf_counter()
        fresh = {level: weights_digest(self._model, level) for level in levels.names}
        valid = {
            level: store
            for level, store in self._stores.items()
            if store.fingerprint == (fresh.get(level) or weights_digest(self._model, level))
        }
        self._stores = {level: valid[level] for level in levels.names if level in valid}
        if levels.first and levels.first not in self._stores:
            self._compute(levels.names, fresh, valid, report)
        self._model.start_above(
            next((level for level in levels.names[:1] if level in self._stores), None)
        )
        return time.perf_counter() - started

    @property
    def kept(self) -> dict[str, str]:
        """Level → the dtype of its features."""
        return {level: store.values.dtype.name for level, store in self._stores.items()}

    @functools.cached_property
    def texts(self) -> DistinctTexts:
        """The distinct texts of the files, read at first use."""
        return DistinctTexts.of(self._datasets.values(), self._model.encoder.tokenizer)

    def attach(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Adds `features` to each batch `(x, y, sample_weight)` if the model trains from them.

        Their shape is `(batch, length, hidden)`, or `(batch, hidden)` of sentence embeddings.
        """
        level = self._model.level
        if level is None or level not in self._stores:
            return batches
        store, texts = self._stores[level], self.texts
        tensor = output_of(self._model.encoder, level)

        def look_up(token_ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
            return store.batch(texts.numbers(token_ids, lengths), token_ids.shape[1])

        @tf.autograph.experimental.do_not_convert
        def with_features(x: dict, y: dict, weights: dict) -> tuple[dict, dict, dict]:
            lengths = tf.reduce_sum(tf.cast(x["padding_mask"], tf.int32), axis=1)  # (batch,)
            kept = tf.numpy_function(look_up, [x["token_ids"], lengths], store.values.dtype)
            features = tf.ensure_shape(tf.cast(kept, tensor.dtype), tensor.shape)
            return x | {FEATURES: features}, y, weights

        return batches.map(with_features)

    def look_up(self) -> LookUp | None:
        """Returns a function that adds `features` to the token ids and mask of cached texts.

        Returns None, and resets the model to token ids, if it does not train from features, or if
        its weights have changed since.
        """
        level = self._model.level
        if level is None or self._stores[level].fingerprint != weights_digest(self._model, level):
            self._model.start_above(None)
            return None
        store, texts = self._stores[level], self.texts

        def add(x: Batch) -> Batch:
            ids = x["token_ids"]
            numbers = texts.numbers(ids, x["padding_mask"].sum(axis=1))
            return {**x, FEATURES: store.batch(numbers, ids.shape[1]).astype(np.float32)}

        return add

    def _compute(
        self,
        levels: Sequence[str],
        fingerprints: Mapping[str, bytes],
        valid: Mapping[str, Store],
        report: Callable[[str], None],
    ) -> None:
        """Fills the stores of these levels, from the highest valid one below the first."""
        order = [*self._model.layer_groups, SENTENCE]
        below = [level for level in valid if order.index(level) < order.index(levels[0])]
        source = max(below, key=order.index, default=None)
        above = [lvl for lvl in levels if not source or order.index(lvl) > order.index(source)]
        made = self._make_stores(above, fingerprints) if self._may_fit(levels[0]) else {}
        self._stores |= made
        self._workers.check_same(str(self.kept), "room for the features of frozen layers")
        if not made:
            report("no room for the features of the frozen layers: each epoch computes them anew")
            return
        size = sum(store.values.nbytes for store in made.values()) / 1e6
        places = " and ".join(sorted({store.place for store in made.values()}))
        report(
            f"keeps the output of {', '.join(made)} for {len(self.texts.lengths):,} texts: "
            f"{size:,.0f} MB in {places}"
        )
        progress = FeatureProgress(self.texts.lengths, self._workers.count, report)
        self._fill(source, valid.get(source or ""), made, progress)

    def _make_stores(
        self, levels: Sequence[str], fingerprints: Mapping[str, bytes]
    ) -> dict[str, Store]:
        """Empty stores of the levels that have none, up to the first without room."""
        made: dict[str, Store] = {}
        for level in levels:
            if level in self._stores:
                continue
            held = (*self._stores.values(), *made.values())
            in_memory = sum(store.values.nbytes for store in held if store.place == MEMORY)
            store = make_store(
                level,
                self.texts.lengths,
                self._model.encoder.config.hidden_dim,
                fingerprints[level],
                memory=self._memory_budget - in_memory,
            )
            if store is None:
                break
            made[level] = store
        return made

    def _fill(
        self,
        source: str | None,
        before: Store | None,
        made: Mapping[str, Store],
        progress: FeatureProgress,
    ) -> None:
        """Encodes all texts, from their ids or from features that are there."""
        encode = encoding(self._model, source, list(made))

        def step(numbers: np.ndarray) -> None:
            ids, mask = self.texts.padded(numbers)
            features = encode(before.batch(numbers, ids.shape[1]) if before else ids, mask)
            for level, store in made.items():
                store.put(numbers, features[level].numpy())
            progress.add(numbers)

        passes, count = self.texts.passes(), self._workers.count
        if count == 1:
            self._run(step, list(passes))
            return
        while chunk := list(itertools.islice(passes, PASSES_PER_EXCHANGE * count)):
            self._run(step, chunk[self._workers.index :: count])
            for store in made.values():
                self._exchange(store, chunk)

    def _exchange(self, store: Store, passes: Sequence[np.ndarray]) -> None:
        """Sends every worker the features of these passes, as a sum with zeros for missing ones."""
        widths = [self.texts.lengths[numbers].max() for numbers in passes]
        own = [store.batch(numbers, width) for numbers, width in zip(passes, widths, strict=True)]
        flat = np.concatenate([features.ravel() for features in own])
        summed = self._workers.sum(flat.astype(np.float32))
        parts = np.split(summed, np.cumsum([features.size for features in own])[:-1])
        for numbers, part, like in zip(passes, parts, own, strict=True):
            store.put(numbers, part.reshape(like.shape))

    def _may_fit(self, level: str) -> bool:
        """Returns whether there may be room for a level, judged by the files' first texts."""
        splits = list(itertools.product(self._datasets.values(), CACHED_SPLITS))
        count = sum(dataset.counts[split] for dataset, split in splits)
        if count > MOST_TEXTS:
            return False
        room = max(self._memory_budget, free_disk())
        tokenizer, kind = self._model.encoder.tokenizer, store_kind(level)
        row_size = self._model.encoder.config.hidden_dim * HALF
        if count * kind.rows(np.array([tokenizer.max_length])) * row_size <= room:
            return True  # whatever their length
        rows = 0.0
        for dataset, split in splits:
            chunk = next(iter(dataset.stream(split, CHUNK)))
            lengths = tokenizer(chunk["text"]).token_ids.row_lengths().numpy()
            rows += kind.rows(lengths) / len(lengths) * dataset.counts[split]
        return rows * row_size <= room
