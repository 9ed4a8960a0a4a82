"""A convex loss, minimised: scikit-learn's optimum, folds side by side, heads on plain features."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from mtl_keras.models.kinds.links import Identity, Sigmoid, Softmax
from mtl_keras.training.solving.linear import LinearHead, Problems, Scaling, fold_shares

ROWS, WIDTH = 120, 6
NONE = (np.zeros(1), np.ones(1))


@pytest.fixture
def features() -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.normal(3, [1, 10, 0.1, 5, 2, 1], (ROWS, WIDTH)).astype(np.float32)


def solved(features, targets, link, penalty):
    scaling = Scaling.of(features)
    whole = np.full((len(features), 1), 1 / len(features), np.float32)
    problems = Problems(scaling(features), targets.astype(np.float32), whole, link)
    actual = problems.solve(penalty, problems.start(), steps=500, tolerance=1e-6)
    assert actual.converged
    return LinearHead.unscaled(actual.weights[:, 0], scaling, *NONE), scaling


def test_classes_are_scikit_learns(features):
    labels = (features[:, 1] + 3 * np.random.default_rng(1).normal(size=ROWS) > 3).astype(int)
    labels[features[:, 3] > 8] = 2
    head, scaling = solved(features, np.eye(3)[labels], Softmax(), 0.01)
    peer = LogisticRegression(C=1 / (0.01 * ROWS), tol=1e-8, max_iter=10_000)
    peer.fit(scaling(features)[:, :-1], labels)
    expected = peer.predict_proba(scaling(features)[:, :-1])
    np.testing.assert_allclose(Softmax().outputs(head(features)), expected, atol=2e-3)


def test_independent_classes_are_scikit_learns(features):
    labels = np.stack([features[:, 0] > 3, features[:, 4] > 4], axis=1).astype(int)
    head, scaling = solved(features, labels, Sigmoid(), 0.05)
    for column in range(2):
        peer = LogisticRegression(C=1 / (0.05 * ROWS), tol=1e-8, max_iter=10_000)
        peer.fit(scaling(features)[:, :-1], labels[:, column])
        expected = peer.predict_proba(scaling(features)[:, :-1])[:, 1]
        np.testing.assert_allclose(
            Sigmoid().outputs(head(features))[:, column], expected, atol=2e-3
        )


def test_numbers_are_scikit_learns(features):
    targets = (features @ np.arange(WIDTH))[:, np.newaxis]
    head, scaling = solved(features, targets, Identity(), 0.1)
    peer = Ridge(alpha=0.1 * ROWS).fit(scaling(features)[:, :-1], targets)
    expected = peer.predict(scaling(features)[:, :-1])
    np.testing.assert_allclose(head(features), expected.reshape(-1, 1), atol=0.01)


def test_a_head_on_plain_features_answers_as_weights_on_scaled_ones(features):
    features[:, 2] = 7  # constant
    scaling, generator = Scaling.of(features), np.random.default_rng(2)
    weights = generator.normal(size=(WIDTH + 1, 2)).astype(np.float32)
    offset, scale = np.array([5.0, -1.0]), np.array([2.0, 3.0])
    head = LinearHead.unscaled(weights, scaling, offset, scale)
    expected = scaling(features) @ weights * scale + offset
    np.testing.assert_allclose(head(features), expected, atol=1e-3)


def test_each_problem_is_solved_as_if_alone(features):
    labels = np.eye(2)[(features[:, 1] > 3).astype(int)].astype(np.float32)
    texts = np.arange(ROWS) // 2
    shares, folds = fold_shares(texts, 3, seed=0)
    scaled = Scaling.of(features)(features)
    together = Problems(scaled, labels, shares, Softmax())
    actual = together.solve(0.1, together.start(), steps=500, tolerance=1e-6)
    kept = folds != 1
    alone = Problems(scaled[kept], labels[kept], shares[kept, 2:3], Softmax())
    expected = alone.solve(0.1 * ROWS / kept.sum(), alone.start(), steps=500, tolerance=1e-6)
    np.testing.assert_allclose(actual.weights[:, 2], expected.weights[:, 0], atol=2e-3)


def test_rows_of_a_text_share_a_fold_and_shares_sum_to_one():
    texts = np.repeat(np.arange(30), 4)
    shares, folds = fold_shares(texts, 3, seed=1)
    np.testing.assert_allclose(shares.sum(0), 1, rtol=1e-5)
    assert all(len(set(folds[texts == text])) == 1 for text in range(30))
    assert sorted(set(folds)) == [0, 1, 2]
    assert (shares[:, 1:][np.arange(120), folds] == 0).all()


def test_a_solver_that_runs_out_of_steps_says_so(features):
    targets = np.eye(2)[(features[:, 1] > 3).astype(int)].astype(np.float32)
    whole = np.full((ROWS, 1), 1 / ROWS, np.float32)
    problems = Problems(Scaling.of(features)(features), targets, whole, Softmax())
    assert not problems.solve(1e-4, problems.start(), steps=2, tolerance=1e-9).converged
