"""A stage is made ready once: frozen, compiled and protected, its features and batches made."""

import dataclasses

import numpy as np
import pytest
from support.interrupting import At, Killed, kill, results
from support.tiny import of_one_task, write_tiny_recipe

from mtl_keras.distribution import replicas
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import LearningRates, Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import Recipe, load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.training import stage_setup
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_setup import set_up
from mtl_keras.training.train_recipe import train
from mtl_keras.training.xla import Compilation


def _materials(recipe: Recipe, **changes) -> Materials:
    own = dataclasses.replace(recipe, **changes)
    datasets = open_datasets(own)
    return Materials.of(own, datasets, build_model(own, datasets))


@pytest.mark.slow
def test_the_model_is_frozen_and_compiled_as_the_stage_says(tiny_recipe):
    rates = LearningRates(heads=0.1)
    stage = Stage(freeze=FreezePlan.top(1), tasks=("topic",), learning_rate=rates, epochs=2)
    materials = _materials(load_recipe(tiny_recipe), plan=TrainingPlan.of([stage]))
    setup = set_up(materials, 0)
    frozen = ("embeddings", "block_0", "heads/entities")
    assert setup.frozen == frozen
    assert tuple(row.group for row in setup.groups if not row.trains) == frozen
    assert setup.steps == len(setup.training_batches)
    assert materials.model.optimizer.steps == 2 * setup.steps
    assert materials.model.optimizer.rates["topic_head"] == pytest.approx(0.1)
    assert set(setup.validation_batches.element_spec[1]) == {"topic", "entities"}


@pytest.mark.slow
def test_layers_that_keep_training_keep_the_state_of_their_optimizer(tiny_recipe):
    materials = _materials(load_recipe(tiny_recipe))
    first = set_up(materials, 0)
    materials.model.fit(first.training_batches.take(2), verbose=0)

    def slots() -> list[np.ndarray]:
        head = materials.model.optimizer.of_layer["topic_head"]
        return [variable.numpy() for variable in head.variables if variable.ndim]

    before = slots()
    assert any(array.any() for array in before)
    set_up(materials, 1, first_epoch=1)
    for array, kept in zip(slots(), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    assert "block_0" in materials.model.optimizer.of_layer


@pytest.mark.slow
def test_batches_continue_from_any_step(tiny_recipe):
    recipe = load_recipe(tiny_recipe)
    setup = set_up(_materials(recipe), 0)
    all_batches = list(setup.training_batches)
    setup.batches.begin_epoch(0)
    rest = list(setup.batches_from(Progress(0, first_epoch=0, epoch=0, step=3)))
    assert len(rest) == len(all_batches) - 3
    np.testing.assert_array_equal(rest[0][0]["token_ids"], all_batches[3][0]["token_ids"])
    in_steps = TrainingPlan.of([Stage(steps_per_epoch=4, epochs=3)])
    setup = set_up(_materials(recipe, plan=in_steps), 0, first_epoch=5)
    ninth = next(iter(setup.training_batches.skip(9)))
    there = next(iter(setup.batches_from(Progress(0, first_epoch=5, epoch=7, step=1))))
    np.testing.assert_array_equal(there[0]["token_ids"], ninth[0]["token_ids"])


@pytest.mark.slow
def test_what_has_no_effect_is_warned_of(tiny_recipe):
    text = tiny_recipe.read_text().replace(
        "{heads: 1.0e-2}", "{groups: {block_0: 1.0e-5}}, protect: distillation"
    )
    tiny_recipe.write_text(text)
    lines = []
    set_up(_materials(load_recipe(tiny_recipe)), 0, report=lines.append)
    assert lines[1:] == [
        "warning: learning rates for frozen groups have no effect: block_0",
        "warning: protect has no effect: every task has batches in this stage",
    ]


@pytest.fixture(scope="module")
def recipe(tiny_bert, tmp_path_factory):
    """Two epochs of frozen features under a rate that falls, in batches of a token budget."""
    path = write_tiny_recipe(tmp_path_factory.mktemp("measured"), tiny_bert)
    text = of_one_task(path).replace("batch_size: 8", "max_tokens: 96\n  jit_compile: auto")
    stage = "    - {freeze: backbone, epochs: 2, learning_rate: {heads: 0.02, schedule: cosine}}\n"
    path.write_text(text[: text.index("    - {")] + stage)
    return load_recipe(path)


@pytest.mark.slow
def test_a_stage_that_has_begun_is_compiled_as_it_was(recipe, monkeypatch):
    monkeypatch.setattr(stage_setup, "choose", kill)
    for jit_compile, recorded in (("auto", Compilation(True, (15, 16))), (True, None)):
        materials = _materials(recipe, jit_compile=jit_compile, cache=False)
        setup = set_up(materials, 0, compilation=recorded)
        assert setup.compilation == (recorded or Compilation(True, (14,)))
        assert materials.model.jit_compile
        lengths = {x["token_ids"].shape[1] for x, _, _ in setup.training_batches}
        assert lengths == {setup.compilation.widths[0]}
        steps = len(setup.training_batches) * setup.stage.epochs
        assert steps == materials.model.optimizer.steps


@pytest.mark.slow
def test_a_training_resumes_as_it_was_chosen(recipe, tmp_path, monkeypatch):
    chosen = Compilation(False, (12, 16))  # of other bits than measuring nothing has
    monkeypatch.setattr(stage_setup, "choose", lambda *arguments: chosen)
    quiet = {"verbose": 0, "report": lambda line: None}
    never = train(recipe, tmp_path / "never", **quiet)
    assert never.read_json("history.json")["stages"][0]["compilation"] == {
        "jit_compile": False,
        "widths": [12, 16],
    }
    own = dataclasses.replace(recipe, checkpoint_minutes=1e-9)
    with pytest.raises(Killed):
        train(own, tmp_path / "run", callbacks=[At("on_train_batch_end", 7, kill)], **quiet)
    monkeypatch.setattr(stage_setup, "choose", kill)
    run = train(own, tmp_path / "run", resume=True, **quiet)
    for interrupted, uninterrupted in zip(results(run), results(never), strict=True):
        assert interrupted == uninterrupted


@pytest.mark.slow
def test_if_devices_compile_shapes_batches_have_the_few_widths(tiny_recipe, monkeypatch):
    """As on a TPU, which compiles without being told."""
    monkeypatch.setattr(replicas, "compile_shapes", lambda strategy: True)
    setup = set_up(_materials(load_recipe(tiny_recipe)), 1)
    assert not setup.compilation.jit_compile
    widths = {int(x["token_ids"].shape[1]) for x, _, _ in setup.training_batches}
    assert widths <= set(setup.compilation.widths)
