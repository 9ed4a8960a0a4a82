"""Runs the stages of a recipe: freeze, compile, fit, evaluate, write the run."""

import functools
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.batching import batches, static_widths, text_lengths
from mtl_keras.begun_runs import begin, checkpoints_of, end
from mtl_keras.checkpointing import Checkpointing, Progress, values, weight_variables
from mtl_keras.datasets import TaskDataset
from mtl_keras.drift import Snapshot, drift
from mtl_keras.evaluation import evaluate
from mtl_keras.features import FeatureCache
from mtl_keras.freezing import FreezePlan, trainability
from mtl_keras.interruptions import Interruption
from mtl_keras.locks import one_writer
from mtl_keras.model import MultiTaskModel
from mtl_keras.monitoring import HistoryTable, TensorBoardLogs
from mtl_keras.optimizers import layerwise_adamw
from mtl_keras.passes import Passes
from mtl_keras.prediction import LookUp
from mtl_keras.prefixes import SENTENCE, frozen_prefix
from mtl_keras.proof import Fingerprint, prove
from mtl_keras.provenance import provenance
from mtl_keras.recipes import Recipe
from mtl_keras.resuming import give_up, go_back_to_the_start, go_on, state_of
from mtl_keras.runs import BEST, HISTORY, LOGS, METRICS, MODEL, RECORD, TABLE, Run
from mtl_keras.schedules import Proportional, interleave, with_replay
from mtl_keras.selection import Selection
from mtl_keras.stages import Stage
from mtl_keras.state_files import StateFolder
from mtl_keras.text_encoder import TextEncoder
from mtl_keras.timings import StepClock
from mtl_keras.training_state import TrainingState

ALWAYS_SAME = itertools.repeat((0, 0))  # one order of the batches, in every epoch
MOST_KEPT = 50_000  # validation texts of a task whose batches are kept in memory


