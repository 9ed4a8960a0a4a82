"""Writes models for ONNX Runtime and other readers of ONNX."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from mtl_keras.export.conversion.formats import FLOAT16, INT8
from mtl_keras.export.conversion.litert import INPUTS
from mtl_keras.export.conversion.onnx_int8 import quantized
from mtl_keras.models.multi_task_model import MultiTaskModel

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET = 17  # of ONNX 1.12 (2022), which current runtimes read
AXES = ("batch", "length")


def write_onnx(model: MultiTaskModel, path: str | Path, precision: str) -> None:
    """Writes a model as an `.onnx` file with Keras's exporter.

    Its inputs are `token_ids` and `padding_mask`, `(batch, length)` of any size; its outputs are
    each task's scores by name, float32, as `TaskHead` documents them.

    Args:
        model: a trained model.
        path: of the file.
        precision: of the weights; with `float16` the arithmetic is in float16 too, with `int8`
            products are computed in 8 bits.
    """
    import onnx

    with _quiet():
        _teach_erfc()
        keras.Model.export(  # the model's own takes strings
            model,
            str(path),
            format="onnx",
            verbose=False,
            input_signature=[INPUTS],
            opset_version=OPSET,
        )
        graph = onnx.load(str(path))
        _name_axes(graph)
        onnx.save(_in(graph, precision), str(path))


def _in(graph: "ModelProto", precision: str) -> "ModelProto":
    """The ONNX model with weights of this precision."""
    if precision == FLOAT16:
        from onnxruntime.transformers.float16 import convert_float_to_float16

        return convert_float_to_float16(graph, keep_io_types=True)
    if precision == INT8:
        return quantized(graph)
    return graph


def _name_axes(graph: "ModelProto") -> None:
    """Names the axes `batch` and `length`, which tf2onnx numbers; removes its inner shapes."""
    for value in (*graph.graph.input, *graph.graph.output):
        for size, name in zip(value.type.tensor_type.shape.dim, AXES, strict=False):
            if size.dim_param:
                size.dim_param = name
    del graph.graph.value_info[:]


def _teach_erfc() -> None:
    """Makes tf2onnx write TensorFlow's `Erfc`, which GELU uses, as 1 - `Erf`."""
    from tf2onnx.handler import tf_op

    @tf_op("Erfc")
    class _Erfc:
        @classmethod
        def version_9(cls, ctx: Any, node: Any, **options: Any) -> None:
            like = {"shapes": node.output_shapes, "dtypes": node.output_dtypes}
            one = ctx.make_const(f"{node.name}_one", np.array(1, np.float32))
            ctx.remove_node(node.name)
            erf = ctx.make_node("Erf", list(node.input), **like)
            names = {"name": node.name, "outputs": list(node.output)}
            ctx.make_node("Sub", [one.output[0], erf.output[0]], **names, **like)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Inside this context, warnings and log messages of the converters are suppressed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
