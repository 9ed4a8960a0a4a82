"""A training that begins with the weights of a finished run."""

import dataclasses
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from support.interrupting import Killed
from support.tiny import write_tiny_recipe

import mtl_keras as mtl
from mtl_keras.errors import InputError
from mtl_keras.plans.layer_groups import head_group
from mtl_keras.recipes.recipe import Recipe, load_recipe
from mtl_keras.runs.building import build_model, load_encoder, open_datasets
from mtl_keras.runs.run import Run
from mtl_keras.training.train_recipe import train

TOPIC, ENTITIES = mtl.Task("topic", labels=["x", "y"]), mtl.Task("entities", "tagging", ["A"])


@pytest.fixture
def make_run(tiny_encoder, tmp_path):
    """Makes a finished run of tasks, of which only the model and the record are there."""

    def make(*tasks: mtl.Task) -> Run:
        folder = tmp_path / "first"
        folder.mkdir()
        model = mtl.MultiTaskModel(tiny_encoder(), tasks)
        for number, weight in enumerate(model.weights):
            weight.assign_add(0.05 * keras.random.normal(weight.shape, seed=number))
        model.save(folder / "model.keras")
        configs = {task.name: task.get_config() for task in tasks}
        record = {"recipe_folder": str(tmp_path), "tasks": configs}
        (folder / "run.json").write_text(json.dumps(record))
        return Run.open(folder)

    return make


@pytest.fixture
def recipe(tiny_bert, tmp_path) -> Recipe:
    """A recipe of the tasks `topic` and `entities` that starts from that run."""
    path = write_tiny_recipe(tmp_path, tiny_bert)
    text = path.read_text().replace("training:\n", "training:\n  start_from: first\n")
    path.write_text(text)
    return load_recipe(path)


def _build(recipe: Recipe) -> mtl.MultiTaskModel:
    return build_model(recipe, open_datasets(recipe))


def _weights(model: mtl.MultiTaskModel, *groups: str) -> list[np.ndarray]:
    layers = [layer for group in groups for layer in model.layer_groups[group]]
    return [weight.numpy() for layer in layers for weight in layer.weights]


def _assert_same(model, other, *groups: str) -> None:
    for weight, same in zip(_weights(model, *groups), _weights(other, *groups), strict=True):
        np.testing.assert_array_equal(weight, same)


def test_the_encoder_and_the_heads_of_its_tasks_are_the_runs(make_run, recipe):
    trained, model = make_run(TOPIC, ENTITIES).model(), _build(recipe)
    _assert_same(model, trained, *(name for name in trained.layer_groups if name != "block_1"))
    block = [layer.get_weights() for layer in trained.layer_groups["block_1"]]
    assert all(map(np.array_equal, block[0], model.get_layer("block_1").get_weights()))


@pytest.mark.slow
def test_other_tasks_have_new_heads(make_run, recipe):
    trained = make_run(TOPIC, mtl.Task("spam", labels=["no", "yes"])).model()
    model, new = _build(recipe), _build(dataclasses.replace(recipe, start_from=None))
    _assert_same(model, trained, "embeddings", "block_0", "heads/topic")
    assert {*model.tasks} == {"topic", "entities"}
    shapes = [weight.shape for weight in _weights(new, head_group("entities"))]
    assert [weight.shape for weight in _weights(model, head_group("entities"))] == shapes


@pytest.mark.parametrize(
    ("task", "fault"),
    [
        (
            mtl.Task("topic", labels=["x", "z"]),
            "has other labels than in the run, without 'z' and with 'y'; list the run's in the "
            "recipe (labels: ['x', 'z']), or give the task another name",
        ),
        (mtl.Task("topic", labels=["x", "y", "z"]), "than in the run, without 'z'; list"),
        (mtl.Task("topic", labels=["y", "x"]), "than in the run, in another order; list"),
        (
            mtl.Task("topic", "multilabel", ["x", "y"]),
            "is a classification, in the run a multilabel; correct its kind",
        ),
    ],
    ids=lambda value: "",
)
def test_a_task_with_other_labels_is_refused_with_those_that_differ(task, fault, make_run, recipe):
    make_run(task, ENTITIES)
    with pytest.raises(InputError) as raised:
        _build(recipe)
    place = f"{recipe.path}:10: training.start_from: {recipe.path.parent / 'first'}: task 'topic': "
    assert str(raised.value).startswith(place)
    assert fault in str(raised.value)


def test_a_head_that_reads_another_level_is_refused(make_run, recipe):
    make_run(dataclasses.replace(TOPIC, reads="block_0"), ENTITIES)
    with pytest.raises(InputError, match="reads block_1, in the run block_0; say reads: block_0"):
        _build(recipe)


def test_a_head_of_vectors_that_are_pooled_otherwise_is_refused(make_run, recipe):
    make_run(TOPIC, ENTITIES)
    with pytest.raises(InputError, match="pooling cls, in the run mean; say pooling: mean"):
        _build(dataclasses.replace(recipe, pooling="cls"))


