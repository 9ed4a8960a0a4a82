"""The frozen-prefix cache: the same training, computed once."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
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
from mtl_keras.training.features.cache import FeatureCache
from mtl_keras.training.train_recipe import run_stages
from mtl_keras.training.trainer import Training

HEADS = Stage(freeze=FreezePlan.backbone(), epochs=2)
TOP = Stage(freeze=FreezePlan.top(1), epochs=2)


@pytest.fixture(scope="module")
def recipe(tiny_bert, tmp_path_factory):
    return load_recipe(write_tiny_recipe(tmp_path_factory.mktemp("files"), tiny_bert))


@pytest.fixture
def training_of(recipe, tiny_encoder, tmp_path):
    """Makes trainings of a tiny model without dropout: `training_of(stages, tasks=…, …)`."""

    def make(stages, tasks=("topic", "entities"), **changes):
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
        return Training(own, datasets, model, tmp_path / f"best_{id(model)}")

    return make


def _run(training):
    said = []
    stages = run_stages(training, report=said.append, verbose=0)
    return stages, said


def _begin_all(training) -> list[str]:
    """Prepares each stage; between them, what trains moves by hand."""
    said = []
    for index in range(len(training.stages)):
        training.begin(index, report=said.append)
        for variable in training.model.trainable_variables:
            variable.assign(variable + 0.01)
    return said


def test_training_is_the_same_with_and_without(training_of):
    stages = (HEADS, dataclasses.replace(TOP, tasks=("topic",), protect=Distillation()))
    cached, plain = training_of(stages), training_of(stages, cache=False)
    (with_cache, said), (without, silent) = _run(cached), _run(plain)
    assert any("features of" in line for line in said)
    assert not any("features of" in line for line in silent)
    for one, other in zip(cached.model.get_weights(), plain.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    for one, other in zip(with_cache, without, strict=True):
        for name, values in one["history"].items():
            np.testing.assert_allclose(values, other["history"][name], atol=1e-5)


def test_batches_hold_what_the_frozen_layers_give(training_of):
    training = training_of((TOP,))
    training.begin(0)
    encoder = training.model.encoder
    prefix = keras.Model(encoder.transformer.input, encoder.transformer.get_layer("block_0").output)
    for x, _, _ in training.stage_batches:
        expected = prefix({name: x[name] for name in ("token_ids", "padding_mask")})
        real = x["padding_mask"].numpy()
        np.testing.assert_allclose(x[FEATURES].numpy()[real], expected.numpy()[real], atol=1e-6)


def test_sentence_heads_on_a_frozen_encoder_keep_one_vector_a_text(training_of):
    training = training_of((HEADS,), tasks=("topic",))
    said = []
    training.begin(0, report=said.append)
    assert f"after {SENTENCE}" in said[1]
    (x, _, _) = next(iter(training.stage_batches))
    assert x[FEATURES].shape[1:] == (8,)


def test_one_pass_serves_the_stages_to_come(training_of, monkeypatch):
    passes = []
    run = FeatureCache._run
    monkeypatch.setattr(FeatureCache, "_run", lambda *each: (passes.append(1), run(*each)))
    one = dataclasses.replace(HEADS, epochs=1)
    said = _begin_all(training_of((one, dataclasses.replace(TOP, epochs=1), HEADS)))
    # The third stage's prefix has a block that the second trained: encoded again, from below it.
    assert len(passes) == 2
    assert "after block_1, block_0" in said[1]


def test_a_prefix_that_changed_is_encoded_again_from_below_it(training_of, monkeypatch):
    sources = []
    between = features._between
    monkeypatch.setattr(
        features,
        "_between",
        lambda model, source, levels: (
            sources.append(source),
            between(model, source, levels),
        )[1],
    )
    _begin_all(training_of((TOP, HEADS)))
    assert sources == [None, "block_0"]


def test_texts_are_encoded_once(training_of):
    training = training_of((HEADS,))
    training.begin(0)
    texts = training.features._known_texts
    both = [
        d.examples(split) for d in training.datasets.values() for split in ("train", "validation")
    ]
    distinct = {example.text for examples in both for example in examples}
    assert (
        len(texts.lengths)
        <= len(distinct)
        < sum(
            sum(d.counts[split] for split in ("train", "validation"))
            for d in training.datasets.values()
        )
    )


@pytest.mark.parametrize(
    ("share", "dtype", "place"), [(0.6, np.float16, "memory"), (0, np.float16, "a temporary file")]
)
def test_what_does_not_fit_takes_half_precision_then_a_file(training_of, share, dtype, place):
    training, plain = training_of((TOP,)), training_of((TOP,))
    lengths = training.features._known_texts.lengths
    training.features.memory_budget = int(share * lengths.sum() * 8 * 4)
    said = []
    training.begin(0, report=said.append)
    plain.begin(0)
    (store,) = training.features._stores.values()
    assert (store.values.dtype, store.place) == (dtype, place)
    assert f"in {place}" in said[1]
    for (x, *labels), (exact, *same) in zip(
        training.stage_batches, plain.stage_batches, strict=True
    ):
        np.testing.assert_allclose(x[FEATURES], exact[FEATURES], atol=5e-3)
        tf.nest.map_structure(np.testing.assert_array_equal, labels, same)


def test_without_room_it_trains_all_the_same_and_says_so(training_of, monkeypatch):
    monkeypatch.setattr(feature_stores, "KEPT_FREE", 1 << 62)
    training = training_of((TOP,), tasks=("topic",))
    training.features.memory_budget = 0
    _, said = _run(training)
    assert said[1] == "no room for the features of the frozen layers: each epoch computes them anew"
    assert training.model.level is None


def test_of_more_texts_than_memory_can_find_again_nothing_is_kept(training_of, monkeypatch):
    cache = training_of((TOP,)).features
    assert cache._may_fit("block_0")
    monkeypatch.setattr(features, "MOST_TEXTS", 300)
    assert not cache._may_fit("block_0")


def test_one_epoch_is_not_worth_it(training_of):
    assert len(_begin_all(training_of((dataclasses.replace(TOP, epochs=1),)))) == 1


def test_what_features_leave_out_must_be_frozen(training_of):
    training = training_of((TOP,))
    training.begin(0)
    FreezePlan.none().apply(training.model)
    with pytest.raises(mtl.InputError, match="from after block_0, but embeddings trains"):
        training.model.fit(training.stage_batches, verbose=0)


def test_a_model_that_trains_from_features_still_reads_texts(training_of):
    training = training_of((TOP,))
    texts = ["aaa bcd", "efg"]
    before = training.model.predict(texts, verbose=0)["topic"]
    training.begin(0)
    np.testing.assert_array_equal(training.model.predict(texts, verbose=0)["topic"], before)
