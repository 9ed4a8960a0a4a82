"""Arithmetic of probabilities: how surprising, how far apart, how often right."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mtl_keras.errors import listed

MAX_ITERATIONS = 1000  # of a classifier of scikit-learn
SMALLEST = 1e-7  # of a probability that is measured, before its logarithm
UNTRAINED = "a label that training lacks"
SMALLEST_TRAINED = 1e-30  # of one that a gradient goes through


def softened_divergence(target: tf.Tensor, output: tf.Tensor, temperature: float) -> tf.Tensor:
    """`T² KL(q_T ‖ p_T)` of distributions softened by T: `(..., classes)` twice → `(...)`.

    Logits are, up to a constant, the logarithms of probabilities: `q_T ∝ q^(1/T)`.
    """
    log_target, log_output = (
        tf.nn.log_softmax(tf.math.log(tf.maximum(each, SMALLEST_TRAINED)) / temperature)
        for each in (target, output)
    )
    terms = tf.exp(log_target) * (log_target - log_output)  # (..., classes)
    return temperature**2 * tf.reduce_sum(terms, axis=-1)


def surprise(probabilities: np.ndarray) -> np.ndarray:
    """Minus the logarithm of the probability of what is right, of the same shape."""
    return -np.log(np.maximum(probabilities, SMALLEST))


def surprises(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The surprise of each right class, without labels that training lacks: `(answerable,)`.

    Args:
        labels: class indices `(n,)`.
        scores: probabilities `(n, classes)`.
    """
    rows = np.flatnonzero(labels < scores.shape[-1])
    return surprise(scores[rows, labels[rows]])


def matches_by_class(labels: np.ndarray, answers: np.ndarray, num_classes: int) -> np.ndarray:
    """How often each class is answered rightly, answered, and right: `(3, classes)`.

    Args:
        labels: class indices `(n,)`; those that training lacks are classes too.
        answers: likewise; what is below 0 is no class.
        num_classes: of the task.
    """
    width = max(num_classes, int(labels.max(initial=-1)) + 1)
    counted = (labels[labels == answers], answers[answers >= 0], labels)
    return np.stack([np.bincount(indices, minlength=width) for indices in counted])


def added(matches: Sequence[np.ndarray]) -> np.ndarray:
    """The sum of what `matches_by_class` counted of several chunks."""
    width = max(counts.shape[-1] for counts in matches)
    wide = [np.pad(counts, ((0, 0), (0, width - counts.shape[-1]))) for counts in matches]
    return np.sum(wide, axis=0)


def f1(matched: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """`2 · matched / (predicted + actual)`, and NaN where there is neither: it is undefined.

    Example:

    >>> f1(np.array([1, 0]), np.array([2, 0]), np.array([1, 0])).tolist()
    [0.6666666666666666, nan]
    """
    whole = np.asarray(predicted + actual, np.float64)
    return np.divide(2.0 * matched, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def macro_f1(of_classes: np.ndarray, labels: Sequence[str]) -> tuple[float | None, str]:
    """The mean F1 of the labels that are right or answered anywhere, as scikit-learn takes it.

    Args:
        of_classes: `(3, labels)`, as `matches_by_class` counts them.
        labels: of the task; what is counted beyond them are labels that training lacks.

    Returns:
        The mean, None without such a label; and which labels it is over, empty if over all.

    Example:

    >>> macro_f1(np.array([[2, 1, 0], [2, 1, 0], [2, 1, 0]]), ["bad", "good", "mixed"])
    (1.0, "over 2 of 3 labels; neither the examples nor the answers have 'mixed'")
    """
    scores = f1(*of_classes)
    names = np.array([*labels, *[UNTRAINED] * (len(scores) - len(labels))], object)
    within, without = names[~np.isnan(scores)], names[np.isnan(scores)]
    if not len(within):
        return None, "undefined: neither the examples nor the answers have any label"
    if not len(without):
        return float(np.mean(scores)), ""
    which = f"neither the examples nor the answers have {listed(without)}"
    if len(within) < len(without):
        which = f"the examples and the answers have {listed(within)} alone"
    return float(np.nanmean(scores)), f"over {len(within)} of {len(names)} labels; {which}"


def ratio(part: float, whole: float) -> float | None:
    """The share; None of nothing."""
    return part / whole if whole else None


def linear_classifier(labels: np.ndarray) -> Any:
    """Logistic regression, untrained; if all labels `(rows,)` are one, what always answers it."""
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression

    if (labels == labels[0]).all():
        return DummyClassifier(strategy="prior")
    return LogisticRegression(max_iter=MAX_ITERATIONS)


def class_probabilities(probe: object, rows: np.ndarray, num_classes: int) -> np.ndarray:
    """Probabilities `(rows, classes)` of a probe; classes that it has not met have 0.

    Args:
        probe: a classifier of scikit-learn, trained on class indices.
        rows: `(rows, hidden)`.
        num_classes: of the task.
    """
    scores = np.zeros((len(rows), num_classes), np.float32)
    scores[:, probe.classes_] = probe.predict_proba(rows)  # type: ignore[attr-defined]
    return scores


def one_hot(indices: np.ndarray, num_classes: int) -> np.ndarray:
    """A 1 in the column of each class index, `(rows,)` → `(rows, classes)`, float32."""
    return np.eye(num_classes, dtype=np.float32)[indices]
