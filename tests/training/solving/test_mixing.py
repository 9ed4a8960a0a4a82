"""A mix of levels, solved: it finds the level that matters, and never does worse than the mean."""

import numpy as np
import pytest

from mtl_keras.models.heads import LevelMix
from mtl_keras.models.kinds.links import Softmax
from mtl_keras.training.solving.mixing import MixProblem, mixed


@pytest.fixture
def problem() -> MixProblem:
    generator = np.random.default_rng(0)
    levels = [generator.normal(size=(200, 5)).astype(np.float32) for _ in range(3)]
    labels = (levels[1][:, 0] > 0).astype(int)
    return MixProblem(levels, np.eye(2)[labels], Softmax())


def test_the_level_that_decides_gets_the_largest_share(problem):
    actual = problem.solve(0.001, steps=500, tolerance=1e-6)
    shares = Softmax().outputs(actual.scores)
    assert actual.converged
    assert shares.argmax() == 1
    assert shares[1] > 0.6
    answers = actual.head(mixed(problem.levels, actual.scores)).argmax(-1)
    assert np.mean(answers == problem.targets.argmax(-1)) > 0.95


def test_its_gradient_is_that_of_finite_differences(problem):
    generator = np.random.default_rng(1)
    with_ones = [np.c_[level, np.ones(200)].astype(np.float32) for level in problem.levels]
    problem = MixProblem(with_ones, problem.targets.astype(np.float32), Softmax())
    scores, weights = generator.normal(size=3), generator.normal(size=(6, 2))

    def loss(scores):
        return problem._loss(scores, weights, 0.1)[0]

    gradient, step = problem._loss(scores, weights, 0.1)[1], 1e-2
    numeric = [(loss(scores + d) - loss(scores - d)) / (2 * step) for d in step * np.eye(3)]
    np.testing.assert_allclose(gradient[:3], numeric, atol=2e-3)


def test_what_is_mixed_is_what_the_layer_mixes(problem):
    layer = LevelMix(name="topic_mix")
    layer.build([level.shape for level in problem.levels])
    scores = np.array([0.5, -1, 2], np.float32)
    layer.scores.assign(scores)
    np.testing.assert_allclose(layer(problem.levels), mixed(problem.levels, scores), atol=1e-5)
