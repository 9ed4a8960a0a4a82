"""The types in which a transformer computes: which of Keras's dtype policies it takes."""

import keras

from mtl_keras.errors import InputError, shown

_OFFERED = "float32, mixed_bfloat16 or mixed_float16"


def check_policy(dtype: str | keras.dtype_policies.DTypePolicy | None) -> None:
    """Checks a Keras dtype policy; the global one if None.

    Raises:
        InputError: it is none of Keras's, is no type of real numbers, or quantizes.
    """
    try:
        policy = keras.config.dtype_policy() if dtype is None else keras.dtype_policies.get(dtype)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"dtype: {shown(dtype)} came, a dtype policy of Keras was expected: {_OFFERED}"
        ) from error
    if policy.quantization_mode:
        raise InputError(
            f"dtype policy {policy.name}: nothing trains in it; take {_OFFERED}, and export with "
            "--precision int8"
        )
    if "float" not in str(policy.compute_dtype):
        raise InputError(f"dtype policy {policy.name}: take {_OFFERED}")
