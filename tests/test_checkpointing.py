"""A training that is interrupted ends as one that never was: the same bits."""

import json
import os
import signal

import keras
import numpy as np
import pytest
from conftest import write_tiny_recipe

import mtl_keras as mtl
from mtl_keras import state_files
from mtl_keras.errors import InputError
from mtl_keras.features import FeatureCache
from mtl_keras.recipes import load_recipe
from mtl_keras.runs import Run
from mtl_keras.training import train

STAGES = """\
  checkpoint_minutes: 1.0e-9
  stages:
    - {freeze: backbone, epochs: 2, learning_rate: {heads: 1.0e-2, schedule: cosine}}
    - tasks: [entities]
      epochs: 2
      patience: 2
      protect: distillation
      learning_rate: {heads: 1.0e-2, backbone: 1.0e-2, schedule: linear, warmup: 0.5}
"""


class Killed(BaseException):
    """Stands for SIGKILL: nothing can take it for an error."""


class At(keras.callbacks.Callback):
    """Does something at the first `moment` (a method of callbacks) of this batch."""

    def __init__(self, moment: str, batch: int, act):
        super().__init__()

        def when(at: int, logs=None) -> None:
            if at == batch:
                act()

        setattr(self, moment, when)


def _kill(*arguments):
    raise Killed


@pytest.fixture(scope="module")
def recipe(tiny_bert, tmp_path_factory):
    path = write_tiny_recipe(tmp_path_factory.mktemp("resumed"), tiny_bert)
    text = path.read_text()
    path.write_text(text[: text.index("  stages:")] + STAGES)
    return load_recipe(path)


def _results(run: Run) -> tuple:
    """History without what a clock says, metrics, and every bit of weights and slots."""
    history, model = run.read_json("history.json"), mtl.load_model(run.folder / "model.keras")
    for stage in history["stages"]:
        for name in [name for name in stage if name.endswith("seconds")]:
            del stage[name]
    variables = [
        *model.weights,
        *(v for o in model.optimizer.of_layer.values() for v in o.variables),
    ]
    best = {path.name: path.read_bytes() for path in (run.folder / "best").iterdir()}
    bits = [np.array(variable.numpy()).tobytes() for variable in variables]
    return history, run.read_json("metrics.json"), bits, best


def test_a_training_interrupted_in_its_worst_moments_ends_as_one_that_never_was(
    recipe, tmp_path, monkeypatch, capsys
):
    folder, said = tmp_path / "run", []

    def go_on(*callbacks, report=said.append):
        return train(recipe, folder, resume=True, verbose=0, report=report, callbacks=callbacks)

    with monkeypatch.context() as patch, pytest.raises(Killed):  # while the cache is built
        patch.setattr(FeatureCache, "_run", _kill)
        go_on()
    assert said[0] == f"{folder}: nothing to resume; begins anew"
    assert json.loads((folder / "checkpoints" / "start.json").read_bytes())["recipe_sha256"]

    stop = At("on_test_batch_end", 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit, match="143"):  # in the validation
        go_on(stop)
    assert said[-1] == f"{folder}: interrupted; --resume goes on with it"

    def between(line: str) -> None:
        said.append(line)
        if line.startswith("stage 2"):
            raise Killed

    with pytest.raises(Killed):  # between the stages
        go_on(report=between)
    assert "goes on from stage 1, epoch 1, step 46" in said

    with monkeypatch.context() as patch, pytest.raises(Killed):  # while a checkpoint is written
        keep = At("on_train_batch_end", 7, lambda: patch.setattr(state_files, "_write", _kill))
        go_on(keep)
    newest = sorted((folder / "checkpoints").glob("0*"))[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    left = folder / "checkpoints" / f".partial-{newest.name}"
    left.write_bytes(b"half")

    run = go_on()
    assert f"{newest}: damaged: the one before it is taken" in said
    assert said[-1].startswith("stage 2 of 2")
    assert not (folder / "checkpoints").exists()
    assert not (folder / "lock").exists()

    never = train(recipe, tmp_path / "never", verbose=0, report=lambda line: None)
    for interrupted, uninterrupted in zip(_results(run), _results(never), strict=True):
        assert interrupted == uninterrupted


def test_an_unfinished_run_goes_on_only_with_what_it_began_with(recipe, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(FeatureCache, "_run", _kill)
        train(recipe, folder, verbose=0, report=lambda line: None)
    with pytest.raises(InputError, match="holds an unfinished run; --resume goes on with it"):
        train(recipe, folder)
    with pytest.raises(InputError, match="this run is unfinished; 'mtl-keras train RECIPE"):
        Run.open(folder)
    changed = recipe.path.with_name("changed.yaml")
    changed.write_text(recipe.path.read_text() + "# changed\n")
    with pytest.raises(InputError, match=f"the recipe has changed.*a copy is {folder}/recipe.yaml"):
        train(load_recipe(changed), folder, resume=True)
