"""Heads: shapes, ranges, config."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.models.heads import TaskHead, used_part
from mtl_keras.models.kinds import kind_of
from mtl_keras.models.loading import load_model
from mtl_keras.models.multi_task_model import MultiTaskModel


@pytest.mark.parametrize(
    ("task", "inputs", "shape"),
    [
        (Task("topic", labels=["a", "b", "c"]), (2, 8), (2, 3)),
        (Task("tags", kind="multilabel", labels=["a", "b"]), (2, 8), (2, 2)),
        (Task("stars", kind="regression"), (2, 8), (2,)),
        (Task("entities", kind="tagging", labels=["a", "b"]), (2, 5, 8), (2, 5, 5)),
        (Task("parts", kind="token_labels", labels=["a", "b"]), (2, 5, 8), (2, 5, 2)),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_shapes_and_config(task, inputs, shape):
    head = TaskHead(task)
    outputs = head(tf.random.stateless_normal(inputs, (1, 2)))
    assert outputs.shape == shape
    if kind_of(task).link.activation == "softmax":
        np.testing.assert_allclose(tf.reduce_sum(outputs, -1), 1.0, rtol=1e-5)
    copy = TaskHead.from_config(head.get_config())
    assert copy.get_config() == head.get_config()


def test_dropout_only_while_it_trains():
    head = TaskHead(Task("stars", kind="regression"), dropout=0.5)
    inputs = tf.ones((4, 64))
    still = head(inputs)
    assert not np.allclose(head(inputs, training=True), still)
    head.trainable = False
    np.testing.assert_array_equal(head(inputs, training=True), still)


def test_heads_answer_in_float32_whatever_the_policy():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        head = TaskHead(Task("topic", labels=["a", "b", "c"]))
        assert head(tf.zeros((1, 4), tf.bfloat16)).dtype == tf.float32
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("pooling", "task", "stays"),
    [
        ("mean", Task("topic", labels=["x", "y"]), False),
        ("pooler", Task("parts", kind="token_labels", labels=["x", "y"]), False),
        ("pooler", Task("topic", labels=["x", "y"], reads="block_0"), False),
        ("pooler", Task("topic", labels=["x", "y"]), True),
        ("pooler", Task("topic", labels=["x", "y"], reads="mix"), True),
    ],
)
def test_a_pooler_stays_only_if_a_head_reads_it(pooling, task, stays, tiny_bert):
    encoder = TextEncoder.from_pretrained(str(tiny_bert), max_length=16, pooling=pooling)
    assert used_part(encoder, [task]).config.pooler == stays


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["token_labels", "classification"])
def test_embeddings_are_the_same_after_a_file(kind, tiny_bert, tmp_path):
    encoder = TextEncoder.from_pretrained(str(tiny_bert), max_length=16, pooling="pooler")
    model = MultiTaskModel(encoder, [Task("task", kind=kind, labels=["x", "y"])])
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    vectors = (of.encoder.encode(["a b", "c"])["sentence_embedding"] for of in (model, again))
    np.testing.assert_array_equal(*vectors)
