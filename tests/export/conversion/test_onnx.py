"""An `.onnx` file is of plain operations, its axes named, its numbers of the precision asked."""

import logging

import onnx
import pytest

from mtl_keras.export.conversion.onnx import OPSET, write_onnx


@pytest.fixture(scope="module")
def graphs(tiny_model, tmp_path_factory):
    """Precision → the file as ONNX reads it."""
    folder, model = tmp_path_factory.mktemp("onnx"), tiny_model()
    disabled = logging.root.manager.disable
    for precision in ("float32", "float16", "int8"):
        write_onnx(model, folder / f"{precision}.onnx", precision)
    assert logging.root.manager.disable == disabled
    return {path.stem: onnx.load(str(path)) for path in folder.iterdir()}


@pytest.mark.slow
def test_its_axes_have_names(graphs):
    for graph in graphs.values():
        for value in graph.graph.input:
            sizes = [size.dim_param for size in value.type.tensor_type.shape.dim]
            assert sizes == ["batch", "length"]
        assert {value.name for value in graph.graph.output} == {"topic", "entities"}


def test_its_operations_are_plain(graphs):
    plain = graphs["float32"]
    assert [opset.version for opset in plain.opset_import if not opset.domain] == [OPSET]
    assert not [node.op_type for node in plain.graph.node if node.domain not in ("", "ai.onnx.ml")]


def test_its_inputs_and_outputs_are_the_same_in_any_precision(graphs):
    def types(values):
        return [value.type.tensor_type.elem_type for value in values]

    for graph in graphs.values():
        assert types(graph.graph.input) == types(graphs["float32"].graph.input)
        assert types(graph.graph.output) == [onnx.TensorProto.FLOAT] * 2


def test_its_weights_are_of_the_precision(graphs):
    weights = {
        precision: {tensor.data_type for tensor in graph.graph.initializer}
        for precision, graph in graphs.items()
    }
    assert onnx.TensorProto.FLOAT16 in weights["float16"]
    assert {onnx.TensorProto.INT8, onnx.TensorProto.UINT8} < weights["int8"]  # tables, kernels
    assert not {onnx.TensorProto.FLOAT16, onnx.TensorProto.UINT8} & weights["float32"]
    assert "MatMulNBits" in {node.op_type for node in graphs["int8"].graph.node}
