"""Quantizes an ONNX model's weights to 8 bits; a text's answer does not depend on its batch.

ONNX Runtime's `quantize_dynamic` gives all activations of a batch one scale, so a text's answer
changes with the other texts. Its operator `MatMulNBits` scales each row separately, 32 numbers at a
time, and computes products in 8 bits. ONNX Runtime's quantizer for it needs SymPy; this one does
not.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

DOMAIN = "com.microsoft"
BLOCK = 32  # numbers of a kernel that share a scale; in a table, the numbers of a row do
# Not 127: on processors without VNNI, sums of such products overflow, and answers would differ.
HIGHEST = 63
ZERO = 128  # represents 0
IN_8_BITS = 4  # `accuracy_level`: activations in 8 bits too


def quantized(model: "ModelProto") -> "ModelProto":
    """The model with its kernels and tables in 8 bits.

    Args:
        model: in float32; it is changed in place.
    """
    from onnx import helper

    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) == 2}
    nodes: list[NodeProto] = []
    small: dict[str, TensorProto] = {}
    for node in graph.node:
        replaced, weights = _small(node, stored)
        nodes += replaced
        small |= {tensor.name: tensor for tensor in weights}
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *small.values()])
    if DOMAIN not in {opset.domain for opset in model.opset_import}:
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return model


def _small(
    node: "NodeProto", stored: "dict[str, TensorProto]"
) -> "tuple[list[NodeProto], list[TensorProto]]":
    """The nodes that replace a node, and their weights; the node itself if it has no weights."""
    if node.op_type == "MatMul" and node.input[1] in stored:
        return [_product(node, stored[node.input[1]])], _blocks(stored[node.input[1]])
    if node.op_type == "Gather" and node.input[0] in stored and _is_of_numbers(node, stored):
        return _rows(node), _table(stored[node.input[0]])
    return [node], []


def _is_of_numbers(node: "NodeProto", stored: "dict[str, TensorProto]") -> bool:
    """Whether a node gathers rows of a table of floats."""
    from onnx import TensorProto

    by_rows = all(attribute.i == 0 for attribute in node.attribute if attribute.name == "axis")
    return by_rows and stored[node.input[0]].data_type == TensorProto.FLOAT


def _product(node: "NodeProto", kernel: "TensorProto") -> "NodeProto":
    from onnx import helper

    rows, columns = kernel.dims
    return helper.make_node(
        "MatMulNBits",
        [node.input[0], *_names(kernel.name)],
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
    """A kernel as numbers `(columns, blocks, BLOCK)`, uint8, and scales `(columns, blocks)`."""
    from onnx import numpy_helper

    values = numpy_helper.to_array(kernel)  # (rows, columns)
    rows, columns = values.shape
    blocks = np.zeros((columns, -(-rows // BLOCK) * BLOCK), np.float32)
    blocks[:, :rows] = values.T
    numbers, scales = _in_8_bits(blocks.reshape(columns, -1, BLOCK), HIGHEST)
    return _tensors(kernel, (numbers + ZERO).astype(np.uint8), scales[..., 0])


def _rows(node: "NodeProto") -> "list[NodeProto]":
    """Nodes that gather rows of a table: numbers times scales."""
    from onnx import TensorProto, helper

    table, ids = node.input
    output = node.output[0]
    numbers, small, scale = (f"{output}_{part}" for part in ("numbers", "small", "scale"))
    of_table = _names(table)
    return [
        helper.make_node("Gather", [of_table[0], ids], [small], name=f"{node.name}_numbers"),
        helper.make_node("Cast", [small], [numbers], to=TensorProto.FLOAT),
        helper.make_node("Gather", [of_table[1], ids], [scale], name=f"{node.name}_scales"),
        helper.make_node("Mul", [numbers, scale], [output], name=node.name),
    ]


def _table(table: "TensorProto") -> "list[TensorProto]":
    """A table as numbers `(rows, columns)`, int8, and scales `(rows, 1)`."""
    from onnx import numpy_helper

    numbers, scales = _in_8_bits(numpy_helper.to_array(table), 127)
    return _tensors(table, numbers.astype(np.int8), scales)


def _in_8_bits(values: np.ndarray, highest: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers up to `highest`, and the scale of each row, `(…, 1)`."""
    scales = np.abs(values).max(-1, keepdims=True) / highest
    scales[scales == 0] = 1
    return np.round(values / scales), scales.astype(np.float32)


def _tensors(tensor: "TensorProto", *arrays: np.ndarray) -> "list[TensorProto]":
    from onnx import numpy_helper

    names = _names(tensor.name)
    return [numpy_helper.from_array(*pair) for pair in zip(arrays, names, strict=True)]


def _names(weights: str) -> tuple[str, str]:
    return f"{weights}_numbers", f"{weights}_scales"
