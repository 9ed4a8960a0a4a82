"""A model on its way through the stages: freeze, compile, fit, prove, and go on where it was."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.distribution import replicas
from mtl_keras.evaluation.drift import Snapshot, drift
from mtl_keras.models.frozen_prefix import SENTENCE, frozen_prefix
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.optimizers import layerwise_adamw
from mtl_keras.models.variables import values, weight_variables
from mtl_keras.plans.freeze_plan import FreezePlan, backbone_trains, trainability
from mtl_keras.plans.stage import Stage
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.checkpoint_files import StateFolder
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.early_stopping import Selection
from mtl_keras.training.features.cache import FeatureCache
from mtl_keras.training.fitting import fit
from mtl_keras.training.freeze_proof import Fingerprint, prove
from mtl_keras.training.interruptions import Interruption
from mtl_keras.training.resuming import follow, go_back_to_the_start, go_on
from mtl_keras.training.stage_batches import StageBatches, lengths_of
from mtl_keras.training.step_timing import StepClock
from mtl_keras.training.training_state import TrainingState
from mtl_keras.training.xla import AUTO, PLAIN, Compilation, choose


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
        self._lengths = lengths_of(recipe, datasets, model.encoder.tokenizer)
        self.checkpoints = checkpoints
        self.interruption = interruption or Interruption()
        self.watchers: Sequence[keras.callbacks.Callback] = ()  # called last, after checkpoints
        self.finished: list[dict] = []  # what `run_stage` said of the stages that are over
        self._resumed: TrainingState | None = None
        self._progress: Progress | None = None  # of the stage that trains
        self.epochs_done = 0
        self.start: Mapping[str, np.ndarray] = {}  # weights as a stage began that protects by them
        self.frozen_as: dict[str, Snapshot] = {}  # task → how it was when its head was frozen
        self.batches: StageBatches  # of the stage that trains
        self.compilation: Compilation
        self.steps: int  # of an epoch of it
        self.stage_batches: tf.data.Dataset
        self.validation_batches: tf.data.Dataset

    @property
    def resumed_at(self) -> Progress | None:
        """Where the next `run_stage` goes on; None: at a stage's begin."""
        return self._resumed.progress if self._resumed else None

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
            `freeze`; `compilation`, whether XLA compiled the step, and for which widths;
            `seconds` of `fit`, `features_seconds` of what frozen layers computed beforehand,
            `proof_seconds`, `step_seconds`; `history` (name → a value an epoch);
            `learning_rates` by layer; `groups`, the trainability table; `proof`, a `GroupProof`
            a group; `drift` by task of frozen head, since it was frozen; `done`, the heads that
            `freeze_when_done` froze.

        Raises:
            WorkError: a frozen group moved, or one that trains did not.
        """
        stage, resumed = self.stages[index], self._resumed
        self._resumed = None
        if resumed:
            go_back_to_the_start(self, resumed, report)
        frozen = self.begin(index, report, resumed.compilation if resumed else None)
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
        keeper = follow(self, progress, fingerprint, resumed.metrics if resumed else {})
        fitted = time.perf_counter()
        told = [self.selection, clock, *callbacks, keeper, *self.watchers]
        fit(self, stage, progress, verbose, told)
        self.epochs_done = progress.epoch
        keeper.finish()
        fit_seconds = time.perf_counter() - fitted
        proof = prove(fingerprint, Fingerprint.of(self.model), frozen)
        record = {
            "freeze": str(stage.freeze),
            "compilation": asdict(self.compilation),
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

    def drift(self) -> dict[str, dict]:
        """Task → its drift (see `evaluation.drift`), of those whose head was frozen and still is.

        It runs from when the head was frozen and the encoder began to move, to the model as it
        is now.
        """
        return {
            name: drift(before, Snapshot.of(self.model, self.datasets[name]))
            for name, before in self.frozen_as.items()
        }

    def begin(
        self,
        index: int,
        report: Callable[[str], None] = lambda line: None,
        compilation: Compilation | None = None,
    ) -> tuple[str, ...]:
        """Freezes, compiles and protects for a stage, and computes what frozen layers give.

        Args:
            index: of the stage.
            report: told what is done.
            compilation: how its steps run, where it has begun before; None: as the recipe says,
                measured where that says `auto`.

        Returns:
            The frozen layer groups.
        """
        stage = self.stages[index]
        frozen = stage.frozen(list(self.model.layer_groups))
        FreezePlan.of(frozen).apply(self.model)
        report(f"stage {index + 1} of {len(self.stages)}: {self._in_words(stage)}")
        for warning in self._warnings(stage):
            report(f"warning: {warning}")
        if stage.steps_per_epoch and self.recipe.cache and frozen_prefix(self.model, frozen):
            report("with steps_per_epoch, what frozen layers make of a text is not kept")
        self.features.prepare(*self.levels(index), report)
        self.batches = StageBatches(
            self.recipe, self.datasets, self.model, self.features, stage, self._lengths
        )
        self.batches.begin_epoch(self.epochs_done)
        self.validation_batches = self.batches.validation()
        self._compile(stage, compilation or self._declared())
        protected = stage.idle_tasks(tuple(self.model.tasks))
        self.model.protect(protected if backbone_trains(self.model) else (), stage.protect)
        if self.recipe.jit_compile == AUTO and compilation is None:
            self._choose(stage, report)
        self.selection.begin(stage)
        return frozen

    def levels(self, index: int) -> tuple[list[str], int]:
        """Where the frozen prefix ends, in a stage and the later ones that its features serve.

        And how many epochs these stages have.
        """
        groups = list(self.model.layer_groups)
        order, epochs = [*groups, SENTENCE], 0
        levels: list[str] = []
        for stage in self.stages[index:] if self.recipe.cache else ():
            if stage.steps_per_epoch:  # texts that never come would be encoded too
                break
            level = frozen_prefix(self.model, stage.frozen(groups))
            if level is None:
                break
            if not levels or order.index(level) <= order.index(levels[-1]):
                levels.append(level)
                epochs += stage.epochs
        return list(dict.fromkeys(levels)), epochs

    def batches_from(self, progress: Progress) -> tf.data.Dataset:
        """The training batches from where the stage is, of its epoch or of all that are left."""
        done = progress.step
        if self.stages[progress.stage].steps_per_epoch:
            done += (progress.epoch - progress.first_epoch) * self.steps
        return self.stage_batches.skip(done) if done else self.stage_batches

    def _declared(self) -> Compilation:
        """What the recipe says, where it does. A TPU compiles each shape in any case."""
        jit_compile = self.recipe.jit_compile is True
        if not jit_compile and not replicas.compile_shapes(self.model.distribute_strategy):
            return PLAIN
        return Compilation(jit_compile, self.batches.static_widths())

    def _choose(self, stage: Stage, report: Callable[[str], None]) -> None:
        """Measures whether XLA pays, and has it where it does."""
        batches, groups = self.stage_batches, self.selection.groups
        steps = stage.epochs * self.steps
        chosen = choose(self.model, groups, self.batches, batches, steps, report)
        if chosen != self.compilation:
            self._compile(stage, chosen)
        self.batches.begin_epoch(self.epochs_done)

    def _compile(self, stage: Stage, compilation: Compilation) -> None:
        """A new optimizer with the stage's rates; layers that go on training keep their state."""
        self.compilation, self.batches.widths = compilation, compilation.widths
        self.stage_batches = self.batches.training()
        self.steps = stage.steps_per_epoch or int(self.stage_batches.cardinality())
        rates = stage.learning_rate
        optimizer = layerwise_adamw(
            self.model,
            head_lr=rates.heads,
            backbone_lr=rates.backbone,
            decay=rates.decay,
            group_lrs=rates.groups,
            weight_decay=stage.weight_decay,
            schedule=rates.schedule,
            steps=stage.epochs * self.steps,
        )
        if self.model.compiled:
            optimizer.take_over(self.model.optimizer, self.model.trainable_variables)
        else:
            optimizer.build(self.model.trainable_variables)
        self.model.compile(
            optimizer,
            loss_weights=self.recipe.loss_weights,
            jit_compile=compilation.jit_compile,
        )

    def _remember_frozen_heads(self, frozen: Sequence[str]) -> None:
        for name in self.model.tasks:
            if f"heads/{name}" not in frozen:
                self.frozen_as.pop(name, None)
            elif name not in self.frozen_as:
                self._head_freezes(name)

    def _head_freezes(self, task: str) -> None:
        if backbone_trains(self.model):
            self.frozen_as[task] = Snapshot.of(self.model, self.datasets[task])

    def _ever_trains(self, group: str) -> bool:
        groups = list(self.model.layer_groups)
        return any(group not in stage.frozen(groups) for stage in self.stages)

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
        if stage.steps_per_epoch:
            said += f"{stage.steps_per_epoch:,} steps each, "
        if stage.tasks:
            said += f"tasks {', '.join(stage.tasks)}, "
        if not trains:
            return said + "everything is frozen: nothing will learn"
        return said + f"{trains:,} of {total:,} parameters train"
