"""Products in 8 bits are close, and no row of a batch depends on the others."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from mtl_keras.export.conversion.onnx_int8 import quantized

ROWS, COLUMNS = 40, 6  # not a whole number of blocks


def _product(kernel: np.ndarray) -> onnx.ModelProto:
    """`table[ids] @ kernel`."""
    table = np.random.default_rng(1).normal(size=(9, ROWS)).astype(np.float32)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"], axis=0),
        helper.make_node("MatMul", ["rows", "kernel"], ["product"]),
    ]
    ids = helper.make_tensor_value_info("ids", onnx.TensorProto.INT32, ["batch"])
    product = helper.make_tensor_value_info("product", onnx.TensorProto.FLOAT, ["batch", COLUMNS])
    weights = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(table, "table")]
    graph = helper.make_graph(nodes, "product", [ids], [product], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _ask(model: onnx.ModelProto, ids: list[int]) -> np.ndarray:
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=providers)
    return session.run(None, {"ids": np.array(ids, np.int32)})[0]


@pytest.fixture
def kernel() -> np.ndarray:
    kernel = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(np.float32)
    kernel[:32, 0] = 0  # a block without a number
    return kernel


def test_its_products_are_close(kernel):
    ids = list(range(9))
    before = _ask(_product(kernel), ids)
    np.testing.assert_allclose(_ask(quantized(_product(kernel)), ids), before, atol=0.3)


def test_a_row_is_the_same_alone_and_in_company(kernel):
    model = quantized(_product(100 * kernel))
    together = _ask(model, list(range(9)))
    for row in range(9):
        np.testing.assert_array_equal(_ask(model, [row])[0], together[row])
