"""What a stage reads: its tasks' batches, in an order that follows from seed, epoch and pass."""

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import tensorflow as tf

from mtl_keras.data.batching import MEASURED_TEXTS, batches, text_lengths
from mtl_keras.data.epoch_order import OngoingPasses, Pass, Passes
from mtl_keras.data.multi_task_batches import with_replay
from mtl_keras.data.padding import COMPILED_PIECES, budget_widths, static_widths
from mtl_keras.data.schedules import Proportional, interleave
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.tokenizers.wordpiece import Tokenizer
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.freeze_plan import backbone_trains
from mtl_keras.plans.stage import Stage
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.training.features.cache import FeatureCache

ALWAYS_SAME = itertools.repeat((0, 0))  # one order of the batches, in every epoch
MOST_KEPT = 50_000  # validation texts of a task whose batches are kept in memory


Lengths = Callable[[str, str], Counter[int]]


def lengths_of(
    recipe: Recipe, datasets: Mapping[str, TaskDataset], tokenizer: Tokenizer
) -> Lengths:
    """Task and split → how many texts have so many word pieces, counted once, when asked for.

    A token budget needs those of all texts; else those of a file's first are enough.
    """
    at_most = None if recipe.max_tokens else MEASURED_TEXTS
    return functools.cache(
        lambda task, split: text_lengths(datasets[task], split, tokenizer, at_most)
    )


class StageBatches:
    """The batches of a stage, with features where it trains from them.

    Args:
        recipe: schedule, batch size and seed.
        datasets: task name → its files.
        model: frozen as the stage has it.
        features: prepared for the stage.
        stage: which tasks train.
        lengths: of the texts (`lengths_of`).

    Attributes:
        widths: that training batches are padded to; none: each is as wide as its longest text.
    """

    def __init__(
        self,
        recipe: Recipe,
        datasets: Mapping[str, TaskDataset],
        model: MultiTaskModel,
        features: FeatureCache,
        stage: Stage,
        lengths: Lengths,
    ):
        self._recipe = recipe
        self._datasets = datasets
        self._model = model
        self._features = features
        self._stage = stage
        self._epochs = sum(each.epochs for each in recipe.plan.stages(list(model.layer_groups)))
        self._epoch = 0
        self._passes: list[Passes] = []
        self._lengths = lengths
        self.widths: Sequence[int] = ()

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
        batches = self._interleaved(self._trained)
        replayed = stage.idle_tasks(tasks)
        if stage.protect and stage.protect.replays and replayed and backbone_trains(self._model):
            batches = with_replay(batches, self._interleaved(replayed))
        return _untuned(batches)

    def validation(self) -> tf.data.Dataset:
        """The batches of all tasks' validation texts, in one order.

        Those of a small split are tokenized once, and kept: Keras begins it anew after every
        epoch.
        """
        found = self._of_split("validation", seed=0)
        for name, dataset in self._datasets.items():
            if dataset.counts["validation"] <= MOST_KEPT:
                found[name] = found[name].cache()
        batches = interleave(self._with_features(found), Proportional(), passes=ALWAYS_SAME)
        return _untuned(batches)

    def static_widths(self, compiled_pieces: float = COMPILED_PIECES) -> tuple[int, ...]:
        """The widths for which the stage's padding and compilations cost least.

        Args:
            compiled_pieces: word pieces that are trained on in the time of one compilation.
        """
        epochs, max_tokens = self._stage.epochs, self._recipe.max_tokens
        lengths = sum((self._lengths(task, "train") for task in self._trained), Counter())
        if max_tokens:
            compiled = compiled_pieces * self.shapes([0])
            return budget_widths(lengths, max_tokens, epochs, compiled)
        return static_widths(lengths, epochs, compiled_pieces)

    def shapes(self, widths: Sequence[int]) -> int:
        """Of batches padded to these widths, at most: each task's last batches are not full."""
        tasks = len(self._trained)
        return len(widths) * (1 + tasks) if self._recipe.max_tokens else len(widths) + tasks

    def _interleaved(self, tasks: Sequence[str]) -> tf.data.Dataset:
        return interleave(
            self._with_features(self._of_split("train", seed=self._recipe.seed)),
            self._recipe.schedule,
            seed=self._recipe.seed,
            passes=self._named_passes(),
            epochs=self._epochs,
            tasks=tasks,
            steps_per_epoch=self._stage.steps_per_epoch,
            num_batches=self._num_batches() if self._stage.steps_per_epoch else {},
        )

    def _num_batches(self) -> dict[str, int]:
        """Task → batches of a pass, where its texts are counted."""
        return {
            name: math.ceil(dataset.counts["train"] / (self._recipe.batch_size or 1))
            for name, dataset in self._datasets.items()
            if "train" in dataset.counts
        }

    def _of_split(self, split: str, seed: int) -> dict[str, tf.data.Dataset]:
        of_task = functools.partial(
            batches,
            split=split,
            tokenizer=self._model.encoder.tokenizer,
            batch_size=self._recipe.batch_size,
            max_tokens=self._recipe.max_tokens,
            seed=seed,
            widths=self.widths if split == "train" else (),
        )
        if split != "train":
            of_task = functools.partial(of_task, passes=ALWAYS_SAME)
            return {
                name: of_task(
                    dataset, lengths=self._lengths(name, split) if self._recipe.max_tokens else None
                )
                for name, dataset in self._datasets.items()
            }
        endless = self._stage.steps_per_epoch is not None
        return {
            name: of_task(
                dataset,
                passes=self._named_passes(),
                endless=endless,
                lengths=self._lengths(name, split) if self._recipe.max_tokens else None,
            )
            for name, dataset in self._datasets.items()
        }

    def _with_features(self, found: Mapping[str, tf.data.Dataset]) -> dict[str, tf.data.Dataset]:
        return {name: self._features.attach(each) for name, each in found.items()}

    @property
    def _trained(self) -> tuple[str, ...]:
        return self._stage.trained_tasks(tuple(self._model.tasks))

    def _named_passes(self) -> Iterable[Pass]:
        if self._stage.steps_per_epoch is not None:
            return OngoingPasses(self._epoch)
        self._passes.append(Passes(self._epoch))
        return self._passes[-1]


def _untuned(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Without `tf.data`'s tuning while it runs: preparing it took a third of a second an epoch."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)
