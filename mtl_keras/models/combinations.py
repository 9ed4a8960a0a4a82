"""Gradient combinations: the Gramian of the tasks' gradients → a weight for each gradient.

With `g_k` the gradient of task k's loss over the shared weights that train, the Gramian is
`G_kl = ⟨g_k, g_l⟩`, `(K, K)`, and the combined gradient is `Σ w_k g_k`. Formulas and papers are in
`plans.combination`. The K numbers are computed in float64, as a Gramian in float32 may be nearly
singular; ranks are judged at float32's precision, which the Gramian has.

A task whose gradient is zero has no say: the others are combined as if it were not there. A single
gradient has weight 1. If the Gramian is not finite, every weight is NaN, so that the training
stops and says why.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from mtl_keras.models.interior_point import Convex, minimize, solve

RANK = float(np.finfo(np.float32).eps)  # share of the largest eigenvalue, times K, that counts as 0
NEWTON_STEPS = 40
STATIONARY = 1e-4  # norm of CAGrad's worst case, at trace 1, from which there is no direction
TINY = 1e-12


class _Gram(NamedTuple):
    """A Gramian, ready to be computed with.

    Args:
        matrix: `(K, K)` float64, finite, scaled so that the tasks' squared norms are 1 on average.
        present: `(K,)`, 1 for each task that has a gradient, else 0.
        squared_norm: the mean squared norm by which the matrix is divided.
        fault: 0; NaN if the Gramian is not finite.
    """

    matrix: tf.Tensor
    present: tf.Tensor
    squared_norm: tf.Tensor
    fault: tf.Tensor

    @classmethod
    def of(cls, gramian: tf.Tensor) -> "_Gram":
        given = tf.cast(gramian, tf.float64)
        is_finite = tf.reduce_all(tf.math.is_finite(given))
        finite = tf.where(is_finite, given, tf.eye(given.shape[0], dtype=given.dtype))
        norms = tf.linalg.diag_part(finite)
        present = tf.cast(norms > 0, given.dtype)
        mean = tf.math.divide_no_nan(tf.reduce_sum(norms), tf.reduce_sum(present))
        fault = tf.where(is_finite, tf.constant(0.0, given.dtype), np.nan)
        return cls(tf.math.divide_no_nan(finite, mean), present, mean, fault)

    @property
    def count(self) -> tf.Tensor:
        """How many tasks have a gradient, at least 1."""
        return tf.maximum(tf.reduce_sum(self.present), 1.0)

    @property
    def mean(self) -> tf.Tensor:
        """The weights of the mean gradient, `(K,)`."""
        return self.present / self.count

    def checked(self, weights: tf.Tensor) -> tf.Tensor:
        """Returns the weights `(K,)`, in float32."""
        weights = tf.where(self.count > 1, weights * self.present, self.present)
        return tf.cast(weights + self.fault, tf.float32)


def seeds(seed: int, step: tf.Tensor) -> tf.Tensor:
    """Returns the start of a stateless random generator, `(2,)`."""
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(step, tf.int64)])


def random_orders(tasks: int, seed: int, step: tf.Tensor) -> tf.Tensor:
    """Returns for each task a random order of all tasks, `(K, K)`, by seed and step."""
    drawn = tf.random.stateless_uniform((tasks, tasks), seeds(seed, step), alg="philox")
    return tf.argsort(drawn, axis=-1)


def pcgrad(gramian: tf.Tensor, orders: tf.Tensor) -> tf.Tensor:
    """Projects each gradient onto the normal plane of each that it conflicts with (`PCGrad`).

    Args:
        gramian: `(K, K)`.
        orders: for each task the order in which it meets the others, `(K, K)`.
    """
    gram = _Gram.of(gramian)
    tasks = gram.matrix.shape[0]
    norms = tf.linalg.diag_part(gram.matrix)
    mixes = tf.eye(tasks, dtype=tf.float64)  # row: a task's gradient as a sum of the tasks'
    others = 1 - mixes
    for place in range(tasks):
        met = tf.one_hot(orders[:, place], tasks, dtype=tf.float64) * others
        conflicts = tf.minimum(mixes @ gram.matrix, 0.0)
        mixes -= met * tf.math.divide_no_nan(conflicts, norms)
    return gram.checked(tf.reduce_sum(mixes, 0))


def gradvac(
    gramian: tf.Tensor, orders: tf.Tensor, targets: tf.Tensor, beta: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Raises the cosine of each pair of gradients to its mean so far (`GradVac`).

    Args:
        gramian: `(K, K)`.
        orders: as in `pcgrad`.
        targets: the cosines' moving averages, `(K, K)`, zeros at first.
        beta: share of the newest cosine in them.

    Returns:
        The weights, and the new averages; those of tasks without a gradient stay.
    """
    gram = _Gram.of(gramian)
    tasks = gram.matrix.shape[0]
    norms = tf.sqrt(tf.linalg.diag_part(gram.matrix))
    before = targets = tf.cast(targets, tf.float64)
    mixes = tf.eye(tasks, dtype=tf.float64)
    others = (1 - mixes) * gram.present * gram.present[:, None]
    for place in range(tasks):
        met = tf.one_hot(orders[:, place], tasks, dtype=tf.float64) * others
        along = mixes @ gram.matrix  # (task, other)
        length = tf.sqrt(tf.maximum(tf.reduce_sum(along * mixes, 1, keepdims=True), 0.0))
        cosine = tf.clip_by_value(tf.math.divide_no_nan(along, length * norms), -1.0, 1.0)
        raised = tf.math.divide_no_nan(
            length * (targets * _sine(cosine) - cosine * _sine(targets)), norms * _sine(targets)
        )
        mixes += met * tf.where(cosine < targets, raised, 0.0)
        targets += met * beta * (cosine - targets)
    targets = tf.where(tf.math.is_finite(gram.fault), targets, before)
    return gram.checked(tf.reduce_sum(mixes, 0)), tf.cast(targets, tf.float32)


