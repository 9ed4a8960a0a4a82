"""Links: Keras's activations, and gradients that are outputs minus targets."""

import keras
import numpy as np
import pytest

from mtl_keras.models.kinds.links import Identity, Link, Sigmoid, Softmax

TARGETS = {
    Softmax: np.eye(4)[[0, 2, 3]],
    Sigmoid: np.array([[0, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]], float),
    Identity: np.random.default_rng(0).normal(size=(3, 4)),
}
LINKS = pytest.mark.parametrize(
    "link", [Softmax(), Sigmoid(), Identity()], ids=lambda x: x.activation
)


@pytest.fixture
def logits() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 5, (3, 4))


@LINKS
def test_outputs_are_those_of_the_activation(link: Link, logits):
    expected = keras.activations.get(link.activation)(keras.ops.convert_to_tensor(logits))
    np.testing.assert_allclose(link.outputs(logits), expected, atol=1e-6)
    outputs, _ = link.measured(logits.copy(), TARGETS[type(link)])
    np.testing.assert_allclose(outputs, expected, atol=1e-6)


@LINKS
def test_the_gradient_of_the_loss_is_outputs_minus_targets(link: Link, logits):
    targets, step = TARGETS[type(link)], 1e-5
    numeric = np.zeros_like(logits)
    for place in np.ndindex(logits.shape):
        moved = [logits.copy(), logits.copy()]
        moved[0][place] += step
        moved[1][place] -= step
        above, below = (link.measured(logits, targets)[1].sum() for logits in moved)
        numeric[place] = (above - below) / (2 * step)
    np.testing.assert_allclose(numeric, link.outputs(logits) - targets, atol=1e-6)


@LINKS
def test_losses_stay_finite_far_out(link: Link):
    far = np.array([[1e4, -1e4, 0, 0]])
    outputs, losses = link.measured(far.copy(), TARGETS[type(link)][:1])
    assert np.isfinite(outputs).all()
    assert np.isfinite(losses).all()


def test_only_numbers_are_scaled():
    targets = np.array([[1000.0], [3000.0]])
    offset, scale = Identity().scale(targets)
    np.testing.assert_allclose((targets - offset) / scale, [[-1], [1]])
    assert Identity().scale(np.array([[5.0], [5.0]]))[1] == 1
    assert Softmax().scale(np.eye(2))[0].tolist() == [0, 0]
