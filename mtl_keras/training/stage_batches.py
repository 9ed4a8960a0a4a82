"""The batches of a stage, in an order that follows from seed, epoch and pass."""

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from mtl_keras.data.batching import batches
from mtl_keras.data.epoch_order import OngoingPasses, Pass, Passes
from mtl_keras.data.interleaving import interleave
from mtl_keras.data.multi_task_batches import with_replay
from mtl_keras.data.padding import COMPILED_PIECES, budget_widths, static_widths
from mtl_keras.data.schedules import Proportional
from mtl_keras.plans.freeze_plan import backbone_trains
from mtl_keras.plans.stage import Stage
from mtl_keras.training.materials import Materials

ALWAYS_SAME = itertools.repeat((0, 0))  # one order of the batches, in every epoch
MOST_KEPT = 50_000  # validation texts of a task whose batches are kept in memory


class StageBatches:
    """The batches of a stage, with features if it trains from them.

    Args:
        materials: recipe and data; the model frozen and the features prepared for the stage.
        stage: the stage, which says which tasks train.
        epoch: the first epoch, counted over all stages.
    """

    def __init__(self, materials: Materials, stage: Stage, epoch: int = 0):
        self._materials = materials
        self._recipe = materials.recipe
        self._stage = stage
        self._epoch = epoch
        self._passes: list[Passes] = []

    def begin_epoch(self, epoch: int) -> None:
        """Makes the next training batches those of this epoch, from its first.

        If an epoch is a number of steps, batches made from now on begin with this epoch.
        """
        self._epoch = epoch
        for passes in self._passes:
            passes.begin(epoch)

    def training(self, widths: Sequence[int] = ()) -> tf.data.Dataset:
        """Returns the batches of an epoch, with those replayed for protected tasks.

        With `steps_per_epoch` it returns the batches of all epochs from now on, endlessly.

        Args:
            widths: widths to pad to; empty: each batch is as wide as its longest text.
        """
        stage, model = self._stage, self._materials.model
        trained = self._interleaved(self._trained, widths)
        replayed = stage.idle_tasks(tuple(model.tasks))
        if stage.protect and stage.protect.replays and replayed and backbone_trains(model):
            trained = with_replay(trained, self._interleaved(replayed, widths))
        return _untuned(trained)

    def validation(self) -> tf.data.Dataset:
        """Returns the batches of all tasks' validation texts, always in the same order.

        Batches of a small split are tokenized once and kept, since Keras reads them after every
        epoch.
        """
        by_task = {
            name: self._of_task(name, "validation", passes=ALWAYS_SAME)
            for name in self._materials.datasets
        }
        for name, dataset in self._materials.datasets.items():
            if dataset.counts["validation"] <= MOST_KEPT:
                by_task[name] = by_task[name].cache()
        with_features = self._with_features(by_task)
        return _untuned(interleave(with_features, Proportional(), passes=ALWAYS_SAME))

    def static_widths(self, compiled_pieces: float = COMPILED_PIECES) -> tuple[int, ...]:
        """Returns the widths for which the stage's padding and compilations cost least.

        Args:
            compiled_pieces: word pieces that are trained on in the time of one compilation.
        """
        epochs, max_tokens = self._stage.epochs, self._recipe.max_tokens
        counts = (self._materials.lengths(task, "train") for task in self._trained)
        lengths = sum(counts, Counter())
        if max_tokens:
            compiled = compiled_pieces * self.shapes([0])
            return budget_widths(lengths, max_tokens, epochs, compiled)
        return static_widths(lengths, epochs, compiled_pieces)

    def shapes(self, widths: Sequence[int]) -> int:
        """Returns how many shapes batches padded to these widths have at most.

        Each task's last batches are not full.
        """
        tasks = len(self._trained)
        return len(widths) * (1 + tasks) if self._recipe.max_tokens else len(widths) + tasks

    def _interleaved(self, tasks: Sequence[str], widths: Sequence[int]) -> tf.data.Dataset:
        seed, steps = self._recipe.seed, self._stage.steps_per_epoch
        by_task = {
            name: self._of_task(
                name,
                "train",
                seed=seed,
                widths=widths,
                passes=self._named_passes(),
                endless=steps is not None,
            )
            for name in self._materials.datasets
        }
        return interleave(
            self._with_features(by_task),
            self._recipe.schedule,
            seed=seed,
            passes=self._named_passes(),
            epochs=sum(stage.epochs for stage in self._materials.stages),
            tasks=tasks,
            steps_per_epoch=steps,
            num_batches=self._num_batches() if steps else {},
        )

    def _num_batches(self) -> dict[str, int]:
        """Returns task → number of batches of a pass, for tasks whose texts are counted."""
        return {
            name: math.ceil(dataset.counts["train"] / (self._recipe.batch_size or 1))
            for name, dataset in self._materials.datasets.items()
            if "train" in dataset.counts
        }

    def _of_task(
        self,
        name: str,
        split: str,
        *,
        passes: Iterable[Pass],
        seed: int = 0,
        widths: Sequence[int] = (),
        endless: bool = False,
    ) -> tf.data.Dataset:
        materials, max_tokens = self._materials, self._recipe.max_tokens
        return batches(
            materials.datasets[name],
            split,
            tokenizer=materials.model.encoder.tokenizer,
            batch_size=self._recipe.batch_size,
            max_tokens=max_tokens,
            seed=seed,
            widths=widths,
            passes=passes,
            endless=endless,
            lengths=materials.lengths(name, split) if max_tokens else None,
        )

    def _with_features(self, by_task: Mapping[str, tf.data.Dataset]) -> dict[str, tf.data.Dataset]:
        attach = self._materials.features.attach
        return {name: attach(of_task) for name, of_task in by_task.items()}

    @property
    def _trained(self) -> tuple[str, ...]:
        return self._stage.trained_tasks(tuple(self._materials.model.tasks))

    def _named_passes(self) -> Iterable[Pass]:
        if self._stage.steps_per_epoch is not None:
            return OngoingPasses(self._epoch)
        self._passes.append(Passes(self._epoch))
        return self._passes[-1]


def _untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Turns off `tf.data`'s autotuning, whose preparation took a third of a second per epoch."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)
