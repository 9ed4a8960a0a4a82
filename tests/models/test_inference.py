"""One graph answers batches of every shape, as the network does."""

import keras
import numpy as np
import pytest

from mtl_keras.models.inference import ForwardPass
from mtl_keras.models.prediction import answer


@pytest.fixture
def traced(monkeypatch):
    """Says which networks a graph was made of."""
    traced, step = [], keras.Model.predict_step

    def counted(network, data):
        traced.append(network)
        return step(network, data)

    monkeypatch.setattr(keras.Model, "predict_step", counted)
    return traced


@pytest.mark.slow
def test_every_shape_has_the_same_graph_and_the_networks_answers(tiny_encoder, traced):
    network = tiny_encoder().transformer
    forward = ForwardPass(network)
    for batch, length in ((1, 2), (3, 2), (3, 16), (2, 7), (1, 1)):
        token_ids = np.arange(batch * length, dtype=np.int32).reshape(batch, length) % 9
        given = {"token_ids": token_ids, "padding_mask": np.ones((batch, length), bool)}
        actual, expected = forward(given), network(given, training=False)
        assert actual.keys() == expected.keys()
        for name, array in actual.items():
            np.testing.assert_allclose(array, expected[name], atol=1e-6)
    assert traced == [network]


@pytest.mark.slow
def test_many_networks_are_no_retracing(tiny_encoder, caplog):
    """TensorFlow warns where 5 of the last calls of a function made a graph."""
    transformer = tiny_encoder().transformer
    given = {"token_ids": np.ones((1, 2), np.int32), "padding_mask": np.ones((1, 2), bool)}
    for _ in range(6):
        ForwardPass(keras.Model(transformer.input, transformer.output))(given)
    assert "retracing" not in caplog.text


@pytest.mark.slow
def test_a_model_answers_with_one_graph_until_it_starts_elsewhere(tiny_model, monkeypatch):
    model, made = tiny_model(), []
    step = model.predict_step
    monkeypatch.setattr(
        type(model), "predict_step", lambda self, data: made.append(sorted(data)) or step(data)
    )
    for texts in (["aaa"], ["aaa b", "c"], ["a b c d e f g"] * 40):
        answer(model, texts)
    assert made == [["padding_mask", "token_ids"]]
    model.start_above("block_0")
    features = np.zeros((1, 3, 8), np.float32)
    mask = np.ones((1, 3), bool)
    one = model.forward_pass({"features": features, "padding_mask": mask})
    model.start_above("block_1")
    other = model.forward_pass({"features": features, "padding_mask": mask})
    assert np.abs(one["topic"] - other["topic"]).max() > 1e-6
