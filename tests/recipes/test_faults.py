"""What is wrong in a recipe, in one line."""

import pytest
from pydantic import ValidationError

from mtl_keras.recipes.faults import described
from mtl_keras.recipes.schema import RecipeSchema


def test_a_mistyped_key_comes_before_what_is_missing_for_it():
    with pytest.raises(ValidationError) as caught:
        RecipeSchema.model_validate({"encodr": "e", "tasks": {}})
    line = described(caught.value, lambda place: f"<{'.'.join(map(str, place))}>")
    assert line.startswith("<encodr>: unknown key; did you mean 'encoder'? known here: encoder, ")
    assert line.endswith("(and 3 more)")
