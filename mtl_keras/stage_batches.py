"""What a stage reads: its tasks' batches, in an order that follows from seed, epoch and pass."""

import functools
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence

import tensorflow as tf

from mtl_keras.batching import batches, static_widths, text_lengths
from mtl_keras.datasets import TaskDataset
from mtl_keras.features import FeatureCache
from mtl_keras.freezing import backbone_trains
from mtl_keras.merged_batches import with_replay
from mtl_keras.model import MultiTaskModel
from mtl_keras.passes import OngoingPasses, Pass, Passes
from mtl_keras.recipes import Recipe
from mtl_keras.schedules import Proportional, interleave
from mtl_keras.stages import Stage

ALWAYS_SAME = itertools.repeat((0, 0))  # one order of the batches, in every epoch
MOST_KEPT = 50_000  # validation texts of a task whose batches are kept in memory


class StageBatches:
    """The batches of a stage, with features where it trains from them.

    Args:
        recipe: schedule, batch size and seed.
        datasets: task name → its files.
        model: frozen as the stage has it.
        features: prepared for the stage.
        stage: which tasks train.
    """

    def __init__(
        self,
        recipe: Recipe,
        datasets: Mapping[str, TaskDataset],
        model: MultiTaskModel,
        features: FeatureCache,
        stage: Stage,
    ):
        self._recipe = recipe
        self._datasets = datasets
        self._model = model
        self._features = features
        self._stage = stage
        self._epochs = sum(each.epochs for each in recipe.plan.stages(list(model.layer_groups)))
        self._epoch = 0
        self._passes: list[Passes] = []

    def begin_epoch(self, epoch: int) -> None:
        """The next training batches are those of this epoch, from its first.

        Where an epoch is a number of steps, the batches made from now on begin with it.
        """
        self._epoch = epoch
        for passes in self._passes:
            passes.begin(epoch)

    def training(self) -> tf.data.Dataset:
        """The batches of an epoch, those replayed for protected tasks with them.

        With `steps_per_epoch` those of all epochs from now on, without end.
        """
        tasks, stage = tuple(self._model.tasks), self._stage
        batches = self._interleaved(stage.trained_tasks(tasks))
        replayed = stage.idle_tasks(tasks)
        if stage.protect and stage.protect.replays and replayed and backbone_trains(self._model):
            return with_replay(batches, self._interleaved(replayed))
        return batches

    def validation(self) -> tf.data.Dataset:
        """The batches of all tasks' validation texts, in one order.

        Those of a small split are tokenized once, and kept: Keras begins it anew after every
        epoch.
        """
        found = self._of_split("validation", seed=0)
        for name, dataset in self._datasets.items():
            if dataset.counts["validation"] <= MOST_KEPT:
                found[name] = found[name].cache()
        return interleave(self._with_features(found), Proportional(), passes=ALWAYS_SAME)

    def _interleaved(self, tasks: Sequence[str]) -> tf.data.Dataset:
        return interleave(
            self._with_features(self._of_split("train", seed=self._recipe.seed)),
            self._recipe.schedule,
            seed=self._recipe.seed,
            passes=self._named_passes(),
            epochs=self._epochs,
            tasks=tasks,
            steps_per_epoch=self._stage.steps_per_epoch,
            num_batches={
                name: math.ceil(dataset.counts["train"] / self._recipe.batch_size)
                for name, dataset in self._datasets.items()
                if "train" in dataset.counts
            },
        )

    def _of_split(self, split: str, seed: int) -> dict[str, tf.data.Dataset]:
        of_task = functools.partial(
            batches,
            split=split,
            tokenizer=self._model.encoder.tokenizer,
            batch_size=self._recipe.batch_size,
            seed=seed,
            widths=self._widths if self._recipe.jit_compile else (),
        )
        if split != "train":
            of_task = functools.partial(of_task, passes=ALWAYS_SAME)
            return {name: of_task(dataset) for name, dataset in self._datasets.items()}
        endless = self._stage.steps_per_epoch is not None
        return {
            name: of_task(dataset, passes=self._named_passes(), endless=endless)
            for name, dataset in self._datasets.items()
        }

    def _with_features(self, found: Mapping[str, tf.data.Dataset]) -> dict[str, tf.data.Dataset]:
        return {name: self._features.attach(each) for name, each in found.items()}

    @functools.cached_property
    def _widths(self) -> tuple[int, ...]:
        """Those that XLA compiles, over all stages."""
        tokenizer = self._model.encoder.tokenizer
        lengths = (text_lengths(each, "train", tokenizer) for each in self._datasets.values())
        return static_widths(itertools.chain.from_iterable(lengths), self._epochs)

    def _named_passes(self) -> Iterable[Pass]:
        if self._stage.steps_per_epoch is not None:
            return OngoingPasses(self._epoch)
        self._passes.append(Passes(self._epoch))
        return self._passes[-1]
