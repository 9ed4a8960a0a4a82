"""A model goes through the stages of a recipe: fitted, recorded, proved."""

import dataclasses

import keras
import pytest
from support.interrupting import At, Killed, kill

from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.runs.checkpoint_files import StateFolder
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_learning import fit
from mtl_keras.training.stage_setup import set_up
from mtl_keras.training.trainer import Trainer

SILENT = {"report": lambda line: None, "verbose": 0}


@pytest.fixture
def make(tiny_recipe, tmp_path):
    """Makes a trainer that keeps a checkpoint after every step, each time on the same files."""
    recipe = dataclasses.replace(load_recipe(tiny_recipe), checkpoint_minutes=1e-9)
    datasets = open_datasets(recipe)

    def make() -> Trainer:
        materials = Materials.of(recipe, datasets, build_model(recipe, datasets))
        return Trainer(materials, tmp_path / "best", StateFolder(tmp_path / "states"))

    return make


@pytest.mark.slow
def test_callbacks_come_before_the_checkpoint_and_watchers_after_it(make, tmp_path):
    trainer, epochs, files = make(), [], {}

    def note(name):
        return keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: files.setdefault(
                name, sorted(path.name for path in (tmp_path / "states").iterdir())
            )
        )

    seen = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: epochs.append(
            [len(history["loss"]) for history in trainer.histories() if history]
        )
    )
    stages = trainer.run_stages(
        **SILENT, callbacks=[note("before")], watchers=[note("after"), seen]
    )
    assert epochs == [[1], [1, 1], [1, 2]], "histories hold the epoch that has just ended"
    assert files["before"] != files["after"]
    assert stages == trainer.finished
    assert [len(stage["history"]["loss"]) for stage in stages] == [1, 2]


def test_without_a_checkpoint_there_is_nothing_to_resume(make):
    trainer = make()
    assert not trainer.resume()
    assert trainer.resumed_at is None


@pytest.mark.slow
def test_a_trainer_resumes_where_another_stood(make):
    with pytest.raises(Killed):
        make().run_stages(**SILENT, callbacks=[At("on_epoch_begin", 2, kill)])
    trainer, lines = make(), []
    assert trainer.resume(lines.append)
    assert lines == ["resumes from stage 2, epoch 3, step 0"]
    assert (trainer.resumed_at.stage, trainer.resumed_at.epoch) == (1, 2)
    assert [stage["freeze"] for stage in trainer.finished] == ["backbone"]
    begun = []
    begins = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    stages = trainer.run_stages(**SILENT, callbacks=[begins])
    assert begun == [2]
    assert [len(stage["history"]["loss"]) for stage in stages] == [1, 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "is_over", "epochs"),
    [(0, False, [1, 2]), (3, False, [1, 2]), (0, True, []), ("all", False, [1, 2])],
)
def test_what_is_left_of_a_stage_is_fitted(tiny_recipe, step, is_over, epochs):
    recipe = load_recipe(tiny_recipe)
    datasets = open_datasets(recipe)
    materials = Materials.of(recipe, datasets, build_model(recipe, datasets))
    setup = set_up(materials, 1, first_epoch=1)
    progress = Progress(1, first_epoch=1, epoch=1, is_over=is_over)
    progress.step = setup.steps if step == "all" else step
    begun, trained, validated = [], [], []

    def begin(epoch, logs):
        begun.append(epoch)
        setup.batches.begin_epoch(epoch)

    def end(epoch, logs):
        validated.append("val_loss" in logs)
        progress.epoch, progress.step = epoch + 1, 0

    follows = keras.callbacks.LambdaCallback(
        on_epoch_begin=begin,
        on_train_batch_end=lambda batch, logs: trained.append(batch),
        on_epoch_end=end,
    )
    left = 2 * setup.steps - progress.step if not is_over else 0
    fit(setup, progress, [follows], str, verbose=0)
    assert begun == epochs
    assert len(trained) == left
    assert validated == [True] * len(epochs)
