"""The formulas against TensorFlow's own statistics of the graphs that run."""

import functools
import re

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.ops import get_stats_for_node_def

import mtl_keras as mtl
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.encoders.transformer import block, transformer
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.encoders.transformer.keras_hub import KerasHubConfig
from mtl_keras.encoders.transformer.transformer import build_transformer
from mtl_keras.experiments.step_costs import StepCosts

SHAPE = (4, 16)
PRODUCTS = "(Batch)?MatMul.*"
CASES = [
    ("none", {}),
    ("none", {"dtype": "mixed_bfloat16"}),
    ("embeddings", {"dropout": 0.0}),
    ("top:1", {"approximate_gelu": True}),
    ("block_1 + heads/topic", {"pooler": True, "pooling": "pooler"}),
    ("backbone", {}),
    ("none", {"own": (1, 2)}),
    ("lowest:2", {"own": (1, 2)}),
    ("lowest:2 + block_2@topic", {"own": (1, None)}),
]


@pytest.fixture(autouse=True)
def blocks_in_line(monkeypatch):
    """The graph as it is once TensorFlow has put functions where they are called."""
    in_line = lambda config, window: functools.partial(block._block, config, window)  # noqa: E731
    monkeypatch.setattr(transformer, "block_function", in_line)


def _model(plan="none", hidden=128, dtype=None, own=(None, None), **config) -> mtl.MultiTaskModel:
    shape = {"hidden_dim": hidden, "num_layers": 3, "num_heads": 2, "intermediate_dim": 3 * hidden}
    config = EncoderConfig(vocabulary_size=5, max_position=16, **shape, **config)
    tokenizer = WordpieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"], lowercase=True)
    encoder = mtl.TextEncoder(tokenizer, config, build_transformer(config, dtype))
    tasks = [
        mtl.Task("topic", labels=["x", "y"], own_blocks=own[0]),
        mtl.Task("entities", kind="tagging", labels=["city"], own_blocks=own[1]),
    ]
    model = mtl.MultiTaskModel(encoder, tasks)
    mtl.FreezePlan(plan).apply(model)
    model.compile("sgd")
    model.optimizer.build(model.trainable_variables)
    return model


def _costs(model, plan="none") -> StepCosts:
    policy = model.encoder.transformer.get_layer("embeddings").dtype_policy
    return StepCosts(
        config=model.branches.deepest.config,
        tasks=tuple(model.tasks.values()),
        groups=list(model.layer_groups),
        frozen=mtl.FreezePlan(plan).frozen(list(model.layer_groups)),
        float_bytes=tf.as_dtype(policy.compute_dtype).size,
    )


def _graph(step) -> tf.Graph:
    tokens = tf.TensorSpec(SHAPE, tf.int32)
    x = {"token_ids": tokens, "padding_mask": tf.TensorSpec(SHAPE, tf.bool)}
    labels = {"topic": tf.TensorSpec(SHAPE[:1], tf.int32), "entities": tokens}
    weights = {name: tf.TensorSpec(spec.shape, tf.float32) for name, spec in labels.items()}
    return tf.function(step).get_concrete_function((x, labels, weights)).graph


def _sources(operation) -> list[tf.Operation]:
    return [tensor.op for tensor in operation.inputs]


def _operations(graph) -> set[tf.Operation]:
    """What runs: the tape writes down more than the variables that train need."""
    outputs = [tensor.op for tensor in graph.outputs] + list(graph.control_outputs)
    return _needed(outputs, lambda operation: [*_sources(operation), *operation.control_inputs])


def _needed(operations, inputs=_sources) -> set[tf.Operation]:
    """These and all that they need."""
    open_, collected = list(operations), set()
    while open_:
        operation = open_.pop()
        if operation not in collected:
            collected.add(operation)
            open_ += inputs(operation)
    return collected


def _flops(graph, types: str = ".*") -> int:
    counted = [operation for operation in _operations(graph) if re.fullmatch(types, operation.type)]
    return sum(get_stats_for_node_def(graph, o.node_def, "flops").value or 0 for o in counted)


def _kept_bytes(graph) -> int:
    """Bytes of the tensors that way forward and way back share, without weights and labels."""
    forward = _needed([graph.structured_outputs.op])
    kept = {
        tensor.ref(): tensor
        for operation in _operations(graph) - forward
        for tensor in operation.inputs
        if tensor.op in forward and not _is_given(tensor.op)
    }
    return sum(int(np.prod(tensor.shape)) * tensor.dtype.size for tensor in kept.values())


def _is_given(operation) -> bool:
    if operation.type == "Cast":
        return _is_given(operation.inputs[0].op)
    return operation.type in ("Placeholder", "ReadVariableOp", "Const", "AddN")


@pytest.mark.slow
@pytest.mark.parametrize(("plan", "config"), CASES)
def test_products_and_memory_are_those_of_the_graph(plan, config, monkeypatch):
    model = _model(plan, **config)
    monkeypatch.setattr(model, "_measure", lambda *args: args[-1])  # the step gives its loss
    costs, graph = _costs(model, plan), _graph(model.train_step)
    flops = costs.forward_flops(SHAPE) + costs.backward_flops(SHAPE)
    assert _flops(graph, PRODUCTS) == flops
    assert costs.activation_bytes(SHAPE) == pytest.approx(_kept_bytes(graph), rel=0.05)


@pytest.mark.slow
def test_products_are_nearly_all_of_the_profilers_count():
    model = _model(hidden=384)
    profiler = tf.compat.v1.profiler
    options = profiler.ProfileOptionBuilder(profiler.ProfileOptionBuilder.float_operation())
    graph = _graph(model.test_step)
    profile = profiler.profile(graph, cmd="op", options=options.with_empty_output().build())
    assert _costs(model).forward_flops(SHAPE) == pytest.approx(profile.total_float_ops, rel=0.03)


def test_what_trains_lower_costs_more():
    model = _model()
    plans = ("all", "backbone", "top:1", "top:2", "lowest:0", "none")
    for cost in ("backward_flops", "activation_bytes"):
        actual = [getattr(_costs(model, plan), cost)(SHAPE) for plan in plans]
        assert actual[0] == 0
        assert actual == sorted(set(actual)), cost


def test_a_layer_applied_twice_costs_as_two():
    shape = {"vocabulary_size": 100, "hidden_dim": 8, "num_heads": 2, "intermediate_dim": 16}
    shared = KerasHubConfig(backbone="AlbertBackbone", repeats=4, num_layers=2, **shape)
    plain = EncoderConfig(num_layers=4, **shape)
    one, other = (
        StepCosts(config=config, tasks=[mtl.Task("topic", labels=["x", "y"])])
        for config in (shared, plain)
    )
    for cost in ("forward_flops", "backward_flops", "activation_bytes"):
        assert getattr(one, cost)((2, 5)) == getattr(other, cost)((2, 5))
