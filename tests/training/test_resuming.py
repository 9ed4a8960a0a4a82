"""What a training cannot go on with is told."""

from types import SimpleNamespace

import numpy as np
import pytest

from mtl_keras.errors import InputError, WorkError
from mtl_keras.models.variables import put, trained_variables, values
from mtl_keras.training.early_stopping import Selection
from mtl_keras.training.freeze_proof import Fingerprint
from mtl_keras.training.resuming import go_on


@pytest.fixture
def training(tiny_model, tmp_path):
    """As much of a training as going on needs."""
    model = tiny_model()
    model.compile()
    model.optimizer.build(model.trainable_variables)
    return SimpleNamespace(
        model=model,
        recipe=SimpleNamespace(encoder="hf://some/bert"),
        features=SimpleNamespace(kept={"block_0": "float16"}),
        selection=Selection(model.tasks, tmp_path, list(model.layer_groups)),
    )


@pytest.fixture
def state(training):
    """Its state now."""
    variables = trained_variables(training.model, list(training.model.layer_groups))
    return SimpleNamespace(
        fingerprint=Fingerprint.of(training.model),
        features={"block_0": "float16"},
        variables=values(variables),
        selection={"best": {}, "done": ["topic"], "waited": {"topic": 2}},
        start={},
        snapshots={},
    )


def test_everything_is_put_back(training, state):
    for variable in training.model.weights:
        variable.assign(variable + 1)
    assert go_on(training, state, frozen=[]) is state.fingerprint
    assert Fingerprint.of(training.model) == state.fingerprint
    assert training.selection.to_json() == state.selection
    assert not training.model.get_layer("topic_head").trainable
    assert training.model.get_layer("entities_head").trainable


def test_another_encoder_is_told(training, state):
    training.model.layer_groups["block_1"][0].weights[0].assign_add(
        np.ones(training.model.layer_groups["block_1"][0].weights[0].shape)
    )
    with pytest.raises(InputError, match="hf://some/bert: other weights than this run began with"):
        go_on(training, state, frozen=["embeddings", "block_1"])


def test_features_that_cannot_be_as_they_were_are_told(training, state):
    training.features.kept = {}
    with pytest.raises(WorkError, match=r"kept as \{'block_0': 'float16'\}, there is room for n"):
        go_on(training, state, frozen=[])


def test_best_weights_that_are_gone_are_told(training, state, tmp_path):
    state.selection["best"] = {"mean": {"score": 0.5, "epoch": 1}}
    with pytest.raises(InputError, match=f"{tmp_path}/mean.safetensors: no such file; restore it"):
        go_on(training, state, frozen=[])


def test_a_checkpoint_of_another_model_is_told(training, state):
    variables = trained_variables(training.model, ["heads/topic"])
    name = next(iter(variables))
    for arrays in ({}, state.variables | {name: np.zeros((1, 1), np.float32)}):
        with pytest.raises(InputError, match=f"the checkpoint has no {name} of shape"):
            put(variables, arrays)
