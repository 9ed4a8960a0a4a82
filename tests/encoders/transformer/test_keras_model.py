"""A transformer that the user built in Keras, as an encoder."""

import keras
import numpy as np
import pytest
from support.asserts import assert_frozen_weights_unchanged

import mtl_keras as mtl
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError

LENGTH, WIDTH = 12, 8


@keras.saving.register_keras_serializable("tests")
class Positions(keras.layers.Layer):
    """Adds a vector for each place."""

    def __init__(self, length: int, **kwargs):
        super().__init__(**kwargs)
        self.length = length

    def build(self, shape):
        self.table = self.add_weight((self.length, shape[-1]), "random_normal", name="table")

    def call(self, x):
        return x + keras.ops.take(self.table, keras.ops.arange(keras.ops.shape(x)[1]), axis=0)

    def get_config(self):
        return super().get_config() | {"length": self.length}


@keras.saving.register_keras_serializable("tests")
class Block(keras.layers.Layer):
    """Attention and a dense layer."""

    def __init__(self, dropout: float = 0.1, masked: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.masked = dropout, masked

    def build(self, x_shape, padding_mask_shape=None):
        self.attention = keras.layers.MultiHeadAttention(2, x_shape[-1] // 2)
        self.attention.build(x_shape, x_shape)
        self.dense = keras.layers.Dense(x_shape[-1], "gelu")
        self.dense.build(x_shape)
        self.dropout = keras.layers.Dropout(self.rate)

    def call(self, x, padding_mask, training=False):
        mask = padding_mask[:, None, :] if self.masked else None
        y = self.attention(x, x, attention_mask=mask)
        return x + self.dropout(self.dense(x + y), training=training)

    def compute_output_shape(self, x_shape, padding_mask_shape=None):
        return x_shape

    def get_config(self):
        return super().get_config() | {"dropout": self.rate, "masked": self.masked}


class Unregistered(Block):
    """As `Block`, but nobody knows it."""


def build(vocabulary: int, *, block=Block, positions=LENGTH, embedding=None, blocks=3, **settings):
    """A functional model of such layers."""
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="bool", name="padding_mask")
    x = keras.layers.Embedding(vocabulary, WIDTH, **(embedding or {}))(token_ids)
    x = Positions(positions)(x)
    for _ in range(blocks):
        x = block(**settings)(x, padding_mask)
    return keras.Model([token_ids, padding_mask], keras.layers.LayerNormalization()(x))


@pytest.fixture
def tokenizer(letters):
    return type(letters).from_config(letters.get_config() | {"max_length": LENGTH})


@pytest.fixture
def model(tokenizer):
    keras.utils.set_random_seed(0)
    return build(len(tokenizer.vocabulary))


def test_its_layer_groups_are_those_of_its_graph_and_its_layers_its_own(model, tokenizer):
    encoder = TextEncoder.from_keras(model, tokenizer)
    assert list(encoder.layer_groups) == ["embeddings", "block_0", "block_1", "block_2"]
    shared = {id(weight) for weight in encoder.transformer.weights}
    assert shared == {id(weight) for weight in model.weights}


@pytest.mark.slow
def test_it_answers_as_the_model_does(model, tokenizer):
    encoder = TextEncoder.from_keras(model, tokenizer, pooling="mean")
    names = ("sequence_output", "sentence_embedding", "token_ids", "padding_mask")
    actual = encoder.encode(["a cat", "dog", "hello hello"], names)
    ids, mask = actual["token_ids"], actual["padding_mask"]
    expected = np.asarray(model([ids, mask]))
    np.testing.assert_allclose(actual["sequence_output"][mask], expected[mask], atol=1e-5)
    means = [row[real].mean(0) for row, real in zip(expected, mask, strict=True)]
    np.testing.assert_allclose(actual["sentence_embedding"], means, atol=1e-5)


@pytest.mark.slow
def test_it_trains_frozen_in_part_and_goes_through_a_keras_file(model, tokenizer, tmp_path):
    rows = [{"text": text, "label": label} for text, label in (("aa b", "x"), ("c dd", "y"))] * 20
    task = mtl.Task("topic", labels=["x", "y"], data={"train": rows})
    whole = mtl.MultiTaskModel(TextEncoder.from_keras(model, tokenizer), [task])
    with assert_frozen_weights_unchanged(whole, ["embeddings", "block_0", "block_1"]):
        whole.fit_stages([mtl.Stage(freeze=mtl.FreezePlan.lowest(2))], verbose=0)
    whole.save(tmp_path / "model.keras")
    again = mtl.load_model(tmp_path / "model.keras")
    answers, expected = (mtl.answer(m, ["aa b", "c"]) for m in (again, whole))
    assert [a["topic"]["label"] for a in answers] == [a["topic"]["label"] for a in expected]
    encoder = TextEncoder.from_pretrained(str(tmp_path / "model.keras"), max_length=LENGTH)
    for weight, same in zip(model.get_weights(), encoder.transformer.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)
    with pytest.raises(InputError, match=r"\(KerasModelConfig, Word.*\) cannot be written"):
        encoder.save_pretrained(tmp_path / "saved")
    with pytest.raises(InputError, match="computes in float32, as it was made; mixed_bfloat16 was"):
        TextEncoder.from_pretrained(
            str(tmp_path / "model.keras"), max_length=LENGTH, dtype="mixed_bfloat16"
        )


def test_each_of_its_layer_groups_learns_at_its_own_rate(model, tokenizer, tmp_path):
    task = mtl.Task("topic", labels=["x", "y"])
    whole = mtl.MultiTaskModel(TextEncoder.from_keras(model, tokenizer), [task])
    rates = {"head_lr": 1e-2, "backbone_lr": 1e-3, "decay": 0.1, "weight_decay": 0.0}
    whole.compile(mtl.layerwise_adamw(whole, **rates))
    before = whole.get_weights()
    variables = whole.trainable_variables
    whole.optimizer.apply([keras.ops.ones_like(v) for v in variables], variables)
    steps = [abs(old - new).max() for old, new in zip(before, whole.get_weights(), strict=True)]
    by_weight = dict(zip((id(weight) for weight in whole.weights), steps, strict=True))
    expected = {"embeddings": 1e-6, "block_0": 1e-5, "block_1": 1e-4, "block_2": 1e-3,
                "heads/topic": 1e-2}  # fmt: skip
    for group, layers in whole.layer_groups.items():
        moved = [by_weight[id(weight)] for layer in layers for weight in layer.weights]
        np.testing.assert_allclose(moved, expected[group], rtol=0.1, err_msg=group)
    whole.save(tmp_path / "model.keras")
    again = mtl.load_model(tmp_path / "model.keras")
    assert again.optimizer.rates == pytest.approx(whole.optimizer.rates)
    states = ([value for one in m.optimizer.of_layer.values() for value in one.variables]
              for m in (again, whole))  # fmt: skip
    for state, same in zip(*states, strict=True):
        np.testing.assert_array_equal(state.numpy(), same.numpy())


def test_a_model_cut_at_a_block_goes_through_a_keras_file(model, tokenizer, tmp_path):
    task = mtl.Task("topic", labels=["x", "y"], reads="block_0")
    whole = mtl.MultiTaskModel(TextEncoder.from_keras(model, tokenizer), [task])
    whole.save(tmp_path / "model.keras")
    again = mtl.load_model(tmp_path / "model.keras")
    for weight, same in zip(whole.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)


def _subclassed(size: int) -> keras.Model:
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    return Own()


def _of_other_inputs(size: int) -> keras.Model:
    x = inputs = keras.Input((None,), dtype="int32", name="ids")
    return keras.Model(inputs, keras.layers.Embedding(size, WIDTH)(x))


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (_subclassed, "must be a functional Keras model.*Received: Own"),
        (lambda size: 3, "must be a functional Keras model.*Received: int"),
        (_of_other_inputs, "takes ids; supported are backbones that take token_ids"),
        (lambda size: build(size, blocks=1), "its graph has no repeated layers"),
        (lambda size: build(size, block=Unregistered), "Unregistered is not registered"),
        (lambda size: build(size - 1), "cannot take 12 pieces.* of ids up to"),
        (lambda size: build(size, positions=5), "cannot take 12 pieces"),
        (
            lambda size: build(size, masked=False),
            "change with the padding beside it; use",
        ),
    ],
)
def test_a_model_that_cannot_be_one_is_refused_in_a_line(make, fault, tokenizer):
    keras.utils.set_random_seed(0)
    with pytest.raises(InputError, match=fault):
        TextEncoder.from_keras(make(len(tokenizer.vocabulary)), tokenizer)


def test_a_pooler_that_is_not_there_is_refused(model, tokenizer):
    with pytest.raises(InputError, match="pooling must be one of"):
        TextEncoder.from_keras(model, tokenizer, pooling="pooler")
