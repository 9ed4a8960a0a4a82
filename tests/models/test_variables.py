"""A model's variables are read, written and put back by name."""

import numpy as np
import pytest

from mtl_keras.errors import InputError, WorkError
from mtl_keras.models.variables import (
    load_weights,
    put,
    save_weights,
    trained_variables,
    values,
    views,
    weight_variables,
)


@pytest.mark.slow
@pytest.mark.parametrize("groups", [["block_1", "heads/topic"], None])
def test_weights_come_back_whole_those_that_never_train_are_left(tiny_model, tmp_path, groups):
    first, second = tiny_model(), tiny_model()
    for weight in second.weights:
        weight.assign(weight + 1)
    groups = groups or list(first.layer_groups)
    save_weights(first, groups, tmp_path / "deep" / "w.safetensors")
    load_weights(second, tmp_path / "deep" / "w.safetensors")
    for group, layers in first.layer_groups.items():
        for one, other in zip(layers, second.layer_groups[group], strict=True):
            for mine, its in zip(one.get_weights(), other.get_weights(), strict=True):
                assert np.array_equal(mine, its) == (group in groups)


def test_a_place_that_cannot_be_written_is_reported_in_a_line(tiny_model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkError, match="cannot be written"):
        save_weights(tiny_model(), [], tmp_path / "file" / "w.safetensors")


def test_a_checkpoint_of_another_model_is_reported(tiny_model):
    model = _compiled(tiny_model)
    variables = trained_variables(model, ["heads/topic"])
    name = next(iter(variables))
    for arrays in ({}, {name: np.zeros((1, 1), np.float32)}):
        with pytest.raises(InputError, match=f"the checkpoint has no {name} of shape"):
            put(variables, arrays)


def test_what_a_step_changes_is_put_back_to_the_last_bit(tiny_model):
    model = _compiled(tiny_model)
    groups = list(model.layer_groups)
    variables = trained_variables(model, groups)
    assert weight_variables(model, groups).items() <= variables.items()
    before = values(variables)
    for variable in variables.values():
        variable.assign(variable + 1)
    put(variables, before)
    for name, array in views(variables).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def _compiled(tiny_model):
    model = tiny_model()
    model.compile()
    model.optimizer.build(model.trainable_variables)
    return model
