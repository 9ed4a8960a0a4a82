"""A small convex problem over non-negative numbers, solved in a fixed number of Newton steps.

The numbers, one for each task, are float64. All shapes are static, and no step depends on data in
Python, so XLA compiles it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

ITERATIONS = 30
SHRINK = 0.2  # of the complementarity, a step
LEAST_GAP = 1e-13  # complementarity at the end
TO_BOUNDARY = 0.995  # share of the way to the boundary that a step may go
LENGTHS = tuple(0.5**halvings for halvings in range(12))  # of a step, as shares of the longest
OFF_CENTER = 10.0  # factor by which a product x z may differ from the gap
RIDGE = 1e-12  # on a matrix of unit diagonal, so that its Cholesky factor exists


@dataclass(frozen=True, kw_only=True, eq=False)
class Convex:
    """Convex functions, one a problem.

    Args:
        value: points `(problems, points, K)` → values `(problems, points)`.
        slopes: points `(problems, K)` → gradients `(problems, K)`, Hessians `(problems, K, K)`.
    """

    value: Callable[[tf.Tensor], tf.Tensor]
    slopes: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

    @classmethod
    def quadratic(cls, matrix: tf.Tensor, linear: tf.Tensor) -> "Convex":
        """Returns `½ xᵀ M x + bᵀ x` for a matrix `(K, K)` and each row b of `(problems, K)`."""
        return cls(
            value=lambda x: tf.reduce_sum((x @ matrix / 2 + linear[:, None]) * x, -1),
            slopes=lambda x: (x @ matrix + linear, matrix[None]),
        )


def minimize(of: Convex, start: tf.Tensor, summed: tf.Tensor | None = None) -> tf.Tensor:
    """Returns the minima over x ≥ 0, and over a simplex if `summed` is given: `(problems, K)`.

    A primal-dual interior-point method (Nocedal & Wright, 2006, "Numerical optimization", 19.3):
    each step solves `∇f(x) - z - ν s = 0`, `x z = gap`, linearized; its length minimizes the
    barrier function `f(x) - gap Σ log x`, so that it converges if f is not quadratic too.

    Args:
        of: the functions.
        start: positive points `(problems, K)`; they satisfy the constraint of the simplex.
        summed: s `(K,)`, 1 for each number that counts in `Σ s x = 1`, else 0; None: no simplex.
    """

    def step(number: tf.Tensor, x: tf.Tensor, z: tf.Tensor) -> tuple[tf.Tensor, ...]:
        gap = tf.maximum(SHRINK * tf.reduce_mean(x * z, -1, keepdims=True), LEAST_GAP)
        toward = _newton(of, x, z, gap, summed)
        dual = gap / x - z - z / x * toward
        z += _longest(z, dual) * dual
        x = _best(of, x, _longest(x, toward) * toward, gap)
        return number + 1, x, tf.clip_by_value(z, gap / x / OFF_CENTER, gap / x * OFF_CENTER)

    begin = (tf.constant(0), start, tf.ones_like(start))
    return tf.while_loop(lambda number, x, z: number < ITERATIONS, step, begin)[1]


def solve(matrix: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Returns the solutions `(…, K)` of positive definite systems, scaled to a unit diagonal.

    Args:
        matrix: `(…, K, K)`.
        right: the right sides `(…, K)`.
    """
    scale = tf.math.rsqrt(tf.linalg.diag_part(matrix))
    unit = matrix * scale[..., :, None] * scale[..., None, :]
    unit += RIDGE * tf.eye(matrix.shape[-1], dtype=matrix.dtype)
    factor = tf.linalg.cholesky(unit)
    return scale * tf.linalg.cholesky_solve(factor, (scale * right)[..., None])[..., 0]


def _newton(
    of: Convex, x: tf.Tensor, z: tf.Tensor, gap: tf.Tensor, summed: tf.Tensor | None
) -> tf.Tensor:
    """Returns the direction in which x moves, `(problems, K)`; it stays on the simplex."""
    gradient, hessian = of.slopes(x)
    matrix = hessian + tf.linalg.diag(z / x)
    if summed is None:
        return solve(matrix, gap / x - gradient)
    matrix += summed[:, None] * summed  # has no effect on the simplex; is better conditioned
    toward = solve(matrix, gap / x - gradient)
    level = solve(matrix, tf.broadcast_to(summed, tf.shape(x)))
    excess = tf.reduce_sum(summed * (x + toward), -1, keepdims=True) - 1
    return toward - level * excess / tf.reduce_sum(summed * level, -1, keepdims=True)


def _longest(point: tf.Tensor, direction: tf.Tensor) -> tf.Tensor:
    """Returns how far the points may go, at most 1: `(problems, 1)`."""
    falls = direction < 0
    to_boundary = tf.where(falls, -point / tf.where(falls, direction, -1.0), 1e30)
    longest = TO_BOUNDARY * tf.reduce_min(to_boundary, -1, keepdims=True)
    return tf.minimum(longest, tf.ones_like(longest))


def _best(of: Convex, point: tf.Tensor, longest: tf.Tensor, gap: tf.Tensor) -> tf.Tensor:
    """Returns the points on the way, one a problem, at which the barrier function is least."""
    lengths = tf.constant(LENGTHS, point.dtype)
    points = point[:, None] + lengths[:, None] * longest[:, None]  # (problems, lengths, K)
    barrier = of.value(points) - gap * tf.reduce_sum(tf.math.log(points), -1)
    return tf.gather(points, tf.argmin(barrier, -1), batch_dims=1)
