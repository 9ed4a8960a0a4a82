"""A state is the same after it was a file."""

import dataclasses
import json

import numpy as np
import pytest

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.evaluation.drift import Snapshot
from mtl_keras.runs.checkpoint_files import State, StateFolder
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.freeze_proof import Fingerprint
from mtl_keras.training.training_state import TrainingState
from mtl_keras.training.xla import Compilation


def test_one_of_another_version_is_told():
    with pytest.raises(InputError, match="the checkpoint is of another mtl_keras; go on with"):
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
        start={},
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
    for name in ("variables", "metrics", "start"):
        one, other = getattr(back, name), getattr(state, name)
        assert {key: each.tobytes() for key, each in one.items()} == {
            key: each.tobytes() for key, each in other.items()
        }
    found, snapshot = back.snapshots["topic"], state.snapshots["topic"]
    assert (found.task, found.split, found.metrics) == (task, "validation", {"accuracy": 0.5})
    np.testing.assert_array_equal(found.predictions, snapshot.predictions)
    np.testing.assert_array_equal(found.embeddings, snapshot.embeddings)
