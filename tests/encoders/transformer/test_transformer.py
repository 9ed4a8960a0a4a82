"""The transformer: its layers, however Keras runs them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.encoders.transformer.transformer import (
    build_transformer,
    layer_groups,
)

SHAPE = {
    "vocabulary_size": 20,
    "hidden_dim": 8,
    "num_layers": 2,
    "num_heads": 2,
    "intermediate_dim": 16,
    "max_position": 12,
}
TOKEN_IDS = np.array([[2, 5, 6, 7, 3], [2, 8, 3, 0, 0]], np.int32)
INPUTS = {"token_ids": TOKEN_IDS, "padding_mask": TOKEN_IDS != 0}


@pytest.fixture
def transformer() -> keras.Model:
    return _build()


def _build(dtype: str | None = None, **settings) -> keras.Model:
    """With weights large enough that every part matters."""
    model = build_transformer(EncoderConfig(**SHAPE | {"pooler": True} | settings), dtype)
    generator = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(("gamma" in weight.path) + generator.normal(0, 0.3, weight.shape))
    return model


def _assert_same(actual: dict, expected: dict, tolerance: float = 1e-6) -> None:
    assert actual.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(
            np.asarray(actual[name], "float32"), expected[name], atol=tolerance, rtol=0
        )


def test_outputs_and_their_shapes(transformer):
    shapes = {name: tuple(output.shape) for name, output in transformer(INPUTS).items()}
    assert shapes == {
        "sequence_output": (2, 5, 8),
        "pooled_output": (2, 8),
        "sentence_embedding": (2, 8),
    }
    assert "pooled_output" not in _build(pooler=False).output


def test_sentence_embedding_follows_the_pooling():
    for pooling in ("mean", "cls", "pooler", "last"):
        outputs = _build(pooling=pooling)(INPUTS)
        sequence = outputs["sequence_output"].numpy()
        expected = {
            "mean": np.stack([sequence[0].mean(0), sequence[1, :3].mean(0)]),
            "cls": sequence[:, 0],
            "pooler": outputs["pooled_output"],
            "last": np.stack([sequence[0, 4], sequence[1, 2]]),
        }[pooling]
        np.testing.assert_allclose(outputs["sentence_embedding"], expected, atol=1e-6)


def test_padding_changes_nothing_at_real_places(transformer):
    alone = {"token_ids": TOKEN_IDS[1:, :3], "padding_mask": np.ones((1, 3), bool)}
    short, long = transformer(alone), transformer(INPUTS)
    np.testing.assert_allclose(long["sequence_output"][1:, :3], short["sequence_output"], atol=1e-6)
    for name in ("sentence_embedding", "pooled_output"):
        np.testing.assert_allclose(long[name][1:], short[name], atol=1e-6)


def test_a_row_of_padding_only_stays_finite(transformer):
    inputs = {"token_ids": TOKEN_IDS * 0, "padding_mask": TOKEN_IDS < 0}
    assert all(np.isfinite(output).all() for output in transformer(inputs).values())


GPT = {"normalize_first": True, "causal": True, "num_segments": 0, "pooler": False}


@pytest.mark.parametrize("windows", [(), (0, 2)], ids=["all", "window"])
def test_causal_attention_sees_nothing_that_comes_after(windows):
    causal = _build(**GPT, attention_windows=windows)
    changed = TOKEN_IDS.copy()
    changed[0, 3] = 9
    one, other = (
        causal({"token_ids": ids, "padding_mask": ids != 0})["sequence_output"].numpy()
        for ids in (TOKEN_IDS, changed)
    )
    np.testing.assert_array_equal(one[:, :3], other[:, :3])
    assert (one[0, 3:] != other[0, 3:]).any(axis=-1).all()


def test_a_window_hides_what_is_further_back():
    near = _build(**GPT, attention_windows=(2, 2))
    changed = TOKEN_IDS.copy()
    changed[0, 0] = 9
    one, other = (
        near({"token_ids": ids, "padding_mask": ids != 0})["sequence_output"].numpy()[0]
        for ids in (TOKEN_IDS, changed)
    )
    np.testing.assert_array_equal(one[3:], other[3:])  # two blocks see two places back
    assert (one[:3] != other[:3]).any(axis=-1).all()


def test_normalizing_first_adds_a_norm_to_the_top_block():
    groups = layer_groups(_build(**GPT))
    assert [layer.name for layer in groups["block_1"]] == ["block_1", "final_norm"]
    assert [weight.name for weight in groups["embeddings"][0].weights] == ["token", "position"]


@pytest.mark.slow
def test_compiled_by_xla_equals_plain(transformer):
    plain = tf.function(transformer)(INPUTS)
    compiled = tf.function(transformer, jit_compile=True)(INPUTS)
    _assert_same(compiled, plain)


def test_mixed_bfloat16_is_close_and_keeps_float32_weights(transformer):
    mixed = _build("mixed_bfloat16")
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    outputs = mixed(INPUTS)
    assert outputs["sequence_output"].dtype == tf.bfloat16
    assert outputs["sentence_embedding"].dtype == tf.float32
    _assert_same(outputs, transformer(INPUTS), tolerance=0.15)


def test_keras_file_round_trip(transformer, tmp_path):
    transformer.save(tmp_path / "transformer.keras")
    again = keras.saving.load_model(tmp_path / "transformer.keras")
    _assert_same(again(INPUTS), transformer(INPUTS), tolerance=0)
    assert list(layer_groups(again)) == ["embeddings", "block_0", "block_1"]


def test_layer_groups_hold_every_weight_once(transformer):
    groups = layer_groups(transformer)
    assert list(groups) == ["embeddings", "block_0", "block_1"]
    weights = [w.path for layers in groups.values() for layer in layers for w in layer.weights]
    assert sorted(weights) == sorted(w.path for w in transformer.weights)


def test_dropout_only_in_training_and_only_where_it_trains(transformer):
    groups = layer_groups(transformer)
    assert not np.allclose(*_two_passes(transformer, training=True))
    np.testing.assert_array_equal(*_two_passes(transformer, training=False))
    for layers in groups.values():
        for layer in layers:
            layer.trainable = False
    np.testing.assert_array_equal(*_two_passes(transformer, training=True))
    groups["block_1"][0].trainable = True
    assert not np.allclose(*_two_passes(transformer, training=True))


def _two_passes(transformer, training: bool) -> list[np.ndarray]:
    return [transformer(INPUTS, training=training)["sequence_output"].numpy() for _ in range(2)]


def test_every_weight_but_unused_rows_gets_a_gradient(transformer):
    with tf.GradientTape() as tape:
        outputs = transformer(INPUTS, training=False)
        loss = sum(tf.reduce_sum(tf.square(output)) for output in outputs.values())
    gradients = tape.gradient(loss, transformer.trainable_weights)
    for weight, gradient in zip(transformer.trainable_weights, gradients, strict=True):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, weight.path


def test_gradients_equal_finite_differences():
    transformer = _build(num_layers=1, dropout=0.0)
    weight = transformer.get_layer("block_0").query_key_value[0]

    def loss() -> tf.Tensor:
        return tf.reduce_sum(tf.sin(transformer(INPUTS)["sequence_output"]))

    with tf.GradientTape() as tape:
        value = loss()
    gradient = tape.gradient(value, weight.value)
    direction = tf.sign(gradient)
    weight.assign_add(1e-3 * direction)
    above = loss()
    weight.assign_sub(2e-3 * direction)
    measured = (above - loss()) / 2e-3
    np.testing.assert_allclose(measured, tf.reduce_sum(tf.abs(gradient)), rtol=0.02)


def test_kernels_are_drawn_unless_weights_come_next():
    def most(model):
        return [np.abs(w.numpy()).max() for w in model.weights if w.ndim > 1]

    assert max(most(build_transformer(EncoderConfig(**SHAPE), initialize=False))) == 0
    drawn = build_transformer(EncoderConfig(**SHAPE))
    assert min(most(drawn)) > 0
    assert min(most(keras.models.clone_model(drawn))) > 0
