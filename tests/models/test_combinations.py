"""Each gradient combination: the same weights as TorchJD's and as references in NumPy and SciPy."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support import combination_references as references

from mtl_keras.models import combinations

TORCHJD = json.loads((Path(__file__).parent / "torchjd_weights.json").read_text())
LOSSES = np.array([0.3, 2.0, 0.7, 1.1, 0.2])

OF_GRAMIAN: dict[str, Callable] = {
    "upgrad": lambda gramian: combinations.upgrad(gramian, 1e-4),
    "mgda": combinations.mgda,
    "cagrad": lambda gramian: combinations.cagrad(gramian, 0.5),
    "imtl_g": combinations.imtl_g,
    "aligned": combinations.aligned,
    "nash": lambda gramian: combinations.nash(gramian, 1.0),
    "db_mtl": lambda gramian: combinations.db_mtl(gramian, LOSSES[: gramian.shape[0]]),
    "pcgrad": lambda gramian: combinations.pcgrad(gramian, in_order(gramian)),
    "gradvac": lambda gramian: combinations.gradvac(
        gramian, in_order(gramian), tf.zeros_like(gramian), 0.5
    )[0],
}
each_combination = pytest.mark.parametrize("name", OF_GRAMIAN)


def in_order(gramian: tf.Tensor) -> tf.Tensor:
    tasks = gramian.shape[0]
    return tf.tile(tf.range(tasks)[None], [tasks, 1])


def weights_of(name: str, gramian: np.ndarray, dtype: type = np.float64) -> np.ndarray:
    return OF_GRAMIAN[name](tf.constant(gramian, dtype)).numpy()


def gradients_of(tasks: int, seed: int, *, conflict: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng((tasks, seed))
    gradients = generator.normal(size=(tasks, 20))
    gradients[1:] -= conflict * gradients[:1]
    return gradients * 10 ** generator.uniform(-0.5, 0.5, size=(tasks, 1))


@pytest.mark.parametrize("case", range(len(TORCHJD["gramians"])))
def test_weights_equal_those_of_torchjd(case):
    content = TORCHJD["gramians"][case]
    gramian = np.array(content["gramian"])
    theirs = {name: np.array(weights) for name, weights in content["weights"].items()}
    for name in ("upgrad", "cagrad", "imtl_g", "aligned"):
        assert weights_of(name, gramian) == pytest.approx(theirs[name], rel=1e-5, abs=1e-5), name
    ours = combinations.pcgrad(tf.constant(gramian), tf.constant(content["orders"]))
    assert ours.numpy() == pytest.approx(theirs["pcgrad"], rel=1e-5, abs=1e-5)
    # Their bargaining stops at a residual of 1e-3, their Frank-Wolfe after 5,000 steps.
    assert weights_of("nash", gramian) == pytest.approx(theirs["nash"], rel=1e-3, abs=1e-4)
    mgda = weights_of("mgda", gramian)
    assert mgda @ gramian @ mgda <= theirs["mgda"] @ gramian @ theirs["mgda"] * (1 + 1e-6)
    assert mgda == pytest.approx(theirs["mgda"], abs=5e-3)


def test_gradvac_follows_torchjd_over_several_steps():
    targets = tf.zeros((3, 3))
    for step in TORCHJD["gradvac"]:
        weights, targets = combinations.gradvac(
            tf.constant(step["gramian"]), tf.constant(step["orders"]), targets, 0.5
        )
        assert weights.numpy() == pytest.approx(step["weights"], rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("tasks", [2, 3, 5])
@pytest.mark.parametrize("conflict", [0.0, 1.0, -1.0])
@pytest.mark.parametrize("name", ["upgrad", "mgda", "cagrad", "imtl_g", "aligned"])
def test_weights_equal_an_independent_solution(name, tasks, conflict):
    gradients = gradients_of(tasks, 0, conflict=conflict)
    reference = getattr(references, name)(gradients)
    gramian = gradients @ gradients.T
    slack = 1e-3 if name == "cagrad" else 1e-5  # SciPy's SLSQP is no more exact
    assert weights_of(name, gramian) == pytest.approx(reference, rel=slack, abs=slack)
    assert weights_of(name, gramian, np.float32) == pytest.approx(reference, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("tasks", [2, 3, 5])
@pytest.mark.parametrize("conflict", [0.0, 1.0])
def test_bargained_weights_are_inverse_to_what_each_task_gains(tasks, conflict):
    gradients = gradients_of(tasks, 0, conflict=conflict)
    for scale in (1e-3, 1e3):
        gramian = scale**2 * gradients @ gradients.T
        weights = weights_of("nash", gramian)
        gains = gramian @ weights
        assert weights.min() > 0
        assert weights * gains == pytest.approx([weights @ gains / tasks] * tasks, rel=1e-5)
        unclipped = np.sqrt(tasks * np.linalg.norm(gramian))
        assert weights @ gains == pytest.approx(min(1, unclipped) ** 2, rel=1e-5)


@pytest.mark.parametrize("tasks", [2, 3, 5])
@pytest.mark.parametrize("conflict", [0.0, 1.0])
def test_pcgrad_and_db_mtl_equal_what_their_papers_do_to_gradients(tasks, conflict):
    gradients = gradients_of(tasks, 1, conflict=conflict)
    gramian = gradients @ gradients.T
    orders = np.argsort(np.random.default_rng(tasks).uniform(size=(tasks, tasks)))
    pcgrad = combinations.pcgrad(tf.constant(gramian), tf.constant(orders)).numpy()
    assert pcgrad == pytest.approx(references.pcgrad(gradients, orders), rel=1e-5, abs=1e-5)
    db_mtl = references.db_mtl(gradients, LOSSES[:tasks])
    assert weights_of("db_mtl", gramian) == pytest.approx(db_mtl, rel=1e-5)


@each_combination
def test_a_single_gradient_is_left_as_it_is(name):
    assert weights_of(name, np.array([[7.0]])) == pytest.approx([1.0])


@each_combination
def test_a_task_without_a_gradient_has_no_say(name):
    gradients = gradients_of(3, 2, conflict=1.0)
    others = weights_of(name, gradients[:2] @ gradients[:2].T)
    gradients[2] = 0
    weights = weights_of(name, gradients @ gradients.T)
    assert weights == pytest.approx([*others, 0.0], rel=1e-6)
    assert weights_of(name, np.diag([0.0, 3.0, 0.0])) == pytest.approx([0, 1, 0])
    assert weights_of(name, np.zeros((3, 3))) == pytest.approx([0, 0, 0])


@each_combination
@pytest.mark.parametrize("fault", [np.nan, np.inf])
def test_a_gramian_that_is_not_finite_gives_no_finite_weight(name, fault):
    gramian = np.eye(3)
    gramian[1, 1] = fault
    assert np.isnan(weights_of(name, gramian)).all()


@each_combination
def test_weights_are_finite_if_gradients_are_opposite_or_equal(name):
    gradient = np.arange(1.0, 5.0)
    for rows in ([gradient, -gradient], [gradient] * 3, [gradient, -gradient, 2 * gradient]):
        gradients = np.array(rows)
        for dtype in (np.float32, np.float64):
            weights = weights_of(name, gradients @ gradients.T, dtype)
            assert np.isfinite(weights).all(), (rows, dtype)
            assert np.linalg.norm(weights @ gradients) < 40 * np.linalg.norm(gradient)


@each_combination
def test_the_size_of_all_gradients_changes_no_weight(name):
    if name == "nash":
        return  # its combined gradient has a norm of at most 1
    gradients = gradients_of(4, 3, conflict=0.5)
    gramian = gradients @ gradients.T
    usual = weights_of(name, gramian)
    for scale in (1e-8, 1e8):
        assert weights_of(name, gramian * scale) == pytest.approx(usual, rel=1e-5, abs=1e-6)


@pytest.mark.slow
@each_combination
def test_xla_computes_the_same_weights(name):
    gradients = gradients_of(3, 4, conflict=1.0)
    gramian = tf.constant(gradients @ gradients.T, tf.float32)
    compiled = tf.function(OF_GRAMIAN[name], jit_compile=True)(gramian)
    assert compiled.numpy() == pytest.approx(OF_GRAMIAN[name](gramian).numpy(), rel=1e-5, abs=1e-6)


def test_random_orders_follow_from_seed_and_step():
    first = combinations.random_orders(5, 3, tf.constant(7)).numpy()
    assert (np.sort(first) == np.arange(5)).all()
    assert (first == combinations.random_orders(5, 3, tf.constant(7)).numpy()).all()
    assert (first != combinations.random_orders(5, 3, tf.constant(8)).numpy()).any()
    assert (first != combinations.random_orders(5, 4, tf.constant(7)).numpy()).any()
