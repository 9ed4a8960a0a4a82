"""Runs the stages of a recipe: freeze, compile, fit, evaluate, write the run."""

import functools
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import tensorflow as tf

from mtl_keras import __version__
from mtl_keras.batching import batches, static_widths, text_lengths
from mtl_keras.datasets import TaskDataset
from mtl_keras.drift import Snapshot, drift
from mtl_keras.evaluation import evaluate
from mtl_keras.features import FeatureCache
from mtl_keras.freezing import FreezePlan, trainability
from mtl_keras.model import MultiTaskModel
from mtl_keras.optimizers import layerwise_adamw
from mtl_keras.passes import Passes
from mtl_keras.prediction import LookUp
from mtl_keras.prefixes import SENTENCE, frozen_prefix
from mtl_keras.proof import Fingerprint, prove
from mtl_keras.recipes import Recipe
from mtl_keras.runs import BEST, HISTORY, METRICS, MODEL, RECIPE, RECORD, Run
from mtl_keras.schedules import Proportional, interleave, with_replay
from mtl_keras.selection import Selection
from mtl_keras.stages import Stage
from mtl_keras.text_encoder import TextEncoder
from mtl_keras.timings import StepClock

ALWAYS_SAME = itertools.repeat("validation")  # one order of the batches, in every epoch
MOST_KEPT = 50_000  # validation texts of a task whose batches are kept in memory