def cagrad(gramian: tf.Tensor, c: float) -> tf.Tensor:
    """Returns the weights of the conflict-averse gradient (`CAGrad`)."""
    gram = _Gram.of(gramian)
    matrix = gram.matrix / gram.count  # of trace 1
    toward_mean = tf.linalg.matvec(matrix, gram.mean)
    radius = c * tf.sqrt(tf.maximum(tf.tensordot(gram.mean, toward_mean, 1), 0.0))

    absent = 1 - gram.present

    def value(x: tf.Tensor) -> tf.Tensor:
        norm = tf.sqrt(tf.maximum(tf.reduce_sum(x @ matrix * x, -1), TINY))
        return tf.reduce_sum((toward_mean + absent / 2 * x) * x, -1) + radius * norm

    def slopes(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        along = x @ matrix
        norm = tf.sqrt(tf.maximum(tf.reduce_sum(along * x, -1, keepdims=True), TINY))
        unit = along / norm
        curve = radius / norm[..., None] * (matrix - unit[:, :, None] * unit[:, None, :])
        return toward_mean + radius * unit + absent * x, curve + tf.linalg.diag(absent)

    convex = Convex(value=value, slopes=slopes)
    worst = minimize(convex, _start(gram), gram.present)[0] * gram.present
    norm = tf.sqrt(tf.maximum(tf.tensordot(worst, tf.linalg.matvec(matrix, worst), 1), 0.0))
    has_direction = norm >= STATIONARY
    weights = gram.mean + radius / tf.where(has_direction, norm, 1.0) * worst
    return gram.checked(tf.where(has_direction, weights, tf.zeros_like(weights)))


def mgda(gramian: tf.Tensor) -> tf.Tensor:
    """Returns the weights of the shortest vector in the convex hull of the gradients (`MGDA`)."""
    gram = _Gram.of(gramian)
    matrix = gram.matrix + tf.linalg.diag(1 - gram.present)

    hull = Convex.quadratic(matrix, tf.zeros((1, matrix.shape[0]), tf.float64))
    return gram.checked(minimize(hull, _start(gram), gram.present)[0])


def imtl_g(gramian: tf.Tensor) -> tf.Tensor:
    """Returns the weights with which the gradients have equal projections on the sum (`IMTLG`)."""
    gram = _Gram.of(gramian)
    values, vectors, counts = _spectrum(gram)
    norms = tf.sqrt(tf.linalg.diag_part(gram.matrix))
    parts = tf.where(counts, tf.linalg.matvec(vectors, norms, transpose_a=True) / values, 0.0)
    weights = tf.linalg.matvec(vectors, parts)
    total = tf.reduce_sum(weights)
    is_nothing = tf.abs(total) < TINY
    return gram.checked(tf.where(is_nothing, tf.zeros_like(weights), weights / total))


def nash(gramian: tf.Tensor, max_norm: float) -> tf.Tensor:
    """Returns the weights of the Nash bargaining solution (`Nash`): `G w = 1 / w`, w > 0.

    They minimize `½ wᵀ G w - Σ log w`, a self-concordant function: Newton's steps, damped by
    `1 / (1 + λ)`, converge from anywhere (Boyd & Vandenberghe, 2004, "Convex optimization", 9.6).
    """
    gram = _Gram.of(gramian)
    lengths = tf.sqrt(tf.linalg.diag_part(gram.matrix)) + (1 - gram.present)
    cosines = gram.matrix / lengths / lengths[:, None] + tf.linalg.diag(1 - gram.present)
    cosines += TINY * tf.eye(gram.matrix.shape[0], dtype=tf.float64)

    def step(number: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        gradient = tf.linalg.matvec(cosines, x) - 1 / x
        toward = -solve(cosines + tf.linalg.diag(1 / x**2), gradient)
        decrement = tf.sqrt(tf.maximum(-tf.tensordot(gradient, toward, 1), 0.0))
        return number + 1, x + toward / (1 + decrement)

    begin = (tf.constant(0), tf.ones_like(lengths))
    solved = tf.while_loop(lambda number, x: number < NEWTON_STEPS, step, begin)[1]
    weights = gram.present * solved / lengths * tf.sqrt(tf.norm(gram.matrix))
    squared = tf.tensordot(weights, tf.linalg.matvec(gram.matrix, weights), 1)
    norm = tf.sqrt(tf.maximum(squared * gram.squared_norm, 0.0))
    return gram.checked(weights * tf.minimum(tf.math.divide_no_nan(max_norm, norm), 1.0))


def aligned(gramian: tf.Tensor) -> tf.Tensor:
    """Returns the weights that make the gradients' principal components equal (`Aligned`)."""
    gram = _Gram.of(gramian)
    values, vectors, counts = _spectrum(gram)
    least = tf.reduce_min(tf.where(counts, values, np.inf))
    scales = tf.where(counts, tf.sqrt(least / values), 0.0)
    parts = scales * tf.linalg.matvec(vectors, gram.mean, transpose_a=True)
    return gram.checked(tf.linalg.matvec(vectors, parts))


def upgrad(gramian: tf.Tensor, regularization: float) -> tf.Tensor:
    """Projects each gradient onto the cone in which no task loses, and averages (`UPGrad`)."""
    gram = _Gram.of(gramian)
    tasks = gram.matrix.shape[0]
    ridge = regularization * gram.count * tf.eye(tasks, dtype=tf.float64)
    matrix = gram.matrix + tf.linalg.diag(1 - gram.present) + ridge
    least = tf.linalg.diag(gram.mean)  # row: the least weights in a task's projection
    more = minimize(Convex.quadratic(matrix, least @ matrix), tf.ones_like(least))
    return gram.checked(tf.reduce_sum(least + more, 0))


def db_mtl(gramian: tf.Tensor, losses: tf.Tensor) -> tf.Tensor:
    """Returns the weights that give all log-losses' gradients the largest one's norm (`DBMTL`).

    Args:
        gramian: `(K, K)`, of the losses' gradients.
        losses: `(K,)`.
    """
    gram = _Gram.of(gramian)
    norms = tf.sqrt(tf.linalg.diag_part(gram.matrix))
    of_logs = tf.math.divide_no_nan(norms, tf.cast(losses, tf.float64))
    return gram.checked(tf.math.divide_no_nan(tf.reduce_max(of_logs), norms))


def _start(gram: _Gram) -> tf.Tensor:
    """Returns a point inside the simplex of the tasks that have a gradient, `(1, K)`."""
    return (gram.mean + (1 - gram.present))[None]


def _spectrum(gram: _Gram) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns eigenvalues, at least 1e-12, eigenvectors (columns), and which of them count."""
    values, vectors = tf.linalg.eigh(gram.matrix)
    counts = values > tf.reduce_max(values) * gram.matrix.shape[0] * RANK
    return tf.maximum(values, TINY), vectors, counts


def _sine(cosine: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.maximum(1 - cosine**2, 0.0))
