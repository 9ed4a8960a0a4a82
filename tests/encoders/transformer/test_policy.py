"""Which dtype policies a transformer takes."""

import pytest

from mtl_keras.encoders.transformer.policy import check_policy
from mtl_keras.errors import InputError


@pytest.mark.parametrize("policy", [None, "float32", "mixed_float16", "mixed_bfloat16", "float64"])
def test_those_of_real_numbers(policy):
    check_policy(policy)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("int8_from_float32", "cannot train; use float32, mixed_bfloat16"),
        ("mixed_flot16", "dtype must be a dtype policy of Keras: .* Received: 'mixed_flot16'"),
        ("int32", "dtype policy int32 is not supported; use float32"),
    ],
)
def test_others_are_refused(policy, message):
    with pytest.raises(InputError, match=message):
        check_policy(policy)
