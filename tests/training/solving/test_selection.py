"""A head solved on a level: its penalty is chosen by texts that it was not fitted on."""

import numpy as np
import pytest

import mtl_keras as mtl
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.training.solving import selection
from mtl_keras.training.solving.rows import Rows
from mtl_keras.training.solving.selection import PENALTIES, solve_level


def rows_of(task: mtl.Task, features: np.ndarray, labels: np.ndarray) -> Rows:
    """Rows whose parts are one chunk of texts without words."""
    from mtl_keras.training.solving.rows import Part

    part = Part({"label": _Array(labels)}, None, np.arange(len(labels)), len(labels))
    return Rows(task, {"block_0": features}, labels, np.arange(len(labels)), [part])


class _Array:
    """A tensor, as far as rows ask."""

    def __init__(self, values: np.ndarray):
        self._values = values

    def numpy(self) -> np.ndarray:
        return self._values


TOPIC = mtl.Task("topic", labels=["x", "y"])


def noisy(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Forty features of which one decides, mostly."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(count, 40)).astype(np.float32)
    return features, (features[:, 0] + generator.normal(size=count) > 0).astype(int)


def test_noise_is_penalised_and_what_is_separable_is_not():
    features, labels = noisy(80, 0)
    fitted_to_noise = solve_level(
        rows_of(TOPIC, features, labels), rows_of(TOPIC, *noisy(40, 1)), "block_0", seed=0
    )
    assert fitted_to_noise.penalty >= 0.1
    easy = (features[:, 0] > 0).astype(int)
    clean = solve_level(rows_of(TOPIC, features[:, :1], easy), None, "block_0", seed=0)
    assert clean.held_out["accuracy"] > 0.95
    assert {fitted_to_noise.penalty, clean.penalty} <= set(PENALTIES)


def test_held_out_scores_promise_what_new_texts_give():
    features, labels = noisy(300, 2)
    solution = solve_level(rows_of(TOPIC, features, labels), None, "block_0", seed=0)
    new, right = noisy(4000, 3)
    accuracy = np.mean(solution.head(new).argmax(-1) == right)
    assert solution.held_out["accuracy"] == pytest.approx(accuracy, abs=0.06)
    assert solution.converged


def test_the_penalty_is_chosen_on_some_rows_and_the_head_fitted_on_all(monkeypatch):
    features, labels = noisy(200, 4)
    once = rows_of(TOPIC, features, labels)
    thrice = Rows(
        *(TOPIC, {"block_0": np.tile(features, (3, 1))}, np.tile(labels, 3)),
        *(np.arange(600), [*once.parts] * 3),
    )
    monkeypatch.setattr(selection, "MOST_SEARCHED", 300)
    solution = solve_level(thrice, None, "block_0", seed=0)
    # The same choice, by hand: as strong a pull beside the sum of the losses of 200 rows.
    monkeypatch.setattr(selection, "PENALTIES", tuple(3 * penalty for penalty in PENALTIES))
    alone = solve_level(once, None, "block_0", seed=0)
    assert alone.penalty == pytest.approx(3 * solution.penalty)
    monkeypatch.setattr(selection, "PENALTIES", (solution.penalty,))
    monkeypatch.setattr(selection, "MOST_SEARCHED", 600)
    of_all = solve_level(thrice, None, "block_0", seed=0)
    np.testing.assert_allclose(of_all.head.kernel, solution.head.kernel, atol=2e-3)


def test_numbers_in_the_thousands_are_answered_in_the_thousands():
    task = mtl.Task("price", kind="regression")
    features = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    prices = (5000 + 900 * features[:, 1]).astype(np.float32)
    solution = solve_level(rows_of(task, features, prices), None, "block_0", seed=0)
    np.testing.assert_allclose(solution.head(features)[:, 0], prices, atol=30)
    assert solution.held_out["mae"] < 30


def test_the_same_seed_gives_the_same_bits():
    rows = rows_of(TOPIC, *noisy(60, 4))
    first, second = (solve_level(rows, None, "block_0", seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.head.kernel, second.head.kernel)
    assert first.to_json() == second.to_json()


def test_one_label_alone_is_refused():
    features, _ = noisy(20, 6)
    with pytest.raises(mtl.InputError, match="task 'topic': all its training examples have the"):
        solve_level(rows_of(TOPIC, features, np.zeros(20, int)), None, "block_0", seed=0)


def test_kinds_have_a_link_and_targets():
    labels = np.array([0, 2, 1])
    task = mtl.Task("topic", labels=["a", "b", "c"])
    assert kind_of(task).targets(labels, 3).tolist() == np.eye(3)[labels].tolist()