def test_the_last_block_is_the_same_level_by_its_number(make_run, recipe):
    trained = make_run(dataclasses.replace(TOPIC, reads="block_1"), ENTITIES).model()
    _assert_same(_build(recipe), trained, "heads/topic")


def test_blocks_that_the_run_left_out_are_those_of_the_source(make_run, recipe, tiny_encoder):
    trained = make_run(mtl.Task("spam", labels=["no", "yes"], reads="block_0")).model()
    encoder = load_encoder(recipe)
    for name in ("embeddings", "block_0"):
        ours, theirs = (of.get_layer(name).get_weights() for of in (encoder.transformer, trained))
        assert all(map(np.array_equal, ours, theirs))
    ours, source = (
        of.get_layer("block_1").get_weights()
        for of in (encoder.transformer, tiny_encoder().transformer)
    )
    assert all(map(np.array_equal, ours, source))


@pytest.mark.slow
def test_the_encoder_of_another_shape_is_refused(make_run, recipe, tiny_bert, tmp_path):
    make_run(TOPIC, ENTITIES)
    other = shutil.copytree(tiny_bert, tmp_path / "other")
    config = json.loads((other / "config.json").read_text()) | {"num_attention_heads": 4}
    (other / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        InputError, match=r"is of another shape or vocabulary than the recipe's, .*run:.*first"
    ):
        load_encoder(dataclasses.replace(recipe, encoder=str(other)))


@pytest.mark.slow
def test_numbers_keep_the_mean_and_deviation_of_the_run(make_run, tiny_bert, tmp_path):
    task = mtl.Task("price", "regression", scale=(10.0, 2.0))
    trained = make_run(task).model()
    rows = [{"text": f"a {number}", "label": number} for number in range(20)]
    recipe = Recipe(
        encoder=str(tiny_bert),
        max_length=16,
        tasks=[mtl.Task("price", "regression", data={"train": rows})],
        plan="linear_probe",
        start_from=str(tmp_path / "first"),
    )
    model = _build(recipe)
    assert model.tasks["price"].scale == (10.0, 2.0)
    _assert_same(model, trained, "heads/price")


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ((), r"no finished run here \(run\.json is absent\)"),
        (("checkpoints/start.json",), "this run is unfinished"),
        (("run.json",), "damaged; restore it or train again"),
    ],
)
def test_what_is_no_finished_run_is_refused_with_the_place_in_the_recipe(files, fault, recipe):
    folder = Path(recipe.start_from)
    for name in files:
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("{}")
    with pytest.raises(
        InputError, match=rf"recipe\.yaml:10: training\.start_from: .*first.*{fault}"
    ):
        load_encoder(recipe)


def test_a_recipe_in_python_says_it_too(tmp_path):
    task = mtl.Task("topic", files={"train": "train.csv"})
    recipe = Recipe(encoder="x", tasks=[task], plan="lp_ft", start_from=Path("runs/tickets-1"))
    assert "  start_from: runs/tickets-1\n" in recipe.to_yaml()
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    again = load_recipe(tmp_path / "recipe.yaml")
    assert again.start_from == str(tmp_path / "runs/tickets-1")
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml().replace("from: ", "from: run:"))
    assert load_recipe(tmp_path / "recipe.yaml").start_from == again.start_from


@pytest.mark.slow
def test_a_run_keeps_where_it_began_and_a_resumed_one_too(make_run, recipe, tmp_path):
    make_run(TOPIC, ENTITIES)
    text = recipe.path.read_text()
    stages = "  stages:\n    - {freeze: backbone}\n    - {freeze: top:1}\n"
    recipe.path.write_text(text[: text.index("  stages:")] + stages)
    recipe, lines, folder = load_recipe(recipe.path), list[str](), tmp_path / "run"

    def kill(line: str) -> None:
        lines.append(line)
        if line.startswith("stage 2"):
            raise Killed

    with pytest.raises(Killed):
        train(recipe, folder, verbose=0, report=kill)
    began = f"Begins with the encoder of {tmp_path / 'first'} and its heads of topic, entities."
    assert began in lines
    model = mtl.load_model(tmp_path / "first" / "model.keras")
    weight = model.get_layer("embeddings").weights[0]
    weight.assign_add(weight)
    shutil.move(tmp_path / "first" / "model.keras", tmp_path / "kept.keras")
    model.save(tmp_path / "first" / "model.keras")
    with pytest.raises(InputError, match="other weights than this run began with"):
        train(recipe, folder, resume=True, verbose=0, report=lines.append)
    shutil.move(tmp_path / "kept.keras", tmp_path / "first" / "model.keras")
    run = train(recipe, folder, resume=True, verbose=0, report=lines.append)
    record = {"run": str(tmp_path / "first"), "heads": ["topic", "entities"]}
    assert run.read_json("run.json")["start_from"] == record
