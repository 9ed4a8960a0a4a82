"""Where a stage's training starts: at its first step, or at the step that a checkpoint holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mtl_keras.models.variables import values, weight_variables
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.early_stopping import Selection
from mtl_keras.training.freeze_proof import Fingerprint
from mtl_keras.training.frozen_heads import FrozenHeads
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_setup import StageSetup, set_up


@dataclass(frozen=True, kw_only=True, eq=False)
class StageStart:
    """The state with which the loop over a stage's steps starts.

    Args:
        progress: progress of the stage; the loop updates it.
        fingerprint: the model's fingerprint when the stage began.
        weights: the weights when the stage began, if a protection needs them.
        metrics: values of the metrics in the begun epoch.
    """

    progress: Progress
    fingerprint: Fingerprint
    weights: Mapping[str, np.ndarray]
    metrics: Mapping[str, np.ndarray]


class Beginning(Protocol):
    """How the next stage begins: anew (`FreshStart`), or from a checkpoint (`TrainingState`)."""

    def set_up(self, materials: Materials, index: int, report: Callable[[str], None]) -> StageSetup:
        """Sets up the model and the batches as they were when the stage began."""

    def start(
        self, setup: StageSetup, selection: Selection, frozen_heads: FrozenHeads
    ) -> StageStart:
        """Returns the start of the training; restores what a checkpoint holds."""


@dataclass(frozen=True)
class FreshStart:
    """A stage that begins at its first step.

    Args:
        epochs_done: number of epochs of the stages before.
    """

    epochs_done: int = 0

    def set_up(self, materials: Materials, index: int, report: Callable[[str], None]) -> StageSetup:
        """Sets up the model and the batches."""
        return set_up(materials, index, first_epoch=self.epochs_done, report=report)

    def start(
        self, setup: StageSetup, selection: Selection, frozen_heads: FrozenHeads
    ) -> StageStart:
        """Returns the start at the stage's first step."""
        model, groups = setup.materials.model, setup.materials.trained_groups
        frozen_heads.begin(setup.frozen)
        weights = weight_variables(model, groups) if setup.stage.protect else {}
        return StageStart(
            progress=Progress(setup.index, self.epochs_done, self.epochs_done),
            fingerprint=Fingerprint.of(model),
            weights=values(weights),
            metrics={},
        )
