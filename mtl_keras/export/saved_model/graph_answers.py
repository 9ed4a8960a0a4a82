"""Every task's answer as tensors in the graph, as a SavedModel returns them."""

from collections.abc import Mapping

import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import Words
from mtl_keras.models.kinds.table import kind_of


def task_answer(task: Task, outputs: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
    """The answers from a head's outputs for a batch, as dense tensors.

    Args:
        task: the task of the head.
        outputs: of the head, as in `TaskHead`.
        words: of the batch's texts.

    Returns:
        classification: `label`, string `(batch,)`; `score (batch,)`; `scores (batch, labels)`, in
        the order of `task.labels`.
        multilabel: `label`, string `(batch, most)`, those with a probability above 0.5, padded with
        empty strings; `count (batch,)`, int32, how many; `scores (batch, labels)`.
        regression: `value (batch,)`.
        tagging, padded to the largest number of entities in a text: `label`, string
        `(batch, most)`; `starts`, `limits`, int32, byte offsets in the text, the limit excluded;
        `score`, the mean probability of the entity's words; `count (batch,)`, int32.
        token_labels: the same outputs, with an entry for every word that is read; `score` is the
        probability of its label.

    Example:

    >>> task = Task("tone", labels=["bad", "good"])
    >>> words = Words(*[tf.ragged.constant([[0]])] * 3)
    >>> answer = task_answer(task, tf.constant([[0.25, 0.75]]), words)
    >>> answer["label"].numpy().tolist(), answer["score"].numpy().tolist()
    ([b'good'], [0.75])
    """
    return kind_of(task).graph_answer(task, tf.cast(outputs, tf.float32), words)


def flat(answers: Mapping[str, Mapping[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """Answers by task → by name, such as `topic/label`."""
    return {
        f"{task}/{name}": tensor
        for task, of_task in answers.items()
        for name, tensor in of_task.items()
    }
