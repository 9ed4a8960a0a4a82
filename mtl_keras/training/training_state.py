"""The state on which the next step of a training depends: taken, saved, and restored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, WorkError
from mtl_keras.evaluation.drift import Snapshot
from mtl_keras.models.variables import put, trained_variables, views, weight_variables
from mtl_keras.runs.checkpoint_files import State
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.early_stopping import Selection
from mtl_keras.training.freeze_proof import Fingerprint
from mtl_keras.training.frozen_heads import FrozenHeads
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_setup import StageSetup, set_up
from mtl_keras.training.stage_start import StageStart
from mtl_keras.training.xla import Compilation

VARIABLES, METRICS, START, SNAPSHOTS = "variables", "metrics", "start", "snapshots"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingState:
    """A training between two steps. Everything else follows from the recipe and its data.

    The order of batches follows from the seed, the epoch and the step; features of frozen layers
    are computed again.

    Args:
        progress: progress of the stage.
        stages: the records of the stages before.
        selection: the best scores, and how long each task has not improved.
        fingerprint: the model's fingerprint when the stage began.
        features: level → number type of the features that the stage reads.
        compilation: how the stage's steps run.
        variables: weights, optimizer state, and seeds of dropout.
        metrics: values of the metrics in the epoch so far.
        start_weights: the weights when the stage began, if a protection needs them.
        snapshots: task → the model's answers when its head was frozen.
    """

    progress: Progress
    stages: Sequence[dict]
    selection: Mapping
    fingerprint: Fingerprint
    features: Mapping[str, str]
    compilation: Compilation
    variables: Mapping[str, np.ndarray]
    metrics: Mapping[str, np.ndarray]
    start_weights: Mapping[str, np.ndarray]
    snapshots: Mapping[str, Snapshot]

    @classmethod
    def of(
        cls,
        setup: StageSetup,
        start: StageStart,
        selection: Selection,
        frozen_heads: FrozenHeads,
        stages: Sequence[dict],
    ) -> "TrainingState":
        """Returns the current state, between two steps.

        Args:
            setup: setup of the stage that trains.
            start: start of the stage, with the metrics of the epoch so far.
            selection: selection of the training.
            frozen_heads: frozen heads of the training.
            stages: the records of the stages before.
        """
        materials = setup.materials
        return cls(
            progress=start.progress,
            stages=stages,
            selection=selection.to_json(),
            fingerprint=start.fingerprint,
            features=materials.features.kept,
            compilation=setup.compilation,
            variables=views(trained_variables(materials.model, materials.trained_groups)),
            metrics=start.metrics,
            start_weights=start.weights,
            snapshots=frozen_heads.snapshots,
        )

    @property
    def is_good(self) -> bool:
        """Whether all numbers are finite: a step that is too large shows in the next loss."""
        floats = (array for array in self.variables.values() if array.dtype.kind == "f")
        return all(np.isfinite(array).all() for array in floats)

    def set_up(self, materials: Materials, index: int, report: Callable[[str], None]) -> StageSetup:
        """Sets the stage up as it was when it began: weights, features, compilation.

        From which features others are computed, and in which number type, depends on the stages
        before, so their features are computed again in the same order.
        """
        weights = weight_variables(materials.model, materials.trained_groups)
        put(weights, self.start_weights or self.variables)
        first = index
        while first and materials.levels(index).names and materials.levels(first - 1).names:
            first -= 1
        for before in range(first, index):
            materials.features.prepare(materials.levels(before), report)
        return set_up(
            materials,
            index,
            first_epoch=self.progress.first_epoch,
            compilation=self.compilation,
            report=report,
        )

    def start(
        self, setup: StageSetup, selection: Selection, frozen_heads: FrozenHeads
    ) -> StageStart:
        """Restores everything else, once the stage is set up again.

        Raises:
            InputError: the encoder is another, or the best weights are missing.
            WorkError: the features cannot be kept as they were.
        """
        materials = setup.materials
        self._check(setup)
        put(trained_variables(materials.model, materials.trained_groups), self.variables)
        selection.set_model(materials.model)
        selection.resume(self.selection)
        frozen_heads.resume(self.snapshots)
        return StageStart(
            progress=self.progress,
            fingerprint=self.fingerprint,
            weights=self.start_weights,
            metrics=self.metrics,
        )

    def to_file(self) -> State:
        """Returns the state as arrays and facts, as a checkpoint file holds them."""
        arrays = {VARIABLES: self.variables, METRICS: self.metrics, START: self.start_weights} | {
            f"{SNAPSHOTS}/{task}": {
                "predictions": snapshot.predictions,
                "embeddings": snapshot.embeddings,
            }
            for task, snapshot in self.snapshots.items()
        }
        facts = {
            "progress": self.progress.to_json(),
            "stages": self.stages,
            "selection": self.selection,
            "fingerprint": asdict(self.fingerprint),
            "features": self.features,
            "compilation": asdict(self.compilation),
            SNAPSHOTS: {
                task: {"split": snapshot.split, "metrics": snapshot.metrics}
                for task, snapshot in self.snapshots.items()
            },
        }
        by_path = {
            f"{kind}/{name}": array
            for kind, by_name in arrays.items()
            for name, array in by_name.items()
        }
        return State(by_path, facts)

    @classmethod
    def from_file(cls, state: State, tasks: Mapping[str, Task]) -> "TrainingState":
        """Restores a state from the arrays and facts of `to_file`, for a training of these tasks.

        Raises:
            InputError: another version of mtl_keras wrote it.
        """
        try:
            return cls._from_file(state, tasks)
        except (KeyError, TypeError):
            raise InputError(
                "another version of mtl_keras wrote the checkpoint; resume with that version, or "
                "begin a new run"
            ) from None

    @classmethod
    def _from_file(cls, state: State, tasks: Mapping[str, Task]) -> "TrainingState":
        facts = state.facts
        snapshots = {
            task: Snapshot(tasks[task], **(plain | _under(state, f"{SNAPSHOTS}/{task}")))
            for task, plain in facts[SNAPSHOTS].items()
        }
        return cls(
            progress=Progress(**facts["progress"]),
            stages=facts["stages"],
            selection=facts["selection"],
            fingerprint=Fingerprint(**facts["fingerprint"]),
            features=facts["features"],
            compilation=Compilation(**facts["compilation"]),
            variables=_under(state, VARIABLES),
            metrics=_under(state, METRICS),
            start_weights=_under(state, START),
            snapshots=snapshots,
        )

    def _check(self, setup: StageSetup) -> None:
        """Raises an error if frozen weights or their features have changed."""
        materials, before = setup.materials, self.fingerprint.weights
        now = Fingerprint.of(materials.model).weights
        if any(now[group] != before[group] for group in setup.frozen):
            raise InputError(
                f"{materials.recipe.encoder}: other weights than this run began with; restore "
                "them, or begin a new run"
            )
        kept = materials.features.kept
        if kept != dict(self.features):
            raise WorkError(
                f"the features of frozen layers were kept as {self.features or 'nothing'}, there "
                f"is room for {kept or 'nothing'} now; make room to resume exactly"
            )


def _under(state: State, kind: str) -> dict[str, np.ndarray]:
    prefix = f"{kind}/"
    return {
        name.removeprefix(prefix): array
        for name, array in state.arrays.items()
        if name.startswith(prefix)
    }
