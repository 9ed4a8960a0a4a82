"""The names of splits."""

import pytest

from mtl_keras.data.splits import SPLITS, check_splits
from mtl_keras.errors import InputError


def test_another_split_is_refused_with_the_nearest_name():
    check_splits("topic", SPLITS)
    with pytest.raises(InputError, match=r"task 'topic': the splits .* did you mean 'validation'"):
        check_splits("topic", ["train", "valid"])
