"""An optimizer by name, config or value; all other arguments: tests/test_keras_surface.py."""

import keras
import pytest

from mtl_keras.errors import InputError
from mtl_keras.models.compiling import check_compile, checked_optimizer
from mtl_keras.models.optimizers import LayerwiseOptimizer

NOTHING = dict.fromkeys(("loss", "loss_weights", "metrics", "weighted_metrics", "jit_compile"))


@pytest.mark.parametrize("given", ["sgd", keras.optimizers.SGD(), {"class_name": "SGD"}])
def test_any_optimizer_of_keras_serves_every_layer(given):
    given = given | {"config": {}} if isinstance(given, dict) else given
    made = checked_optimizer(given)
    assert isinstance(made, LayerwiseOptimizer)
    assert checked_optimizer(made) is made


@pytest.mark.parametrize("given", ["adamm", 3])
def test_what_is_no_optimizer_is_refused(given):
    with pytest.raises(InputError, match=f"optimizer must be .* Received: {given!r}"):
        checked_optimizer(given)


def test_nothing_need_be_given_but_no_loss_may_be():
    check_compile(NOTHING, ["topic"])
    with pytest.raises(InputError, match="loss='mse': each task's loss follows"):
        check_compile(NOTHING | {"loss": "mse"}, ["topic"])
