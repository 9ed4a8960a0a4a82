"""What tasks' own blocks cost in an export: weights, and time of a call."""

import math

import keras
import numpy as np

from mtl_keras.evaluation.latency import milliseconds
from mtl_keras.models.inference import ForwardPass
from mtl_keras.models.multi_task_model import MultiTaskModel

TEXTS, PIECES = 32, 32  # of the timed call
_SENTENCE = "sentence_embedding"


def branch_costs(model: MultiTaskModel) -> list[dict[str, str]]:
    """A row a branch: its tasks, its layer groups, the MiB of its weights, and the milliseconds
    that it adds to a pass of 32 texts of 32 pieces; empty if all blocks are shared.
    """
    rows = []
    for branch in model.branches.branches:
        shared = {name: out for name, out in model.output.items() if name not in branch.tasks}
        layers = [layer for layers in branch.layer_groups.values() for layer in layers]
        sizes = [
            math.prod(weight.shape) * weight.value.dtype.size
            for layer in layers
            for weight in layer.weights
        ]
        added = _time(model, model.output) - _time(model, shared)
        rows.append(
            {
                "tasks": ", ".join(branch.tasks),
                "own blocks": ", ".join(branch.layer_groups),
                "MiB": f"{sum(sizes) / 2**20:,.1f}",
                "ms": f"{max(0.0, added):,.1f}",
            }
        )
    return rows


def _time(model: MultiTaskModel, outputs: dict[str, keras.KerasTensor]) -> float:
    """The milliseconds of these outputs and of the sentence embedding."""
    embedding = model.encoder.transformer.output[_SENTENCE]
    forward = ForwardPass(keras.Model(model.input, {**outputs, _SENTENCE: embedding}))
    ids, mask = np.zeros((TEXTS, PIECES), np.int32), np.ones((TEXTS, PIECES), bool)
    return milliseconds(lambda: forward({"token_ids": ids, "padding_mask": mask}))
