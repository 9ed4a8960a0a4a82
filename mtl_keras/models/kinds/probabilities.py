"""Arithmetic of probabilities: surprise, divergence, F1."""

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
    """Returns `T² KL(q_T ‖ p_T)` of distributions softened by T: `(..., classes)` → `(...)`.

    Logits are, up to a constant, the logarithms of probabilities: `q_T ∝ q^(1/T)`.
    """
    log_target, log_output = (
        tf.nn.log_softmax(tf.math.log(tf.maximum(probabilities, SMALLEST_TRAINED)) / temperature)
        for probabilities in (target, output)
    )
    terms = tf.exp(log_target) * (log_target - log_output)  # (..., classes)
    return temperature**2 * tf.reduce_sum(terms, axis=-1)


def surprise(probabilities: np.ndarray) -> np.ndarray:
    """Returns minus the logarithm of the probabilities of right classes, of the same shape."""
    return -np.log(np.maximum(probabilities, SMALLEST))


def surprises(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Returns the surprise of each right class that occurs in training: `(answerable,)`.

    Args:
        labels: class indices `(n,)`.
        scores: probabilities `(n, classes)`.
    """
    rows = np.flatnonzero(labels < scores.shape[-1])
    return surprise(scores[rows, labels[rows]])


def matches_by_class(labels: np.ndarray, answers: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts how often each class is answered rightly, answered, and right: `(3, classes)`.

    Args:
        labels: class indices `(n,)`; those that training lacks are classes too.
        answers: class indices `(n,)`; values below 0 are no class.
        num_classes: of the task.
    """
    width = max(num_classes, int(labels.max(initial=-1)) + 1)
    counted = (labels[labels == answers], answers[answers >= 0], labels)
    return np.stack([np.bincount(indices, minlength=width) for indices in counted])


def added(matches: Sequence[np.ndarray]) -> np.ndarray:
    """Sums the counts that `matches_by_class` returned for several chunks."""
    width = max(counts.shape[-1] for counts in matches)
    wide = [np.pad(counts, ((0, 0), (0, width - counts.shape[-1]))) for counts in matches]
    return np.sum(wide, axis=0)


def f1(matched: np.ndarray, predicted: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Returns `2 · matched / (predicted + actual)`; NaN (undefined) if the denominator is 0.

    Example:

    >>> f1(np.array([1, 0]), np.array([2, 0]), np.array([1, 0])).tolist()
    [0.6666666666666666, nan]
    """
    whole = np.asarray(predicted + actual, np.float64)
    return np.divide(2.0 * matched, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def macro_f1(of_classes: np.ndarray, labels: Sequence[str]) -> tuple[float | None, str]:
    """Returns the mean F1 of labels that are right or answered anywhere, as scikit-learn does.

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
    """Returns `part / whole`; None if the whole is 0."""
    return part / whole if whole else None


def linear_classifier(labels: np.ndarray) -> Any:
    """Returns an untrained logistic regression, or a constant answer if all labels are equal."""
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression

    if (labels == labels[0]).all():
        return DummyClassifier(strategy="prior")
    return LogisticRegression(max_iter=MAX_ITERATIONS)


def class_probabilities(probe: object, rows: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns a probe's probabilities `(rows, classes)`; 0 for classes not in its training.

    Args:
        probe: a classifier of scikit-learn, trained on class indices.
        rows: `(rows, hidden)`.
        num_classes: of the task.
    """
    scores = np.zeros((len(rows), num_classes), np.float32)
    scores[:, probe.classes_] = probe.predict_proba(rows)  # type: ignore[attr-defined]
    return scores


def one_hot(indices: np.ndarray, num_classes: int) -> np.ndarray:
    """Returns one-hot rows of class indices: `(rows,)` → `(rows, classes)`, float32."""
    return np.eye(num_classes, dtype=np.float32)[indices]
