"""How far features are."""

import numpy as np

from mtl_keras.data import clock
from mtl_keras.training.features.progress import FeatureProgress


def test_the_share_is_that_of_the_word_pieces(monkeypatch):
    monkeypatch.setattr(clock, "SECONDS_BETWEEN_REPORTS", 0.0)
    steps = []
    progress = FeatureProgress(np.array([30, 50, 20]), 1, steps.append)
    progress.add(np.array([1]))
    progress.add(np.array([0, 2]))
    assert steps == ["features of 3 texts: 50%", "features of 3 texts: 100%"]
    assert [(step.what, step.share) for step in steps] == [
        ("computing features", 0.5),
        ("computing features", 1.0),
    ]


def test_a_worker_of_two_encodes_half(monkeypatch):
    monkeypatch.setattr(clock, "SECONDS_BETWEEN_REPORTS", 0.0)
    steps = []
    FeatureProgress(np.array([30, 30]), 2, steps.append).add(np.array([1]))
    assert steps[0].share == 1.0


def test_a_short_work_reports_nothing():
    steps = []
    FeatureProgress(np.array([30]), 1, steps.append).add(np.array([0]))
    assert steps == []
