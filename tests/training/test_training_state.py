"""A state is the same after it was a file, and is put back whole or not at all."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, WorkError
from mtl_keras.evaluation.drift import Snapshot
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.protection import StartingWeights
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.runs.checkpoint_files import State, StateFolder
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.early_stopping import Selection
from mtl_keras.training.freeze_proof import Fingerprint
from mtl_keras.training.frozen_heads import FrozenHeads
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_start import FreshStart
from mtl_keras.training.training_state import TrainingState
from mtl_keras.training.xla import Compilation


def test_one_of_another_version_is_reported():
    with pytest.raises(InputError, match="another version of mtl_keras wrote the checkpoint"):
        TrainingState.from_file(State({}, {"place": 1}), {})


def test_a_history_has_a_value_an_epoch_whatever_callbacks_add():
    progress = Progress(0, first_epoch=3, epoch=3)
    for measured in ({"loss": 0.5}, {"loss": np.float32(0.25), "rate": 1e-3}, {"rate": 1e-4}):
        progress.add(measured)
        progress.epoch += 1
    assert progress.history == {"loss": [0.5, 0.25, None], "rate": [None, 1e-3, 1e-4]}
    assert json.loads(json.dumps(progress.to_json()))["history"] == progress.history


def test_a_state_comes_back_from_its_file(tmp_path):
    task = Task("topic", labels=["x", "y"])
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    history = {"loss": [0.1 + 0.2, float("inf")]}
    state = TrainingState(
        progress=Progress(1, 2, 3, 4, False, history, 0.5),
        stages=[{"freeze": "none", "learning_rates": {"block/0": 1e-3}}],
        selection={"best": {"mean": {"score": 0.5, "epoch": 1}}, "done": [], "waited": {}},
        fingerprint=Fingerprint({"embeddings": "ab"}, {"embeddings": None}),
        features={"block_0": "float16"},
        compilation=Compilation(True, [16, 32]),
        variables={"weights/a/b": rows, "optimizer/0": np.array(7)},
        metrics={"metrics/0": np.float32(0.25)},
        start_weights={},
        snapshots={
            "topic": Snapshot(task, "validation", {"accuracy": 0.5}, np.array([1, 0, 1]), rows)
        },
    )
    assert state.is_good
    poisoned = state.variables | {"weights/c": np.array([1.0, np.nan])}
    assert not dataclasses.replace(state, variables=poisoned).is_good
    folder = StateFolder(tmp_path)
    folder.save(state.to_file())
    back = TrainingState.from_file(folder.newest(), {"topic": task})
    plain = ("progress", "stages", "selection", "fingerprint", "features", "compilation")
    for name in plain:
        assert getattr(back, name) == getattr(state, name)
    for name in ("variables", "metrics", "start_weights"):
        one, other = getattr(back, name), getattr(state, name)
        assert {key: array.tobytes() for key, array in one.items()} == {
            key: array.tobytes() for key, array in other.items()
        }
    actual, snapshot = back.snapshots["topic"], state.snapshots["topic"]
    assert (actual.task, actual.split, actual.metrics) == (task, "validation", {"accuracy": 0.5})
    np.testing.assert_array_equal(actual.predictions, snapshot.predictions)
    np.testing.assert_array_equal(actual.embeddings, snapshot.embeddings)


PLAN = TrainingPlan.of(
    [
        Stage(freeze=FreezePlan.top(1), epochs=2),
        Stage(
            freeze=FreezePlan("block_0"), tasks=("entities",), protect=StartingWeights(), epochs=2
        ),
    ]
)


@pytest.fixture
def make(tiny_recipe, tmp_path):
    """Makes a training that has not begun, each time the same."""
    recipe = dataclasses.replace(load_recipe(tiny_recipe), plan=PLAN)
    datasets = open_datasets(recipe)

    def make():
        materials = Materials.of(recipe, datasets, build_model(recipe, datasets))
        groups = materials.trained_groups
        return SimpleNamespace(
            materials=materials,
            selection=Selection(materials.model.tasks, tmp_path, groups),
            frozen_heads=FrozenHeads(materials.model, datasets),
        )

    return make


def _begin(training, beginning, index):
    """Begins a stage as a `Trainer` does; gives its set-up and its start."""
    setup = beginning.set_up(training.materials, index, lambda line: None)
    training.selection.begin(setup.stage)
    return setup, beginning.start(setup, training.selection, training.frozen_heads)


def _state(training, setup, start) -> TrainingState:
    return TrainingState.of(setup, start, training.selection, training.frozen_heads, [])


def _values(state: TrainingState) -> dict[str, np.ndarray]:
    return {name: np.array(array) for name, array in state.variables.items()}


@pytest.fixture
def interrupted(make):
    """A training three steps into its second stage, and its state there, as a file gives it."""
    training = make()
    _begin(training, FreshStart(), 0)
    setup, start = _begin(training, FreshStart(epochs_done=2), 1)
    training.materials.model.fit(setup.training_batches.take(3), verbose=0)
    start.progress.step = 3
    measured = {"metrics/0": np.float32(0.25)}
    file = _state(training, setup, dataclasses.replace(start, metrics=measured)).to_file()
    file = State({name: np.array(array) for name, array in file.arrays.items()}, file.facts)
    return TrainingState.from_file(file, training.materials.model.tasks)


@pytest.mark.slow
def test_a_training_in_another_process_is_as_it_was(interrupted, make):
    training = make()
    setup, start = _begin(training, interrupted, 1)
    assert (start.progress.step, start.progress.epoch, start.progress.first_epoch) == (3, 2, 2)
    assert start.fingerprint == interrupted.fingerprint
    assert start.metrics == interrupted.metrics
    assert set(training.frozen_heads.snapshots) == {"topic"}
    again = _state(training, setup, start)
    assert again.features == interrupted.features
    for name, array in _values(again).items():
        np.testing.assert_array_equal(array, interrupted.variables[name], err_msg=name)
    for name, array in again.start_weights.items():
        np.testing.assert_array_equal(array, interrupted.start_weights[name], err_msg=name)


@pytest.mark.slow
def test_a_protected_stage_begins_with_the_weights_that_it_began_with(interrupted, make):
    training = make()
    interrupted.set_up(training.materials, 1, lambda line: None)
    assert Fingerprint.of(training.materials.model).weights == interrupted.fingerprint.weights


@pytest.mark.slow
def test_heads_that_were_done_are_frozen_again(interrupted, make):
    done = {"best": {}, "done": ["entities"], "waited": {"entities": 2}}
    training = make()
    _begin(training, dataclasses.replace(interrupted, selection=done), 1)
    assert training.selection.to_json() == done
    assert not training.materials.model.get_layer("entities_head").trainable


@pytest.mark.slow
def test_another_encoder_is_reported(interrupted, make):
    training = make()
    layer = training.materials.model.layer_groups["block_0"][0]
    layer.weights[0].assign(layer.weights[0] + 1)
    with pytest.raises(InputError, match="tiny_bert0: other weights than this run began with"):
        _begin(training, interrupted, 1)


@pytest.mark.slow
def test_features_that_cannot_be_as_they_were_are_reported(interrupted, make):
    other = dataclasses.replace(interrupted, features={"block_0": "float16"})
    with pytest.raises(WorkError, match=r"kept as \{'block_0': 'float16'\}, there is room for n"):
        _begin(make(), other, 1)


@pytest.mark.slow
def test_best_weights_that_are_gone_are_reported(interrupted, make, tmp_path):
    best = {"best": {"mean": {"score": 0.5, "epoch": 1}}, "done": [], "waited": {}}
    with pytest.raises(InputError, match=f"{tmp_path}/mean.safetensors: no such file; restore it"):
        _begin(make(), dataclasses.replace(interrupted, selection=best), 1)
