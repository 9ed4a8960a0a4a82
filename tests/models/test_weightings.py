"""Each loss weighting: the same weights as TorchJD's over several steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.models.weightings import weigher_of
from mtl_keras.plans.weighting import (
    DWA,
    EQUAL,
    FAMO,
    GLS,
    RLW,
    STCH,
    Uncertainty,
    Weighting,
)

TORCHJD = json.loads((Path(__file__).parent / "torchjd_weights.json").read_text())["losses"]
TASKS = ("a", "b", "c")
WEIGHTINGS = {
    "uncertainty": Uncertainty(),
    "dwa": DWA(period=2),
    "gls": GLS(),
    "famo": FAMO(),
    "stch": STCH(),
}


def losses_of(values) -> dict[str, tf.Tensor]:
    return dict(zip(TASKS, tf.unstack(tf.constant(values, tf.float32)), strict=True))


def weights_of(weigher, values, step: int = 0, present=(1.0, 1.0, 1.0)) -> np.ndarray:
    weighted = weigher.weighted(losses_of(values), losses_of(present), lambda: tf.constant(step))
    return np.array([float(loss) for loss in weighted.values()]) / values


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_weights_follow_torchjd_over_several_steps(name):
    weigher = weigher_of(WEIGHTINGS[name], TASKS)
    for step, values in enumerate(TORCHJD["losses"]):
        expected = TORCHJD["weights"][name][step]
        assert weights_of(weigher, values) == pytest.approx(expected, rel=1e-5, abs=1e-6)
        weigher.look_again(losses_of(values), losses_of(TORCHJD["later"][step]))


def test_equal_weights_leave_the_very_losses():
    losses = losses_of([1.0, 2.0, 3.0])
    weigher = weigher_of(EQUAL, TASKS)
    weighted = weigher.weighted(losses, losses, lambda: tf.constant(0))
    assert all(weighted[name] is loss for name, loss in losses.items())
    assert not weigher.state


def test_random_weights_follow_from_seed_and_step():
    first, same, later, other = (
        weights_of(weigher_of(RLW(), TASKS, seed), [1.0, 1.0, 1.0], step)
        for seed, step in ((1, 5), (1, 5), (1, 6), (2, 5))
    )
    assert first.sum() == pytest.approx(1.0)
    assert (first == same).all()
    assert (first != later).all() and (first != other).all()


@pytest.mark.parametrize("by", [Uncertainty(), DWA(period=1)])
def test_a_task_without_examples_teaches_nothing(by: Weighting):
    weigher = weigher_of(by, TASKS)
    for _ in range(3):
        weights_of(weigher, np.array([2.0, 1.0, 3.0]), present=(1.0, 1.0, 0.0))
    numbers = {name: variable.numpy() for name, variable in weigher.state.items()}
    learned = numbers.get("log_variance", numbers.get("newer"))
    assert learned[0] != 0 and learned[2] == 0


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_a_loss_that_is_not_finite_stays_so(name):
    weigher = weigher_of(WEIGHTINGS[name], TASKS)
    losses = losses_of([1.0, np.nan, 2.0])
    weighted = weigher.weighted(losses, losses_of([1.0, 1.0, 1.0]), lambda: tf.constant(0))
    assert np.isnan(sum(float(loss) for loss in weighted.values()))
