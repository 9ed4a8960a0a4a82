"""Strings in, arrays out."""

import json

import numpy as np
import pytest
import tensorflow as tf

import mtl_keras as mtl
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError

TEXTS = ["abc. def!", "", "a", "hello worlds " * 20, "cab"]


@pytest.fixture
def encoder(tiny_encoder) -> TextEncoder:
    return tiny_encoder()


@pytest.mark.slow
def test_outputs_by_name(encoder):
    actual = encoder.encode(TEXTS, encoder.output_names)
    assert {name: (array.shape, array.dtype.name) for name, array in actual.items()} == {
        "sentence_embedding": ((5, 8), "float32"),
        "sequence_output": ((5, 16, 8), "float32"),
        "pooled_output": ((5, 8), "float32"),
        "token_ids": ((5, 16), "int32"),
        "padding_mask": ((5, 16), "bool"),
    }
    assert actual["padding_mask"].sum(axis=1).tolist() == [10, 2, 3, 16, 5]
    assert not actual["sequence_output"][~actual["padding_mask"]].any()
    assert not actual["token_ids"][~actual["padding_mask"]].any()
    assert list(encoder.encode(["a"])) == ["sentence_embedding"]


@pytest.mark.slow
def test_order_and_batches_do_not_matter(encoder):
    names = encoder.output_names
    together = encoder.encode(TEXTS, names)
    for index, text in enumerate(TEXTS):
        alone = encoder.encode([text], names)
        for name, array in alone.items():
            row = together[name][index]
            row = row[: array.shape[1]] if row.shape != array.shape[1:] else row
            np.testing.assert_allclose(row, array[0], atol=1e-6)
    by_two = encoder.encode(TEXTS, names, batch_size=2)
    for name in names:
        np.testing.assert_allclose(by_two[name], together[name], atol=1e-6)


@pytest.mark.slow
def test_the_whole_longest_text_is_read_up_to_max_length(encoder):
    longest = encoder.tokenizer.max_length - 2
    same, cut = encoder.encode(["a " * longest, "a " * (longest + 5)])["sentence_embedding"]
    np.testing.assert_allclose(same, cut, atol=1e-6)


@pytest.mark.slow
def test_no_text_gives_no_row(encoder):
    actual = encoder.encode([], ("sentence_embedding", "sequence_output", "token_ids"))
    shapes = {name: array.shape for name, array in actual.items()}
    assert shapes == {
        "sentence_embedding": (0, 8),
        "sequence_output": (0, 0, 8),
        "token_ids": (0, 0),
    }


@pytest.mark.slow
def test_any_sequence_of_strings_will_do(encoder):
    expected = encoder.encode(TEXTS)["sentence_embedding"]
    for texts in (tuple(TEXTS), np.array(TEXTS), np.array(TEXTS, object), iter(TEXTS)):
        np.testing.assert_array_equal(encoder.encode(texts)["sentence_embedding"], expected)


@pytest.mark.slow
def test_one_trace_serves_all_shapes(encoder):
    for texts in (["a"], ["a", "abc"], TEXTS):
        encoder.encode(texts)
    assert encoder._forward.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_new_weights_count_at_once(encoder):
    before = encoder.encode(["a"])["sentence_embedding"]
    weight = encoder.transformer.get_layer("block_1").weights[0]
    weight.assign(weight * 2)
    assert not np.allclose(encoder.encode(["a"])["sentence_embedding"], before)


@pytest.mark.slow
def test_normalized_where_the_source_says_so_but_not_for_heads(encoder):
    plain = encoder.encode(TEXTS)["sentence_embedding"]
    scaled = TextEncoder(encoder.tokenizer, encoder.config, encoder.transformer, normalize=True)
    actual = scaled.encode(TEXTS)["sentence_embedding"]
    np.testing.assert_allclose(actual, plain / np.linalg.norm(plain, axis=1, keepdims=True), 1e-5)
    assert scaled.transformer is encoder.transformer


@pytest.mark.slow
def test_config_round_trip(encoder):
    config = json.loads(json.dumps(encoder.get_config()))
    again = TextEncoder.from_config(config)
    assert again.get_config() == encoder.get_config()
    again.transformer.set_weights(encoder.transformer.get_weights())
    np.testing.assert_array_equal(
        again.encode(TEXTS)["sentence_embedding"], encoder.encode(TEXTS)["sentence_embedding"]
    )


def test_a_config_names_its_classes_and_older_ones_are_read_without(encoder):
    config = encoder.get_config()
    kinds = [config[name]["registered_name"] for name in ("tokenizer", "config")]
    assert kinds == ["mtl_keras>WordpieceTokenizer", "mtl_keras>EncoderConfig"]
    older = config | {name: config[name]["config"] for name in ("tokenizer", "config")}
    assert TextEncoder.from_config(older).get_config() == config


@pytest.mark.slow
def test_precision_is_kept_and_answers_are_float32(tiny_encoder):
    mixed = tiny_encoder(dtype="mixed_bfloat16")
    again = TextEncoder.from_config(mixed.get_config())
    assert again.transformer.get_layer("block_0").compute_dtype == "bfloat16"
    actual = mixed.encode(TEXTS, mixed.output_names)
    expected = tiny_encoder().encode(TEXTS, mixed.output_names)
    assert actual["sequence_output"].dtype == np.float32
    np.testing.assert_allclose(actual["sequence_output"], expected["sequence_output"], atol=0.2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("texts", "arguments", "message"),
    [
        ("hello", {}, r"strings: \[text\]"),
        ([None], {}, r"texts\[0\] must be a string\. Received: None"),
        (["a", 1.5], {}, r"texts\[1\] must be a string\. Received: 1.5"),
        (["a"], {"outputs": ("logits",)}, "sentence_embedding, token_ids, padding_mask. Received"),
        (["a"], {"outputs": "token_ids"}, "outputs must be a list"),
        (["a"], {"batch_size": 0}, "batch_size must be a whole number from 1. Received: 0"),
    ],
)
def test_wrong_arguments(encoder, texts, arguments, message):
    with pytest.raises(InputError, match=message):
        encoder.encode(texts, **arguments)


def test_public_face():
    assert mtl.TextEncoder is TextEncoder
    assert tf.executing_eagerly()
