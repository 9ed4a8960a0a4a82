"""An ONNX model's weights in 8 bits, so that no answer depends on what is asked beside it.

ONNX Runtime's `quantize_dynamic` gives all activations of a batch one scale, so that a text's
answer changes with its neighbours. Its operator `MatMulNBits` scales each row by itself, 32 numbers
at a time, and computes products in 8 bits; the quantizer that makes it needs SymPy, this does not.
"""

import tempfile
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

DOMAIN = "com.microsoft"
BLOCK = 32  # numbers with a scale of their own
# Of 127: sums of products of all 8 bits overflow on processors without VNNI, which would answer
# otherwise than those with it.
HIGHEST = 63
ZERO = 128  # what stands for 0
IN_8_BITS = 4  # `accuracy_level`: activations too


def quantized(model: "ModelProto") -> "ModelProto":
    """The model with its kernels in blocks of 8 bits, and its tables in 8 bits.

    Args:
        model: in float32, which is changed.
    """
    from onnx import helper

    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    kernels: dict[str, TensorProto] = {}
    nodes = []
    for node in graph.node:
        kernel = stored.get(node.input[1]) if node.op_type == "MatMul" else None
        if kernel is None or len(kernel.dims) != 2:
            nodes.append(node)
            continue
        kernels[kernel.name] = kernel
        nodes.append(_product(node, kernel))
    rest = [tensor for name, tensor in stored.items() if name not in kernels]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(rest)
    for kernel in kernels.values():
        graph.initializer.extend(_blocks(kernel))
    if DOMAIN not in {opset.domain for opset in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return _with_small_tables(model)


def _product(node: "NodeProto", kernel: "TensorProto") -> "NodeProto":
    from onnx import helper

    rows, columns = kernel.dims
    return helper.make_node(
        "MatMulNBits",
        [node.input[0], *_names(kernel)],
        list(node.output),
        name=node.name,
        domain=DOMAIN,
        K=rows,
        N=columns,
        bits=8,
        block_size=BLOCK,
        accuracy_level=IN_8_BITS,
    )


def _blocks(kernel: "TensorProto") -> "list[TensorProto]":
    """The numbers `(columns, blocks, BLOCK)`, uint8, and their scales `(columns, blocks)`."""
    from onnx import numpy_helper

    values = numpy_helper.to_array(kernel)  # (rows, columns)
    rows, columns = values.shape
    blocks = np.zeros((columns, -(-rows // BLOCK) * BLOCK), np.float32)
    blocks[:, :rows] = values.T
    blocks = blocks.reshape(columns, -1, BLOCK)
    scales = np.abs(blocks).max(-1, keepdims=True) / HIGHEST
    scales[scales == 0] = 1
    numbers = (np.round(blocks / scales) + ZERO).astype(np.uint8)
    arrays = (numbers, scales[..., 0].astype(np.float32))
    return [
        numpy_helper.from_array(array, name)
        for name, array in zip(_names(kernel), arrays, strict=True)
    ]


def _names(kernel: "TensorProto") -> tuple[str, str]:
    return f"{kernel.name}_blocks", f"{kernel.name}_scales"


def _with_small_tables(model: "ModelProto") -> "ModelProto":
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        quantize_dynamic(
            model, file.name, op_types_to_quantize=["Gather"], weight_type=QuantType.QInt8
        )
        return onnx.load(file.name)
