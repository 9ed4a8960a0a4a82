"""Learning rates by group, and stages."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.stages import LearningRates, Stage

GROUPS = ["embeddings", "block_0", "block_1", "heads/topic"]


def test_decay_falls_from_the_top_block_to_the_embeddings():
    rates = LearningRates(heads=1.0, backbone=0.8, decay=0.5).by_group(GROUPS)
    assert rates == {"embeddings": 0.2, "block_0": 0.4, "block_1": 0.8, "heads/topic": 1.0}


@pytest.mark.parametrize(
    "wrong",
    [{"heads": 0.0}, {"backbone": -1e-5}, {"heads": float("nan")}, {"decay": 0.0}, {"decay": 1.1}],
)
def test_rates_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        LearningRates(**wrong)


def test_a_stage_has_epochs():
    with pytest.raises(InputError, match=r"at least 1 epoch\. Received: 0"):
        Stage(epochs=0)
