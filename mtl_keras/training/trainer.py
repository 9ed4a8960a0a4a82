"""The stages of a training, one after another: set up, start, fit, prove."""

import dataclasses
import functools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from mtl_keras.data.row_errors import row_errors
from mtl_keras.display import show
from mtl_keras.runs.checkpoint_files import StateFolder
from mtl_keras.training.checkpointing import Checkpointing, Progress
from mtl_keras.training.early_stopping import Selection
from mtl_keras.training.epoch_rows import EpochRows
from mtl_keras.training.freeze_proof import Fingerprint, GroupProof, prove
from mtl_keras.training.frozen_heads import FrozenHeads
from mtl_keras.training.interruptions import Interruption
from mtl_keras.training.materials import Materials
from mtl_keras.training.nan_diagnosis import give_up
from mtl_keras.training.stage_callbacks import keep_logs
from mtl_keras.training.stage_learning import learning_of
from mtl_keras.training.stage_setup import StageSetup
from mtl_keras.training.stage_start import Beginning, FreshStart, StageStart
from mtl_keras.training.step_timing import StepClock
from mtl_keras.training.training_state import TrainingState


class Trainer:
    """Takes a model through the stages of a recipe.

    Args:
        materials: recipe, data and model.
        best: folder for the best weights of each task and of their mean.
        checkpoints: folder of the checkpoints; None: it writes none.
        interruption: asked after each step whether to stop.
        judged: the tasks whose mean chooses the best weights; None: all.

    Attributes:
        selection: the best scores so far.
        finished: the records of the stages that are over, as `run_stage` returns them.
        resumed_at: where the first stage resumes; None if it begins anew.
    """

    def __init__(
        self,
        materials: Materials,
        best: str | Path,
        checkpoints: StateFolder | None = None,
        interruption: Interruption | None = None,
        judged: Collection[str] | None = None,
    ):
        self._materials = materials
        self._frozen_heads = FrozenHeads(materials.model, materials.datasets)
        self._checkpoints = checkpoints
        self._interruption = interruption or Interruption()
        self._beginning: Beginning = FreshStart()  # of the next stage
        self._history: Mapping[str, list] = {}  # of the stage that trains
        self.selection = Selection(
            materials.model.tasks,
            best,
            materials.trained_groups,
            on_done=self._frozen_heads.add,
            judged=judged,
        )
        self.finished: list[dict] = []
        self.resumed_at: Progress | None = None

    def resume(self, report: Callable[[str], None] = lambda line: None) -> bool:
        """Makes the next stage resume from the newest checkpoint; returns whether there is one.

        Raises:
            InputError: the checkpoint is of another model, or files that it needs are missing.
        """
        newest = self._checkpoints.newest(report) if self._checkpoints else None
        if newest is None:
            return False
        state = TrainingState.from_file(newest, self._materials.model.tasks)
        report(f"resumes from {state.progress}")
        self._beginning, self.resumed_at = state, state.progress
        self.finished = list(state.stages)
        return True

    def run_stages(
        self,
        *,
        report: Callable[[str], None] = show,
        verbose: int | str = "auto",
        callbacks: Sequence[keras.callbacks.Callback] = (),
        watchers: Sequence[keras.callbacks.Callback] = (),
        at_end: Callable[[], None] = lambda: None,
    ) -> list[dict]:
        """Trains all remaining stages, then restores the weights that the recipe names.

        Args:
            report: receives what happens, a line at a time.
            verbose: progress of `fit`, as in Keras.
            callbacks: for every stage, called before checkpoints are written.
            watchers: for every stage, called after checkpoints are written.
            at_end: called after each stage; what it raises ends the training.

        Returns:
            The records of all stages, as `run_stage` returns them.
        """
        with row_errors(self._materials.datasets.values()):
            for index in range(len(self.finished), len(self._materials.stages)):
                if index:
                    keep_logs(callbacks)
                self.run_stage(
                    index, report=report, verbose=verbose, callbacks=callbacks, watchers=watchers
                )
                at_end()
        self.selection.restore(self._materials.recipe.restore)
        return self.finished

    def run_stage(
        self,
        index: int,
        *,
        report: Callable[[str], None] = show,
        verbose: int | str = "auto",
        callbacks: Sequence[keras.callbacks.Callback] = (),
        watchers: Sequence[keras.callbacks.Callback] = (),
    ) -> dict:
        """Trains one stage, or the rest of it; arguments as in `run_stages`.

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
        setup = self._beginning.set_up(self._materials, index, report)
        self.selection.begin(setup.stage)
        started, clock = time.perf_counter(), StepClock()
        start = self._beginning.start(setup, self.selection, self._frozen_heads)
        keeper = self._keeper(setup, start)
        self._history = start.progress.history
        for rows in (callback for callback in callbacks if isinstance(callback, EpochRows)):
            rows.begin_stage(start.progress.first_epoch, self._materials.stages[index:])
        fitted = time.perf_counter()
        with self._interruption.can_wait():
            called = [self.selection, clock, *callbacks, keeper, *watchers]
            learning_of(setup.stage)(setup, start.progress, called, report, verbose)
        self._beginning = FreshStart(start.progress.epoch)
        keeper.finish()
        fit_seconds = time.perf_counter() - fitted
        proof = prove(start.fingerprint, Fingerprint.of(setup.materials.model), setup.frozen)
        seconds = {
            "features_seconds": setup.features_seconds,
            "proof_seconds": time.perf_counter() - started - fit_seconds,
            "step_seconds": clock.mean,
        }
        self.finished.append(self._record(setup, start.progress, seconds, proof))
        self._history = {}
        return self.finished[-1]

    def histories(self) -> list[Mapping[str, list]]:
        """Returns for each stage so far name → a value per epoch."""
        return [stage["history"] for stage in self.finished] + [self._history]

    def drift(self) -> dict[str, dict]:
        """Returns task → its drift (see `evaluation.drift`), for tasks whose head is still frozen.

        It is measured from when the head was frozen and the encoder began to move, to now.
        """
        return self._frozen_heads.drift()

    def _record(
        self,
        setup: StageSetup,
        progress: Progress,
        seconds: Mapping[str, float | None],
        proof: Sequence[GroupProof],
    ) -> dict:
        return {
            "freeze": str(setup.stage.freeze),
            "compilation": asdict(setup.compilation),
            "seconds": progress.seconds,
            **seconds,
            "history": progress.history,
            "learning_rates": setup.materials.model.optimizer.rates,
            "groups": [asdict(row) for row in setup.groups],
            "proof": [asdict(row) for row in proof],
            "drift": self.drift(),
            "done": self.selection.done,
        }

    def _keeper(self, setup: StageSetup, start: StageStart) -> Checkpointing:
        """Returns the callback that follows a stage's progress and writes its checkpoints."""

        def save(measured: Mapping[str, np.ndarray]) -> None:
            if self._checkpoints is None:
                return
            now = dataclasses.replace(start, metrics=measured)
            state = TrainingState.of(setup, now, self.selection, self._frozen_heads, self.finished)
            if state.is_good:  # else the next step ends the run, and the last good one stays
                self._checkpoints.save(state.to_file())

        return Checkpointing(
            start.progress,
            setup.steps,
            begin_epoch=setup.batches.begin_epoch,
            save=save,
            give_up=functools.partial(give_up, setup, start.progress),
            minutes=setup.materials.recipe.checkpoint_minutes,
            interruption=self._interruption,
            metrics=start.metrics,
        )
