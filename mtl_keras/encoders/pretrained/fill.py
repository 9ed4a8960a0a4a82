"""Copies a checkpoint's tensors into the variables of a transformer, and back."""

import math
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.distribution import replicas
from mtl_keras.encoders.pretrained.checkpoint import Checkpoint
from mtl_keras.encoders.pretrained.damage import reading
from mtl_keras.encoders.pretrained.family import TABLES, Family, Stored
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.errors import InputError

NUMBERS_AT_ONCE = 2**20  # elements of a weight that are written at once


def fill(transformer: keras.Model, checkpoint: Checkpoint, config: EncoderConfig) -> None:
    """Gives a transformer the weights of a checkpoint.

    Tensors are read one by one, and tables in ranges of rows, so that little is in memory twice.

    Args:
        transformer: made by `build_transformer(config)`.
        checkpoint: of the same shape.
        config: the transformer's shape.

    Raises:
        InputError: a tensor cannot be read.
    """
    variables = {variable.path: variable for variable in transformer.weights}
    with reading("a tensor"):
        for path, stored, names in checkpoint.family.tensors(config.num_layers, config.pooler):
            if path in TABLES:
                _fill_table(variables[path], checkpoint, stored)
            else:
                _fill_weight(variables[path], checkpoint, stored, names)


def stored_tensors(
    transformer: keras.Model, family: Family, config: EncoderConfig
) -> dict[str, np.ndarray]:
    """Name → tensor, float32, of a transformer's weights as in a file of this family."""
    variables = {variable.path: variable for variable in transformer.weights}
    tensors = {}
    for path, stored, names in family.tensors(config.num_layers, config.pooler):
        value = replicas.value_of(variables[path]).astype(np.float32)
        parts = np.split(value, len(names), axis=-1) if len(names) > 1 else [value]
        for name, part in zip(names, parts, strict=True):
            tensors[name] = np.ascontiguousarray(part.T if stored.transpose else part)
    return tensors


def _fill_table(variable: keras.Variable, checkpoint: Checkpoint, stored: Stored) -> None:
    for rows in _ranges(variable):
        tensor = checkpoint.read(stored.name, rows)  # (rows, hidden)
        _write(variable, rows, _as_float32(tensor))


def _fill_weight(
    variable: keras.Variable, checkpoint: Checkpoint, stored: Stored, names: list[str]
) -> None:
    tensors = (checkpoint.read(name, slice(None)) for name in names)
    parts = [_arrange(tensor, stored, variable.shape) for tensor in tensors]  # (inputs, outputs)
    for rows in _ranges(variable):
        _write(variable, rows, np.concatenate([part[rows] for part in parts], axis=-1))


def _ranges(variable: keras.Variable) -> Iterator[slice]:
    """Ranges of a variable's rows, of a few megabytes each."""
    count, *others = variable.shape
    step = max(1, NUMBERS_AT_ONCE // math.prod(others))
    if not others:
        step = count  # a vector is a concatenation of parts, so a range could cross them
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def _write(variable: keras.Variable, rows: slice, values: np.ndarray) -> None:
    """Writes into the variable's own memory; `assign` would allocate new memory.

    `scatter_update` leaves a variable in a mode in which TensorFlow copies it for every reader. So
    it is used only on other devices than CPUs, where reading may copy anyway.
    """
    indices = tf.range(rows.start, rows.stop)
    for copy in replicas.copies(variable):
        if tf.DeviceSpec.from_string(copy.device).device_type == "CPU":
            memory = tf.raw_ops.ReadVariableOp(resource=copy.handle, dtype=copy.dtype)
            tf.raw_ops.InplaceUpdate(x=memory, i=indices, v=values)
        else:
            copy.scatter_update(tf.IndexedSlices(tf.constant(values), indices))


def _arrange(tensor: np.ndarray, stored: Stored, shape: tuple[int, ...]) -> np.ndarray:
    """One part of a weight, with the same number of axes as the weight."""
    tensor = _as_float32(tensor)
    if stored.transpose:
        tensor = tensor.T
    if tensor.ndim == len(shape):
        return tensor
    return tensor.reshape((shape[0], -1) if len(shape) == 2 else -1)


def _as_float32(tensor: np.ndarray) -> np.ndarray:
    """The tensor as float32; raises `InputError` for integers, which quantized checkpoints hold."""
    if tensor.dtype.kind in "biu":
        raise InputError(
            f"a tensor holds {tensor.dtype.name}, not floating-point numbers; fetch the model in "
            "float32, float16 or bfloat16"
        )
    with np.errstate(over="ignore"):  # the resulting infinity is refused later
        return np.asarray(tensor, "float32")
