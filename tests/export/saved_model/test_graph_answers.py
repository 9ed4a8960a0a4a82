"""What a head's outputs say, as dense tensors."""

import numpy as np
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import Words
from mtl_keras.export.saved_model.graph_answers import flat, task_answer


def _arrays(answer):
    return {name: tensor.numpy().tolist() for name, tensor in answer.items()}


def test_several_labels_are_those_over_a_half():
    task = Task("flags", kind="multilabel", labels=["p", "q", "r"])
    scores = tf.constant([[0.9, 0.5, 0.6], [0.1, 0.2, 0.3]])
    answer = _arrays(task_answer(task, scores, words=None))
    assert answer["label"] == [[b"p", b"r"], [b"", b""]]
    assert answer["count"] == [2, 0]
    np.testing.assert_allclose(answer["scores"], scores)


def test_a_number_is_itself():
    answer = task_answer(Task("stars", kind="regression"), tf.constant([1.5, -2.0]), words=None)
    assert _arrays(answer) == {"value": [1.5, -2.0]}


def test_entities_are_runs_of_words():
    """Two texts: `Rome is` with two cities side by side, of which one begins anew, and `a Fiat`."""
    task = Task("entities", kind="tagging", labels=["city", "product"])
    # O, B-city, I-city, B-product, I-product; (texts, pieces, classes)
    tags = [[1, 2, 1, 0], [0, 4, 0, 0]]
    scores = tf.one_hot(tags, 5, on_value=0.8, off_value=0.05)
    words = Words(
        first_piece=tf.ragged.constant([[0, 1, 2], [0, 1]], dtype=tf.int32),
        starts=tf.ragged.constant([[0, 5, 10], [0, 2]], dtype=tf.int32),
        limits=tf.ragged.constant([[4, 9, 14], [1, 6]], dtype=tf.int32),
    )
    answer = _arrays(task_answer(task, scores, words))
    assert answer["label"] == [[b"city", b"city"], [b"product", b""]]
    assert answer["starts"] == [[0, 10], [2, 0]]
    assert answer["limits"] == [[9, 14], [6, 0]]
    assert answer["count"] == [2, 1]
    np.testing.assert_allclose(answer["score"], [[0.8, 0.8], [0.8, 0]], rtol=1e-6)


def test_answers_have_the_tasks_name_before_them():
    assert flat({"topic": {"label": 1, "score": 2}, "stars": {"value": 3}}) == {
        "topic/label": 1,
        "topic/score": 2,
        "stars/value": 3,
    }
