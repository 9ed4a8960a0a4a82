"""Drift: its measures against other formulas, and snapshots of real models."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.every_kind import open_every_kind

import mtl_keras as mtl
from mtl_keras.errors import InputError
from mtl_keras.evaluation.drift import Snapshot, drift, linear_cka, mean_cosine

seeds = st.integers(0, 1000)


def _rows(seed, columns=4):
    return np.random.default_rng(seed).normal(1.0, 2.0, (12, columns))


def _hsic(x, y):
    """Hilbert-Schmidt independence criterion of linear kernels, rows by rows."""
    centring = np.eye(len(x)) - 1 / len(x)
    return np.trace(x @ x.T @ centring @ y @ y.T @ centring)


@given(seeds, seeds)
def test_cka_is_the_normalised_hsic(first, second):
    x, y = _rows(first), _rows(second + 2000, columns=5)
    expected = _hsic(x, y) / np.sqrt(_hsic(x, x) * _hsic(y, y))
    assert linear_cka(x, y) == pytest.approx(expected, rel=1e-9)


@given(seeds, st.floats(0.1, 10), st.floats(-5, 5))
def test_cka_does_not_see_rotation_scale_or_shift_but_cosine_does(seed, scale, shift):
    x, y = _rows(seed), _rows(seed + 2000)
    rotation, _ = np.linalg.qr(_rows(seed + 4000)[:4])
    assert linear_cka(scale * x @ rotation + shift, y) == pytest.approx(linear_cka(x, y))
    assert linear_cka(x, scale * x @ rotation) == pytest.approx(1.0)
    assert mean_cosine(x, scale * x) == pytest.approx(1.0)
    assert mean_cosine(x, x @ rotation) < 1.0


def test_constant_embeddings_and_zero_vectors_have_a_number():
    varied = _rows(0)
    constant = np.full((12, 4), 0.1, np.float32)
    assert linear_cka(varied, constant) == linear_cka(constant, varied) == 0.0
    assert linear_cka(constant, 3 * constant) == linear_cka(0 * constant, constant) == 1.0
    assert mean_cosine(0 * varied, varied) == 0.0
    assert mean_cosine(0 * varied, 0 * varied) == 1.0
    assert linear_cka(varied[:0], varied[:0]) == mean_cosine(varied[:0], varied[:0]) == 1.0


@pytest.fixture
def datasets(tmp_path):
    return open_every_kind(tmp_path)


@pytest.fixture
def model(tiny_encoder, datasets):
    return mtl.MultiTaskModel(tiny_encoder(), [dataset.task for dataset in datasets.values()])


@pytest.mark.slow
def test_snapshots_are_what_evaluate_and_encode_say(model, datasets):
    for name, dataset in datasets.items():
        snapshot = Snapshot.of(model, dataset)
        metrics = mtl.evaluate(model, dataset, "validation")
        del metrics["low"], metrics["high"]
        measured = {"examples": dataset.counts["validation"]} | snapshot.metrics
        assert measured.pop("notes", {}) == metrics.pop("notes", {})
        assert measured == pytest.approx(metrics), name
    stars = Snapshot.of(model, datasets["stars"], limit=3)
    texts = ["aa b", "c d e", "f gg"]
    assert stars.predictions == pytest.approx(
        [one["stars"]["value"] for one in mtl.answer(model, texts)]
    )
    np.testing.assert_allclose(
        stars.embeddings, model.encoder.encode(texts)["sentence_embedding"], atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["entities", "parts"])
def test_a_snapshot_of_words_has_a_row_for_each_word(model, datasets, name):
    snapshot = Snapshot.of(model, datasets[name], limit=2)
    assert snapshot.predictions.shape == (5,)
    vectors = model.encoder.encode(["aa b", "c d ef"], ["sequence_output"])["sequence_output"]
    # aa and ef are two pieces each, of which the first counts; [CLS] is at 0
    expected = np.stack(
        [vectors[row, place] for row, place in [(0, 1), (0, 3), (1, 1), (1, 2), (1, 3)]]
    )
    np.testing.assert_allclose(snapshot.embeddings, expected, atol=1e-6)


@pytest.mark.slow
def test_a_model_that_stays_does_not_drift(model, datasets):
    for name, dataset in datasets.items():
        snapshot = Snapshot.of(model, dataset)
        actual = drift(snapshot, Snapshot.of(model, dataset))
        assert actual["metric"] == dataset.task.metric
        assert (
            actual["metric_before"] == actual["metric_after"] == snapshot.metrics[actual["metric"]]
        )
        assert actual["flipped"] == (None if name == "stars" else 0.0)
        assert (actual["cka"], actual["cosine"]) == pytest.approx((1.0, 1.0))


@pytest.mark.slow
def test_a_model_that_moves_drifts(model, datasets):
    before = {name: Snapshot.of(model, dataset) for name, dataset in datasets.items()}
    generator = np.random.default_rng(0)
    model.set_weights([generator.normal(0, 1, w.shape) - w for w in model.get_weights()])
    others = 1 - 2.0 * before["products"].predictions[0]  # than the first text's: its answer flips
    model.get_layer("products_head").dense.bias.assign(1000 * others)
    for name, dataset in datasets.items():
        after = Snapshot.of(model, dataset)
        actual = drift(before[name], after)
        json.dumps(actual, allow_nan=False)
        assert actual["cka"] < 0.999
        assert actual["cosine"] < 0.9
        if name == "products":
            changed = (before[name].predictions != after.predictions).any(axis=1)
            assert actual["flipped"] == np.mean(changed) > 0


@pytest.mark.slow
def test_flipped_is_a_share_of_the_words(model, datasets):
    before = Snapshot.of(model, datasets["entities"])
    model.get_layer("entities_head").dense.kernel.assign(
        0 * model.get_layer("entities_head").dense.kernel
    )
    model.get_layer("entities_head").dense.bias.assign([0.0, 1.0, 0.0])
    after = Snapshot.of(model, datasets["entities"])
    assert (after.predictions == 1).all()
    assert drift(before, after)["flipped"] == np.mean(before.predictions != 1)


@pytest.mark.slow
def test_snapshots_that_do_not_compare_are_refused(model, datasets):
    topic = Snapshot.of(model, datasets["topic"])
    for other in (
        Snapshot.of(model, datasets["products"]),
        Snapshot.of(model, datasets["topic"], "train"),
        Snapshot.of(model, datasets["topic"], limit=4),
    ):
        with pytest.raises(
            InputError, match=r"one task on the same examples\. Received: 'topic' on"
        ):
            drift(topic, other)


@pytest.mark.slow
def test_what_gives_no_snapshot_is_refused(model, datasets, tiny_model):
    with pytest.raises(InputError, match="no task 'stars'; there are topic, entities"):
        Snapshot.of(tiny_model(), datasets["stars"])
    with pytest.raises(InputError, match="has no test examples; it has train, validation"):
        Snapshot.of(model, datasets["stars"], "test")
    for limit in (0, 2.5, None, True):
        with pytest.raises(InputError, match="limit must be a whole number from 1"):
            Snapshot.of(model, datasets["stars"], limit=limit)
