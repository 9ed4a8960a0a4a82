"""The freeze proof: which layer groups and optimizer slots a stage changed, bit for bit."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import keras
import numpy as np

from mtl_keras.errors import WorkError
from mtl_keras.models.multi_task_model import MultiTaskModel


@dataclass(frozen=True)
class Fingerprint:
    """Hashes of a model's weights and optimizer slots, by layer group.

    Args:
        weights: layer group → hash of its weights.
        slots: layer group → hash of its optimizer slots, None if it has none.
    """

    weights: Mapping[str, str]
    slots: Mapping[str, str | None]

    @classmethod
    def of(cls, model: MultiTaskModel) -> "Fingerprint":
        """Returns the model's current fingerprint; without an optimizer there are no slots."""
        optimizers = getattr(getattr(model, "optimizer", None), "of_layer", {})
        weights, slots = {}, {}
        for group, layers in model.layer_groups.items():
            weights[group] = _hash(variable for layer in layers for variable in layer.weights)
            own = [optimizers[layer.name] for layer in layers if layer.name in optimizers]
            slots[group] = _hash(v for one in own for v in _slots(one)) if own else None
        return cls(weights, slots)


@dataclass(frozen=True)
class GroupProof:
    """Whether a stage changed a layer group's weights and slots by a single bit."""

    group: str
    frozen: bool
    weights_changed: bool
    slots_changed: bool


def prove(before: Fingerprint, after: Fingerprint, frozen: Iterable[str]) -> list[GroupProof]:
    """Compares two fingerprints, taken before and after a stage.

    Args:
        before: the fingerprint when the stage began, its optimizer built.
        after: the fingerprint when it had ended.
        frozen: the layer groups that the stage froze.

    Returns:
        A row for each layer group, lowest first.

    Raises:
        WorkError: a frozen group changed, or a trained one did not.
    """
    cold = set(frozen)
    rows = [
        GroupProof(
            group=group,
            frozen=group in cold,
            weights_changed=before.weights[group] != after.weights[group],
            slots_changed=before.slots[group] != after.slots[group],
        )
        for group in before.weights
    ]
    _check([row.group for row in rows if row.frozen and _moved(row)], "frozen, but moved")
    idle = [row.group for row in rows if not row.frozen and not row.weights_changed]
    _check(idle, "trained, but did not move (no batch of theirs, or a rate too small for float32?)")
    return rows


def _moved(row: GroupProof) -> bool:
    return row.weights_changed or row.slots_changed


def _check(groups: list[str], what: str) -> None:
    if groups:
        raise WorkError(f"freeze proof failed: {', '.join(groups)} had to be {what}")


def _slots(optimizer: keras.optimizers.Optimizer) -> list[keras.Variable]:
    """Returns moments and step count, without the rate, which the schedule sets."""
    rate = optimizer._learning_rate
    return [variable for variable in optimizer.variables if variable is not rate]


def _hash(variables: Iterable[keras.Variable]) -> str:
    digest = hashlib.sha256()
    for variable in variables:
        array = np.ascontiguousarray(variable.numpy())
        digest.update(array.view(np.uint8).data if array.ndim else array.tobytes())
    return digest.hexdigest()
