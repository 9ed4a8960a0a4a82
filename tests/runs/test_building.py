"""A recipe's files and its untrained model."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets


def _stepwise(recipe):
    """The recipe, so changed that a training need not read its training files beforehand."""
    text = recipe.read_text()
    text = text.replace("train: train.csv", "train: train.csv, validation: test.csv")
    text = text.replace("  topic:\n", "  topic:\n    labels: [x, y]\n")
    text = text.replace("  entities:\n    kind: tagging\n", "")
    text = text.replace("    files: {train: train.conll, test: test.conll}\n", "")
    recipe.write_text(text.replace("batch_size: 8", "batch_size: 8\n  steps_per_epoch: 3"))
    return load_recipe(recipe)


def test_every_task_has_its_files(tiny_recipe):
    datasets = open_datasets(load_recipe(tiny_recipe))
    assert list(datasets) == ["topic", "entities"]
    assert datasets["topic"].counts["test"] == 12


def test_what_training_need_not_read_is_read_only_if_asked_for(tiny_recipe):
    recipe = _stepwise(tiny_recipe)
    assert "train" not in open_datasets(recipe)["topic"].counts
    assert open_datasets(recipe, read_all=True)["topic"].counts["train"] == 200


def test_a_file_that_is_absent_is_reported(tiny_recipe):
    tiny_recipe.with_name("train.csv").unlink()
    with pytest.raises(InputError, match=r"train\.csv: no such file"):
        open_datasets(load_recipe(tiny_recipe))


def test_a_model_has_the_recipes_tasks_and_length(tiny_recipe):
    recipe = load_recipe(tiny_recipe)
    model = build_model(recipe, open_datasets(recipe))
    assert list(model.tasks) == ["topic", "entities"]
    assert model.tasks["topic"].labels == ("x", "y")
    assert model.encoder.tokenizer.max_length == 16


def test_a_plan_that_the_encoder_has_no_blocks_for_is_refused(tiny_recipe):
    tiny_recipe.write_text(tiny_recipe.read_text().replace("freeze: none", "freeze: lowest:99"))
    recipe = load_recipe(tiny_recipe)
    with pytest.raises(InputError, match="the encoder has 2 blocks"):
        build_model(recipe, open_datasets(recipe))


def test_a_level_that_the_encoder_lacks_is_reported_with_its_line(tiny_recipe):
    text = tiny_recipe.read_text().replace("  topic:\n", "  topic:\n    reads: block_9\n")
    tiny_recipe.write_text(text)
    recipe = load_recipe(tiny_recipe)
    place = rf"recipe\.yaml:{1 + text[: text.index('reads')].count(chr(10))}: tasks\.topic\.reads: "
    with pytest.raises(InputError, match=place + ".*the encoder has no block_9; its blocks are"):
        build_model(recipe, open_datasets(recipe))


def _reading_block_0(tiny_recipe, **changes):
    text = tiny_recipe.read_text()
    for task in ("topic", "entities"):
        text = text.replace(f"  {task}:\n", f"  {task}:\n    reads: block_0\n")
    for before, after in changes.items():
        text = text.replace(before.replace("_", ": "), after)
    tiny_recipe.write_text(text)
    return load_recipe(tiny_recipe)


@pytest.mark.parametrize(
    "freeze", ["lowest:2", "block_0-1", "embeddings + block_0 + block_1", "top:0"]
)
def test_a_plan_may_freeze_blocks_that_are_left_out(tiny_recipe, freeze):
    recipe = _reading_block_0(tiny_recipe, freeze_backbone=f'freeze: "{freeze}"')
    model = build_model(recipe, open_datasets(recipe))
    groups = list(model.layer_groups)
    assert "block_1" not in groups
    frozen, _ = recipe.plan.stages_of_used(groups)
    assert "block_0" in frozen.frozen(groups)
    assert not {"heads/topic", "heads/entities"} & set(frozen.frozen(groups))


def test_a_plan_may_not_freeze_blocks_that_the_encoder_never_had(tiny_recipe):
    recipe = _reading_block_0(tiny_recipe, freeze_backbone='freeze: "lowest:3"')
    with pytest.raises(InputError, match="freeze 'lowest:3': the encoder has 2 blocks"):
        build_model(recipe, open_datasets(recipe))


def test_stages_that_are_alike_without_the_blocks_left_out_say_why(tiny_recipe):
    stages = {"freeze_backbone": 'freeze: "lowest:2"', "freeze_none": 'freeze: "lowest:1"'}
    text = tiny_recipe.read_text().replace(", learning_rate: {heads: 1.0e-2}", "")
    start = text.index(", learning_rate")
    tiny_recipe.write_text(text[:start] + "}\n")
    recipe = _reading_block_0(tiny_recipe, **stages)
    with pytest.raises(InputError, match="of its 2 blocks, those above block_0 are left out"):
        build_model(recipe, open_datasets(recipe))


def test_a_head_below_frozen_blocks_that_another_head_reads_is_fine(tiny_recipe):
    text = tiny_recipe.read_text().replace("freeze: backbone", 'freeze: "lowest:2"')
    tiny_recipe.write_text(text.replace("  topic:\n", "  topic:\n    reads: block_0\n"))
    recipe = load_recipe(tiny_recipe)
    model = build_model(recipe, open_datasets(recipe))
    groups = list(model.layer_groups)
    assert set(recipe.plan.stages(groups)[0].frozen(groups)) == {"embeddings", "block_0", "block_1"}