def train(
    recipe: Recipe,
    folder: str | Path,
    datasets: Mapping[str, TaskDataset] | None = None,
    *,
    resume: bool = False,
    report: Callable[[str], None] = print,
    verbose: int | str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains a recipe and writes the run folder.

    Every `checkpoint_minutes`, after each stage, and before SIGTERM or Ctrl-C ends it, a checkpoint
    is kept in the folder. With `resume` a training goes on from the last one, whatever ended it,
    and ends as one that was never interrupted: the same bits in weights, history and metrics.

    Args:
        recipe: what to train.
        folder: where the run goes; new or empty.
        datasets: task name → its files, where they are open already.
        resume: whether a run that has begun in the folder goes on; where none has, one begins.
        report: told what happens, a line at a time.
        verbose: progress of `fit`, as in Keras.
        callbacks: Keras callbacks for every stage.

    Raises:
        InputError: data, encoder or plan do not fit; another process writes in the folder; a run
            that should go on has other data, or another recipe or encoder, than it began with.
        WorkError: the run cannot be written.
        SystemExit: SIGTERM came (status 143).
    """
    run = Run(folder)
    if not resume:
        run.check_free()
    make_reproducible(recipe)
    datasets = datasets or open_datasets(recipe)
    model = build_model(recipe, datasets)
    with one_writer(folder), Interruption().listening() as interruption:
        facts = provenance(datasets, recipe.path.parent)
        has_begun = begin(run, recipe.path.read_bytes(), facts, resume=resume, report=report)
        training = Training(
            recipe, datasets, model, run.folder / BEST, checkpoints_of(run), interruption
        )
        if has_begun:
            training.resume(report)
        table = HistoryTable(run.folder / TABLE, training.histories)
        training.watchers = [table, TensorBoardLogs(run.folder / LOGS, model.tasks)]
        try:
            stages = run_stages(training, report=report, verbose=verbose, callbacks=callbacks)
            table.write()
            training.write(run, stages, facts)
        except (KeyboardInterrupt, SystemExit):
            report(f"{run.folder}: interrupted; --resume goes on with it")
            raise
        end(run)
    return run


def make_reproducible(recipe: Recipe) -> None:
    """Seeds this process; for a `deterministic` recipe it runs deterministic operations alone."""
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic:
        tf.config.experimental.enable_op_determinism()


def open_datasets(recipe: Recipe) -> dict[str, TaskDataset]:
    """Opens and validates the files of every task: task name → dataset."""
    return {task.name: TaskDataset(task, base_folder=recipe.path.parent) for task in recipe.tasks}


def build_model(recipe: Recipe, datasets: Mapping[str, TaskDataset]) -> MultiTaskModel:
    """The recipe's model, untrained, every stage's plan checked against its layer groups."""
    encoder = TextEncoder.from_pretrained(
        recipe.encoder,
        max_length=recipe.max_length,
        pooling=recipe.pooling,
        dtype=recipe.precision,
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
    for index in range(len(training.finished), len(training.stages)):
        training.run_stage(index, report=report, verbose=verbose, callbacks=callbacks)
    training.selection.restore(training.recipe.restore)
    return training.finished


class Training:
    """A model on its way through the stages of a recipe.

    Args:
        recipe: plan, schedule, batch size and seed.
        datasets: task name → its files.
        model: what is trained.
        best: folder for the best weights of each task and of their mean.
        checkpoints: where it keeps what it needs to go on; None: it keeps nothing.
        interruption: who asks for its end.
    """

    def __init__(
        self,
        recipe: Recipe,
        datasets: Mapping[str, TaskDataset],
        model: MultiTaskModel,
        best: str | Path,
        checkpoints: StateFolder | None = None,
        interruption: Interruption | None = None,
    ):
        self.recipe = recipe
        self.datasets = datasets
        self.model = model
        self.stages = recipe.plan.stages(list(model.layer_groups))
        groups = [group for group in model.layer_groups if self._ever_trains(group)]
        self.selection = Selection(model.tasks, best, groups, on_done=self._head_freezes)
        self.features = FeatureCache(model, datasets)
        self.checkpoints = checkpoints
        self.interruption = interruption or Interruption()
        self.watchers: Sequence[keras.callbacks.Callback] = ()  # called last, after checkpoints
        self.finished: list[dict] = []  # what `run_stage` said of the stages that are over
        self._resumed: TrainingState | None = None
        self._progress: Progress | None = None  # of the stage that trains
        self.epochs_done = 0
        self.start: Mapping[str, np.ndarray] = {}  # weights as a stage began that protects by them
        self.frozen_as: dict[str, Snapshot] = {}  # task → how it was when its head was frozen
        self._passes: list[Passes] = []  # of the stage's data sets
        self.stage_batches: tf.data.Dataset
        self.validation_batches: tf.data.Dataset

    def resume(self, report: Callable[[str], None] = lambda line: None) -> bool:
        """Has the next `run_stage` go on from the newest checkpoint; whether there is one.

        Raises:
            InputError: the checkpoint is of another model, or files that it needs are gone.
        """
        found = self.checkpoints.newest(report) if self.checkpoints else None
        if found is None:
            return False
        self._resumed = TrainingState.from_file(found, self.model.tasks)
        report(f"goes on from {self._resumed.progress}")
        self.finished = list(self._resumed.stages)
        return True

    def run_stage(
        self,
        index: int,
        *,
        report: Callable[[str], None] = print,
        verbose: int | str = "auto",
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> dict:
        """Trains one stage, or what is left of it.

        Returns:
            `freeze`; `seconds` of `fit`, `features_seconds` of what frozen layers computed
            beforehand, `proof_seconds`, `step_seconds`; `history` (name → a
            value an epoch); `learning_rates` by layer; `groups`, the trainability table; `proof`,
            a `GroupProof` a group; `drift` by task of frozen head, since it was frozen; `done`,
            the heads that `freeze_when_done` froze.

        Raises:
            WorkError: a frozen group moved, or one that trains did not.
        """
        stage, resumed = self.stages[index], self._resumed
        self._resumed = None
        if resumed:
            go_back_to_the_start(self, resumed, report)
        frozen = self.begin(index, report)
        groups = trainability(self.model)
        clock, started = StepClock(), time.perf_counter()
        if resumed:
            progress, fingerprint = resumed.progress, go_on(self, resumed, frozen)
        else:
            self._remember_frozen_heads(frozen)
            weights = weight_variables(self.model, self.selection.groups) if stage.protect else {}
            self.start = values(weights)
            progress = Progress(index, self.epochs_done, self.epochs_done)
            fingerprint = Fingerprint.of(self.model)
        self._progress = progress
        keeper = self._checkpointing(progress, fingerprint, resumed.metrics if resumed else {})
        fitted = time.perf_counter()
        self._fit(
            stage, progress, verbose, [self.selection, clock, *callbacks, keeper, *self.watchers]
        )
        keeper.finish()
        fit_seconds = time.perf_counter() - fitted
        proof = prove(fingerprint, Fingerprint.of(self.model), frozen)
        record = {
            "freeze": str(stage.freeze),
            "seconds": progress.seconds,
            "features_seconds": self.features.seconds,
            "proof_seconds": time.perf_counter() - started - fit_seconds,
            "step_seconds": clock.mean,
            "history": progress.history,
            "learning_rates": self.model.optimizer.rates,
            "groups": [asdict(row) for row in groups],
            "proof": [asdict(row) for row in proof],
            "drift": self.drift(),
            "done": self.selection.done,
        }
        self.finished.append(record)
        self._progress = None
        return record

    def histories(self) -> list[Mapping[str, list]]:
        """Of the stages so far: name → a value an epoch."""
        now = [self._progress.history] if self._progress else []
        return [stage["history"] for stage in self.finished] + now

    def write(self, run: Run, stages: Sequence[Mapping], facts: Mapping) -> None:
        """Evaluates the model and writes the run's files, `run.json` last, with these facts."""
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
            "seed": self.recipe.seed,
            **facts,
        }
        run.write_json(RECORD, record)

    def drift(self) -> dict[str, dict]:
        """Task → its drift (see `mtl_keras.drift`), of those whose head was frozen and still is.

        It runs from when the head was frozen and the encoder began to move, to the model as it
        is now.
        """
        return {
            name: drift(before, Snapshot.of(self.model, self.datasets[name]))
            for name, before in self.frozen_as.items()
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
        self.validation_batches = interleave(
            self.batches("validation", seed=0), Proportional(), passes=ALWAYS_SAME
        )
        self._compile(stage, stage.epochs * self._steps)
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

    @property
    def _steps(self) -> int:
        """Of an epoch of the stage."""
        return int(self.stage_batches.cardinality())

    def _fit(self, stage: Stage, progress: Progress, verbose, callbacks) -> None:
        """Trains the epochs of the stage that are left, the begun one first."""
        fit = functools.partial(
            self.model.fit,
            validation_data=self.validation_batches,
            verbose=verbose,
            callbacks=callbacks,
        )
        with self.interruption.can_wait():
            if progress.step == self._steps:
                self._validate(progress.epoch, callbacks)
            elif progress.step:
                rest = self.stage_batches.skip(progress.step)
                fit(rest, initial_epoch=progress.epoch, epochs=progress.epoch + 1)
            last = progress.first_epoch + stage.epochs
            if not progress.is_over and progress.epoch < last:
                fit(self.stage_batches, initial_epoch=progress.epoch, epochs=last)
        self.epochs_done = progress.epoch

    def _validate(self, epoch: int, callbacks) -> None:
        """The end of an epoch that was left when all its steps were done."""
        called = keras.callbacks.CallbackList(callbacks, model=self.model)
        self.model.stop_training = False
        called.on_train_begin()
        called.on_epoch_begin(epoch)
        logs = self.model.get_metrics_result()
        found = self.model.evaluate(self.validation_batches, callbacks=called, return_dict=True)
        logs |= {f"val_{name}": value for name, value in found.items()}
        called.on_epoch_end(epoch, logs)
        called.on_train_end(logs)

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

    def begin_epoch(self, epoch: int) -> None:
        """The next batches of the stage are those of this epoch, from its first."""
        for passes in self._passes:
            passes.begin(epoch)

    def _checkpointing(
        self, progress: Progress, fingerprint: Fingerprint, metrics: Mapping[str, np.ndarray]
    ) -> Checkpointing:
        def save(measured: Mapping[str, np.ndarray]) -> None:
            if self.checkpoints is None:
                return
            state = state_of(self, progress, fingerprint, measured)
            if state.is_good:  # else the next step ends the run, and the last good one stays
                self.checkpoints.save(state.to_file())

        return Checkpointing(
            progress,
            self._steps,
            begin_epoch=self.begin_epoch,
            save=save,
            give_up=functools.partial(give_up, self, progress),
            minutes=self.recipe.checkpoint_minutes,
            interruption=self.interruption,
            metrics=metrics,
        )

    def _named_passes(self) -> Passes:
        self._passes.append(Passes(self.epochs_done))
        return self._passes[-1]

    def _remember_frozen_heads(self, frozen: Sequence[str]) -> None:
        for name in self.model.tasks:
            if f"heads/{name}" not in frozen:
                self.frozen_as.pop(name, None)
            elif name not in self.frozen_as:
                self._head_freezes(name)

    def _head_freezes(self, task: str) -> None:
        if self._backbone_trains():
            self.frozen_as[task] = Snapshot.of(self.model, self.datasets[task])

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