def train(
    recipe: Recipe,
    folder: str | Path,
    datasets: Mapping[str, TaskDataset] | None = None,
    *,
    report: Callable[[str], None] = print,
    verbose: int | str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains a recipe and writes the run folder.

    Args:
        recipe: what to train.
        folder: where the run goes; new or empty.
        datasets: task name → its files, where they are open already.
        report: told what happens, a line at a time.
        verbose: progress of `fit`, as in Keras.
        callbacks: Keras callbacks for every stage.

    Raises:
        InputError: data, encoder or plan do not fit.
        WorkError: the run cannot be written.
    """
    Run(folder).check_free()
    keras.utils.set_random_seed(recipe.seed)
    datasets = datasets or open_datasets(recipe)
    model = build_model(recipe, datasets)
    run = Run.create(folder)
    training = Training(recipe, datasets, model, run.folder / BEST)
    stages = run_stages(training, report=report, verbose=verbose, callbacks=callbacks)
    training.write(run, stages)
    return run


def open_datasets(recipe: Recipe) -> dict[str, TaskDataset]:
    """Opens and validates the files of every task: task name → dataset."""
    return {task.name: TaskDataset(task, base_folder=recipe.path.parent) for task in recipe.tasks}


def build_model(recipe: Recipe, datasets: Mapping[str, TaskDataset]) -> MultiTaskModel:
    """The recipe's model, untrained, every stage's plan checked against its layer groups."""
    encoder = TextEncoder.from_pretrained(
        recipe.encoder, max_length=recipe.max_length, dtype=recipe.precision
    )
    model = MultiTaskModel(encoder, [dataset.task for dataset in datasets.values()])
    recipe.plan.stages(list(model.layer_groups))
    return model


def evaluate_all(
    model: MultiTaskModel,
    datasets: Mapping[str, TaskDataset],
    split: str,
    features: LookUp | None = None,
) -> dict[str, dict]:
    """Task name → its metrics (see `evaluate`), for the tasks that have this split."""
    return {
        name: evaluate(model, dataset, split, features=features)
        for name, dataset in datasets.items()
        if split in dataset.counts
    }


def run_stages(
    training: "Training",
    *,
    report: Callable[[str], None] = print,
    verbose: int | str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[dict]:
    """Trains all stages, puts back the best weights, and gives what `run_stage` says of each."""
    stages = [
        training.run_stage(index, report=report, verbose=verbose, callbacks=callbacks)
        for index in range(len(training.stages))
    ]
    training.selection.restore(training.recipe.restore)
    return stages


class Training:
    """A model on its way through the stages of a recipe.

    Args:
        recipe: plan, schedule, batch size and seed.
        datasets: task name → its files.
        model: what is trained.
        best: folder for the best weights of each task and of their mean.
    """

    def __init__(
        self,
        recipe: Recipe,
        datasets: Mapping[str, TaskDataset],
        model: MultiTaskModel,
        best: str | Path,
    ):
        self.recipe = recipe
        self.datasets = datasets
        self.model = model
        self.stages = recipe.plan.stages(list(model.layer_groups))
        groups = [group for group in model.layer_groups if self._ever_trains(group)]
        self.selection = Selection(model.tasks, best, groups, on_done=self._head_freezes)
        self.features = FeatureCache(model, datasets)
        self._epochs_done = 0
        self._frozen_as: dict[str, Snapshot] = {}  # task → how it was when its head was frozen
        self._passes: list[Passes] = []  # of the stage's data sets
        self.stage_batches: tf.data.Dataset | None = None
        self.validation_batches: tf.data.Dataset | None = None

    def run_stage(
        self,
        index: int,
        *,
        report: Callable[[str], None] = print,
        verbose: int | str = "auto",
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> dict:
        """Trains one stage.

        Returns:
            `freeze`; `seconds` of `fit`, `features_seconds` of what frozen layers computed
            beforehand, `proof_seconds`, `step_seconds`; `history` (name → a
            value an epoch); `learning_rates` by layer; `groups`, the trainability table; `proof`,
            a `GroupProof` a group; `drift` by task of frozen head, since it was frozen; `done`,
            the heads that `freeze_when_done` froze.

        Raises:
            WorkError: a frozen group moved, or one that trains did not.
        """
        stage = self.stages[index]
        frozen = self.begin(index, report)
        groups = trainability(self.model)
        self._remember_frozen_heads(frozen)
        clock, started = StepClock(), time.perf_counter()
        fingerprint = Fingerprint.of(self.model)
        history, seconds = self._fit(stage, verbose, [self.selection, clock, *callbacks])
        proof = prove(fingerprint, Fingerprint.of(self.model), frozen)
        proof_seconds = time.perf_counter() - started - seconds
        return {
            "freeze": str(stage.freeze),
            "seconds": seconds,
            "features_seconds": self.features.seconds,
            "proof_seconds": proof_seconds,
            "step_seconds": clock.mean,
            "history": history.history,
            "learning_rates": self.model.optimizer.rates,
            "groups": [asdict(row) for row in groups],
            "proof": [asdict(row) for row in proof],
            "drift": self.drift(),
            "done": self.selection.done,
        }

    def write(self, run: Run, stages: Sequence[Mapping]) -> None:
        """Evaluates the model and writes the run's files, `run.json` last."""
        run.write(RECIPE, lambda path: path.write_bytes(self.recipe.path.read_bytes()))
        history = {"stages": list(stages), "best": self.selection.best, "drift": self.drift()}
        run.write_json(HISTORY, history)
        metrics = {
            "validation": evaluate_all(
                self.model, self.datasets, "validation", self.features.look_up()
            ),
            "test": evaluate_all(self.model, self.datasets, "test"),
        }
        run.write_json(METRICS, metrics)
        run.write(MODEL, self.model.save)
        record = {
            "recipe_folder": str(self.recipe.path.parent),
            "plan": str(self.recipe.plan),
            "tasks": {name: each.task.get_config() for name, each in self.datasets.items()},
            "examples": {name: dict(each.counts) for name, each in self.datasets.items()},
            "versions": {
                "mtl_keras": __version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
            },
        }
        run.write_json(RECORD, record)

    def drift(self) -> dict[str, dict]:
        """Task → its drift (see `mtl_keras.drift`), of those whose head was frozen and still is.

        It runs from when the head was frozen and the encoder began to move, to the model as it
        is now.
        """
        return {
            name: drift(before, Snapshot.of(self.model, self.datasets[name]))
            for name, before in self._frozen_as.items()
        }

    def begin(
        self, index: int, report: Callable[[str], None] = lambda line: None
    ) -> tuple[str, ...]:
        """Freezes, compiles and protects for a stage, and computes what frozen layers give.

        Returns:
            The frozen layer groups.
        """
        stage = self.stages[index]
        frozen = stage.frozen(list(self.model.layer_groups))
        FreezePlan.of(frozen).apply(self.model)
        report(f"stage {index + 1} of {len(self.stages)}: {self._in_words(stage)}")
        for warning in self._warnings(stage):
            report(f"warning: {warning}")
        self.features.prepare(*self.levels(index), report)
        self._passes = []
        self.stage_batches = self.training_batches(stage)
        self.validation_batches = interleave(self.batches("validation", seed=0), Proportional())
        self._compile(stage, stage.epochs * int(self.stage_batches.cardinality()))
        protected = stage.idle_tasks(tuple(self.model.tasks))
        self.model.protect(protected if self._backbone_trains() else (), stage.protect)
        self.selection.begin(stage)
        return frozen

    def training_batches(self, stage: Stage) -> tf.data.Dataset:
        """The batches of an epoch of a stage, those replayed for protected tasks with them."""
        tasks = tuple(self.model.tasks)
        batches = self._interleaved(stage.trained_tasks(tasks))
        replayed = stage.idle_tasks(tasks)
        if stage.protect and stage.protect.replays and replayed and self._backbone_trains():
            return with_replay(batches, self._interleaved(replayed))
        return batches

    def batches(self, split: str, seed: int) -> dict[str, tf.data.Dataset]:
        """Task → the batches of a split, with features where the stage trains from them.

        Those of a small validation split are tokenized once, and kept: Keras begins it anew after
        every epoch.
        """
        of_task = functools.partial(
            batches,
            split=split,
            tokenizer=self.model.encoder.tokenizer,
            batch_size=self.recipe.batch_size,
            seed=seed,
            widths=self._widths if self.recipe.jit_compile else (),
        )
        found = {
            name: of_task(dataset, passes=self._named_passes() if split == "train" else ALWAYS_SAME)
            for name, dataset in self.datasets.items()
        }
        for name, dataset in self.datasets.items():
            if split == "validation" and dataset.counts[split] <= MOST_KEPT:
                found[name] = found[name].cache()
        return {name: self.features.attach(each) for name, each in found.items()}

    def levels(self, index: int) -> tuple[list[str], int]:
        """Where the frozen prefix ends, in a stage and the later ones that its features serve.

        And how many epochs these stages have.
        """
        groups = list(self.model.layer_groups)
        order, epochs = [*groups, SENTENCE], 0
        levels: list[str] = []
        for stage in self.stages[index:] if self.recipe.cache else ():
            level = frozen_prefix(self.model, stage.frozen(groups))
            if level is None:
                break
            if not levels or order.index(level) <= order.index(levels[-1]):
                levels.append(level)
                epochs += stage.epochs
        return list(dict.fromkeys(levels)), epochs

    def _compile(self, stage: Stage, steps: int) -> None:
        """A new optimizer with the stage's rates; layers that go on training keep their state."""
        rates = stage.learning_rate
        optimizer = layerwise_adamw(
            self.model,
            head_lr=rates.heads,
            backbone_lr=rates.backbone,
            decay=rates.decay,
            group_lrs=rates.groups,
            weight_decay=stage.weight_decay,
            schedule=rates.schedule,
            steps=steps,
        )
        if self.model.compiled:
            optimizer.take_over(self.model.optimizer, self.model.trainable_variables)
        else:
            optimizer.build(self.model.trainable_variables)
        self.model.compile(
            optimizer,
            loss_weights=self.recipe.loss_weights,
            jit_compile=self.recipe.jit_compile,
        )

    def _fit(self, stage: Stage, verbose, callbacks) -> tuple[keras.callbacks.History, float]:
        """The history of `fit`, and its seconds."""
        started = time.perf_counter()
        history = self.model.fit(
            self.stage_batches,
            validation_data=self.validation_batches,
            initial_epoch=self._epochs_done,
            epochs=self._epochs_done + stage.epochs,
            verbose=verbose,
            callbacks=callbacks,
        )
        self._epochs_done += len(history.epoch)
        return history, time.perf_counter() - started

    @functools.cached_property
    def _widths(self) -> tuple[int, ...]:
        """Of the batches of all stages, which XLA compiles one by one."""
        tokenizer = self.model.encoder.tokenizer
        lengths = (text_lengths(each, "train", tokenizer) for each in self.datasets.values())
        epochs = sum(stage.epochs for stage in self.stages)
        return static_widths(itertools.chain.from_iterable(lengths), epochs)

    def _interleaved(self, tasks: Sequence[str]) -> tf.data.Dataset:
        return interleave(
            self.batches("train", seed=self.recipe.seed),
            self.recipe.schedule,
            seed=self.recipe.seed,
            passes=self._named_passes(),
            epochs=sum(stage.epochs for stage in self.stages),
            tasks=tasks,
        )

    def _named_passes(self) -> Passes:
        self._passes.append(Passes(self._epochs_done))
        return self._passes[-1]

    def _remember_frozen_heads(self, frozen: Sequence[str]) -> None:
        for name in self.model.tasks:
            if f"heads/{name}" not in frozen:
                self._frozen_as.pop(name, None)
            elif name not in self._frozen_as:
                self._head_freezes(name)

    def _head_freezes(self, task: str) -> None:
        if self._backbone_trains():
            self._frozen_as[task] = Snapshot.of(self.model, self.datasets[task])

    def _ever_trains(self, group: str) -> bool:
        groups = list(self.model.layer_groups)
        return any(group not in stage.frozen(groups) for stage in self.stages)

    def _backbone_trains(self) -> bool:
        rows = trainability(self.model)
        return any(row.trains for row in rows if not row.group.startswith("heads/"))

    def _warnings(self, stage: Stage) -> list[str]:
        found = stage.warnings(list(self.model.layer_groups))
        if stage.protect and not stage.idle_tasks(tuple(self.model.tasks)):
            found.append("protect has no effect: every task has batches in this stage")
        return found

    def _in_words(self, stage: Stage) -> str:
        rows = trainability(self.model)
        trains = sum(row.parameters for row in rows if row.trains)
        total = sum(row.parameters for row in rows)
        said = f"freeze {stage.freeze}, epochs {stage.epochs}, "
        if stage.tasks:
            said += f"tasks {', '.join(stage.tasks)}, "
        if not trains:
            return said + "everything is frozen: nothing will learn"
        return said + f"{trains:,} of {total:,} parameters train"
