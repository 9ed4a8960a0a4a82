"""Writes models for LiteRT (formerly TensorFlow Lite): phones, browsers, small machines."""

from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from mtl_keras.errors import WorkError
from mtl_keras.export.conversion.formats import FLOAT16, FLOAT32
from mtl_keras.models.multi_task_model import MultiTaskModel

INPUTS = {
    "token_ids": tf.TensorSpec([None, None], tf.int32, name="token_ids"),
    "padding_mask": tf.TensorSpec([None, None], tf.bool, name="padding_mask"),
}


def write_litert(model: MultiTaskModel, path: str | Path, precision: str) -> None:
    """Writes a model as a `.tflite` file with Keras's exporter, using only LiteRT's own operations.

    Its only signature takes `token_ids` and `padding_mask`, `(batch, length)` of any size from 1,
    and returns each task's scores by name, as `TaskHead` documents them.

    Args:
        model: a trained model.
        path: of the file, ending in `.tflite`.
        precision: of the weights; `int8` is LiteRT's dynamic-range quantization, which also
            computes products in 8 bits.

    Raises:
        WorkError: the converter cannot express the model.
    """
    target: dict = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    if precision == FLOAT16:
        target["supported_types"] = [tf.float16]
    try:
        keras.Model.export(  # the model's own takes strings
            model,
            str(path),
            format="litert",
            verbose=False,
            input_signature=[INPUTS],
            optimizations=[] if precision == FLOAT32 else [tf.lite.Optimize.DEFAULT],
            target_spec=target,
        )
    except ConverterError as error:
        reason = str(error).splitlines()[0][:200]
        raise WorkError(f"{path}: LiteRT cannot hold this model: {reason}") from error
