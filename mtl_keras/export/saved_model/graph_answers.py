"""Every task's answer as tensors, in the graph: what a SavedModel returns for raw strings."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer import row_ids
from mtl_keras.encoders.tokenizers.wordpiece import Words

THRESHOLD = 0.5  # of a label's probability, for multilabel


def task_answer(task: Task, outputs: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
    """A head's outputs for a batch → its answers, all dense.

    Args:
        task: what was predicted.
        outputs: of the head, as in `TaskHead`.
        words: of the batch's texts; only tagging reads them.

    Returns:
        classification: `label`, string `(batch,)`; `score (batch,)`; `scores (batch, labels)`, in
        the order of `task.labels`.
        multilabel: `label`, string `(batch, most)`, those of a probability over 0.5, padded with
        empty ones; `count (batch,)`, int32, how many; `scores (batch, labels)`.
        regression: `value (batch,)`.
        tagging, padded to the most entities of a text: `label`, string `(batch, most)`; `starts`,
        `limits`, int32, byte offsets into the text, the limit excluded; `score`, the mean
        probability of the entity's words; `count (batch,)`, int32.

    Example:

    >>> task = Task("tone", labels=["bad", "good"])
    >>> answer = task_answer(task, tf.constant([[0.25, 0.75]]), words=None)
    >>> answer["label"].numpy().tolist(), answer["score"].numpy().tolist()
    ([b'good'], [0.75])
    """
    return _ANSWERS[task.kind](task, tf.cast(outputs, tf.float32), words)


def _classification(task: Task, scores: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
    best = tf.argmax(scores, axis=-1)
    return {
        "label": tf.gather(tf.constant(task.labels), best),
        "score": tf.reduce_max(scores, axis=-1),
        "scores": scores,
    }


def _multilabel(task: Task, scores: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
    chosen = scores > THRESHOLD
    places = tf.where(chosen)
    label = tf.gather(tf.constant(task.labels), places[:, 1])
    ragged = _by_text(label, places[:, 0], scores)
    counts = tf.reduce_sum(tf.cast(chosen, tf.int32), axis=-1)
    return {"label": ragged.to_tensor(""), "count": counts, "scores": scores}


def _regression(task: Task, values: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
    return {"value": values}


def _tagging(task: Task, scores: tf.Tensor, words: Words) -> dict[str, tf.Tensor]:
    of_words, texts = _of_words(scores, words.first_piece)
    tags = tf.argmax(of_words, axis=-1, output_type=tf.int32)
    tagged = tags > 0
    span = tf.cumsum(tf.cast(_begins(tags, texts), tf.int32)) - 1
    span, texts = tf.boolean_mask(span, tagged), tf.boolean_mask(texts, tagged)
    count = tf.reduce_max(tf.concat([[-1], span], axis=0)) + 1

    def of_spans(values: tf.Tensor, reduce: Callable[..., tf.Tensor]) -> tf.Tensor:
        return reduce(tf.boolean_mask(values, tagged), span, count)

    columns = {
        "label": tf.gather(
            tf.constant(task.labels), of_spans((tags - 1) // 2, tf.math.unsorted_segment_max)
        ),
        "starts": of_spans(words.starts.values, tf.math.unsorted_segment_min),
        "limits": of_spans(words.limits.values, tf.math.unsorted_segment_max),
        "score": of_spans(tf.reduce_max(of_words, axis=-1), tf.math.unsorted_segment_mean),
    }
    rows = tf.math.unsorted_segment_max(texts, span, count)
    ragged = {name: _by_text(values, rows, scores) for name, values in columns.items()}
    counts = tf.cast(ragged["starts"].row_lengths(), tf.int32)
    return {name: values.to_tensor() for name, values in ragged.items()} | {"count": counts}


_ANSWERS = {
    "classification": _classification,
    "multilabel": _multilabel,
    "regression": _regression,
    "tagging": _tagging,
}


def _of_words(scores: tf.Tensor, first_piece: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The scores `(words, classes)` of all words, and the text of each."""
    length = tf.cast(tf.shape(scores)[1], tf.int64)
    texts = row_ids(first_piece)
    places = texts * length + tf.cast(first_piece.values, tf.int64)
    return tf.gather(tf.reshape(scores, (-1, scores.shape[-1])), places), texts


def _begins(tags: tf.Tensor, texts: tf.Tensor) -> tf.Tensor:
    """Which words begin a span: every B-, and each I- that continues nothing of its type."""
    before = tf.concat([[0], tags], axis=0)[:-1]
    same_text = tf.concat([[-1], texts], axis=0)[:-1] == texts
    inside = tags % 2 == 0
    follows = inside & same_text & (before > 0) & ((before - 1) // 2 == (tags - 1) // 2)
    return (tags > 0) & ~follows


def _by_text(values: tf.Tensor, texts: tf.Tensor, scores: tf.Tensor) -> tf.RaggedTensor:
    """Values in the order of their texts, a row for each row of the scores."""
    count = tf.shape(scores, out_type=tf.int64)[0]
    return tf.RaggedTensor.from_value_rowids(values, texts, nrows=count, validate=False)


def flat(answers: Mapping[str, Mapping[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """Answers by task → by name, `topic/label`."""
    return {
        f"{task}/{name}": tensor for task, each in answers.items() for name, tensor in each.items()
    }
