"""Checks which Keras dtype policies a transformer supports."""

import keras

from mtl_keras.errors import InputError, shown

_OFFERED = "float32, mixed_bfloat16 or mixed_float16"


def check_policy(dtype: str | keras.dtype_policies.DTypePolicy | None) -> None:
    """Checks a Keras dtype policy; None means the global one.

    Raises:
        InputError: Keras has no such policy, or it quantizes or does not compute in floats.
    """
    try:
        policy = keras.config.dtype_policy() if dtype is None else keras.dtype_policies.get(dtype)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"dtype must be a dtype policy of Keras: {_OFFERED}. Received: {shown(dtype)}"
        ) from error
    if policy.quantization_mode:
        raise InputError(
            f"dtype policy {policy.name} cannot train; use {_OFFERED}, and export with "
            "--precision int8"
        )
    if "float" not in str(policy.compute_dtype):
        raise InputError(f"dtype policy {policy.name} is not supported; use {_OFFERED}")
