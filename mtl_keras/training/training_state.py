"""All that the next step of a training depends on, as a file holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.evaluation.drift import Snapshot
from mtl_keras.runs.checkpoint_files import State
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.freeze_proof import Fingerprint
from mtl_keras.training.xla import Compilation

VARIABLES, METRICS, START, SNAPSHOTS = "variables", "metrics", "start", "snapshots"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingState:
    """A training between two steps. What is not here follows from the recipe and its files.

    The order of batches follows from the seed, the epoch and the step; features of frozen layers
    are computed again.

    Args:
        progress: where the stage is.
        stages: what `run_stage` said of those before.
        selection: the best scores, and how long each task has waited.
        fingerprint: of the model as the stage began.
        features: level → number type of the features that the stage reads.
        compilation: how the stage's steps run.
        variables: weights, optimizer state, and seeds of dropout.
        metrics: what the epoch has measured so far.
        start: weights as the stage began, where it protects something by them.
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
    start: Mapping[str, np.ndarray]
    snapshots: Mapping[str, Snapshot]

    @property
    def is_good(self) -> bool:
        """Whether all its numbers are finite: a step that is too large shows in the next loss."""
        floats = (each for each in self.variables.values() if each.dtype.kind == "f")
        return all(np.isfinite(each).all() for each in floats)

    def to_file(self) -> State:
        """As arrays and facts."""
        arrays = {VARIABLES: self.variables, METRICS: self.metrics, START: self.start} | {
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
        named = {f"{of}/{name}": each for of, some in arrays.items() for name, each in some.items()}
        return State(named, facts)

    @classmethod
    def from_file(cls, state: State, tasks: Mapping[str, Task]) -> "TrainingState":
        """What `to_file` gave, of a training of these tasks.

        Raises:
            InputError: another version wrote it.
        """
        try:
            return cls._from_file(state, tasks)
        except (KeyError, TypeError):
            raise InputError(
                "the checkpoint is of another mtl_keras; go on with the one that wrote it, or "
                "begin a new run"
            ) from None

    @classmethod
    def _from_file(cls, state: State, tasks: Mapping[str, Task]) -> "TrainingState":
        facts = state.facts
        snapshots = {
            task: Snapshot(tasks[task], **(known | _under(state, f"{SNAPSHOTS}/{task}")))
            for task, known in facts[SNAPSHOTS].items()
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
            start=_under(state, START),
            snapshots=snapshots,
        )


def _under(state: State, kind: str) -> dict[str, np.ndarray]:
    prefix = f"{kind}/"
    return {
        name.removeprefix(prefix): each
        for name, each in state.arrays.items()
        if name.startswith(prefix)
    }
