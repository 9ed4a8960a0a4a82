"""The frozen-prefix cache: the same training, computed once."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.asserts import assert_same_weights
from support.tiny import write_tiny_recipe

import mtl_keras as mtl
from mtl_keras.models.frozen_prefix import FEATURES, SENTENCE
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.protection import Distillation
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import open_datasets
from mtl_keras.training.features import cache as features
from mtl_keras.training.features import store as feature_stores
from mtl_keras.training.features.cache import FeatureCache, run_passes
from mtl_keras.training.features.levels import Levels
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_setup import set_up
from mtl_keras.training.trainer import Trainer

HEADS = Stage(freeze=FreezePlan.backbone(), epochs=2)
TOP = Stage(freeze=FreezePlan.top(1), epochs=2)


@pytest.fixture(scope="module")
def recipe(tiny_bert, tmp_path_factory):
    return load_recipe(write_tiny_recipe(tmp_path_factory.mktemp("files"), tiny_bert))


@pytest.fixture
def materials_of(recipe, tiny_encoder):
    """Those of a tiny model without dropout: `materials_of(stages, tasks=…, budget=…, …)`."""

    def make(stages, tasks=("topic", "entities"), run=run_passes, budget=None, **changes):
        plan = TrainingPlan.of(stages)
        chosen = tuple(task for task in recipe.tasks if task.name in tasks)
        own = dataclasses.replace(recipe, plan=plan, tasks=chosen, **changes)
        datasets = open_datasets(own)
        keras.utils.set_random_seed(0)
        model = mtl.MultiTaskModel(
            tiny_encoder(dropout=0.0),
            [dataset.task for dataset in datasets.values()],
            head_dropout=0.0,
        )
        materials = Materials.of(own, datasets, model, run)
        if budget is None:
            return materials
        small = FeatureCache(model, datasets, memory_budget=budget)
        return dataclasses.replace(materials, features=small)

    return make


def _trained(materials, folder):
    lines = []
    stages = Trainer(materials, folder).run_stages(report=lines.append, verbose=0)
    return stages, lines


def _set_up_all(materials) -> list[str]:
    """Sets each stage up; between them, what trains moves by hand."""
    lines = []
    for index in range(len(materials.stages)):
        set_up(materials, index, report=lines.append)
        for variable in materials.model.trainable_variables:
            variable.assign(variable + 0.01)
    return lines


@pytest.mark.slow
def test_training_is_the_same_with_and_without(materials_of, tmp_path):
    stages = (HEADS, dataclasses.replace(TOP, tasks=("topic",), protect=Distillation()))
    cached, plain = materials_of(stages), materials_of(stages, cache=False)
    with_cache, lines = _trained(cached, tmp_path / "cached")
    without, silent = _trained(plain, tmp_path / "plain")
    assert any("keeps the output of" in line for line in lines)
    assert not any("keeps the output of" in line for line in silent)
    assert_same_weights(cached.model.get_weights(), plain.model.get_weights(), tolerance=1e-5)
    for one, other in zip(with_cache, without, strict=True):
        for name, values in one["history"].items():
            actual, expected = np.array(values, float), np.array(other["history"][name], float)
            np.testing.assert_allclose(actual, expected, atol=1e-5)  # NaN if it is undefined


@pytest.mark.slow
def test_batches_hold_what_the_frozen_layers_give(materials_of):
    materials = materials_of((TOP,))
    setup, transformer = set_up(materials, 0), materials.model.encoder.transformer
    prefix = keras.Model(transformer.input, transformer.get_layer("block_0").output)
    for x, _, _ in setup.training_batches:
        expected = prefix({name: x[name] for name in ("token_ids", "padding_mask")})
        real = x["padding_mask"].numpy()
        np.testing.assert_allclose(x[FEATURES].numpy()[real], expected.numpy()[real], atol=1e-6)


@pytest.mark.slow
def test_sentence_heads_on_a_frozen_encoder_keep_one_vector_a_text(materials_of):
    lines = []
    setup = set_up(materials_of((HEADS,), tasks=("topic",)), 0, report=lines.append)
    assert f"the output of {SENTENCE}" in lines[1]
    (x, _, _) = next(iter(setup.training_batches))
    assert x[FEATURES].shape[1:] == (8,)


@pytest.mark.slow
def test_one_run_over_the_texts_serves_the_stages_to_come(materials_of):
    runs = []

    def counted(encode, passes):
        runs.append(len(passes))
        run_passes(encode, passes)

    one = dataclasses.replace(HEADS, epochs=1)
    stages = (one, dataclasses.replace(TOP, epochs=1), HEADS)
    materials = materials_of(stages, run=counted)
    lines = _set_up_all(materials)
    # The third stage's prefix has a block that the second trained: encoded again, from below it.
    assert runs == 2 * [len(list(materials.features.texts.passes()))]
    assert "the output of block_1, block_0" in lines[1]


@pytest.mark.slow
def test_a_prefix_that_changed_is_encoded_again_from_below_it(materials_of, monkeypatch):
    sources, encoding = [], features.encoding

    def spied(model, source, levels):
        sources.append(source)
        return encoding(model, source, levels)

    monkeypatch.setattr(features, "encoding", spied)
    _set_up_all(materials_of((TOP, HEADS)))
    assert sources == [None, "block_0"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "dtype", "place"), [(0.6, "float16", "memory"), (0, "float16", "a temporary file")]
)
def test_what_does_not_fit_takes_half_precision_then_a_file(materials_of, share, dtype, place):
    plain = materials_of((TOP,))
    budget = int(share * plain.features.texts.lengths.sum() * 8 * 4)
    small, lines = materials_of((TOP,), budget=budget), []
    of_small = set_up(small, 0, report=lines.append).training_batches
    assert small.features.kept == {"block_0": dtype}
    assert f"in {place}" in lines[1]
    for (x, *labels), (exact, *same) in zip(
        of_small, set_up(plain, 0).training_batches, strict=True
    ):
        np.testing.assert_allclose(x[FEATURES], exact[FEATURES], atol=5e-3)
        tf.nest.map_structure(np.testing.assert_array_equal, labels, same)


@pytest.mark.slow
def test_without_room_it_trains_all_the_same_and_says_so(materials_of, tmp_path, monkeypatch):
    monkeypatch.setattr(feature_stores, "KEPT_FREE", 1 << 62)
    materials = materials_of((TOP,), tasks=("topic",), budget=0)
    _, lines = _trained(materials, tmp_path)
    assert (
        lines[1] == "no room for the features of the frozen layers: each epoch computes them anew"
    )
    assert materials.model.level is None


def test_of_more_texts_than_memory_can_find_again_nothing_is_kept(materials_of, monkeypatch):
    monkeypatch.setattr(features, "MOST_TEXTS", 300)
    materials, lines = materials_of((TOP,)), []
    materials.features.prepare(Levels(("block_0",), epochs=2), lines.append)
    assert materials.features.kept == {}
    assert lines == ["no room for the features of the frozen layers: each epoch computes them anew"]


@pytest.mark.slow
def test_one_epoch_is_not_worth_it(materials_of):
    assert len(_set_up_all(materials_of((dataclasses.replace(TOP, epochs=1),)))) == 1


@pytest.mark.slow
def test_what_features_leave_out_must_be_frozen(materials_of):
    materials = materials_of((TOP,))
    setup = set_up(materials, 0)
    FreezePlan.none().apply(materials.model)
    with pytest.raises(mtl.InputError, match="from after block_0, but embeddings trains"):
        materials.model.fit(setup.training_batches, verbose=0)


@pytest.mark.slow
def test_a_model_that_trains_from_features_still_reads_texts(materials_of):
    materials, texts = materials_of((TOP,)), ["aaa bcd", "efg"]
    before = materials.model.predict_on_batch(texts)["topic"]
    set_up(materials, 0)
    np.testing.assert_array_equal(materials.model.predict_on_batch(texts)["topic"], before)


@pytest.mark.slow
def test_features_are_looked_up_only_while_they_are_of_the_models_weights(materials_of):
    materials = materials_of((HEADS,), tasks=("topic",))
    set_up(materials, 0)
    tokenized = materials.model.encoder.tokenizer(
        [example.text for example in materials.datasets["topic"].examples("validation")]
    )
    ids = tokenized.token_ids.to_tensor().numpy()
    mask = tf.sequence_mask(tokenized.token_ids.row_lengths()).numpy()
    x = {"token_ids": ids, "padding_mask": mask}
    features = materials.features.look_up()(x)[FEATURES]
    expected = materials.model.encoder.transformer(x)[SENTENCE]
    np.testing.assert_allclose(features, expected, atol=1e-6)
    weight = materials.model.encoder.transformer.weights[0]
    weight.assign(weight + 1)
    assert materials.features.look_up() is None
    assert materials.model.level is None
