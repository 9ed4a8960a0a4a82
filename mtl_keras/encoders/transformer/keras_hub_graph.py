"""Finds the layer groups of a KerasHub backbone from its graph."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from mtl_keras.errors import InputError

Node = Any  # Keras's application of a layer, with its `operation` and its tensors
INPUTS = ("token_ids", "segment_ids", "padding_mask")
NEEDED = ("token_ids", "padding_mask")
# Layers whose output depends only on their weights and the number of texts.
WITHOUT_TEXT = ("RelativeEmbedding",)


@dataclass(frozen=True, eq=False)
class Structure:
    """The parts of a backbone, as tensors of its graph.

    Args:
        inputs: name → input of the backbone.
        levels: the output of the embeddings and of each block, lowest first.
        repeats: how many layers are applied in sequence, in all blocks together.
        positions: what every block reads besides the layer below; None if nothing.
        sequence: the token vectors.
        pooled: the output of the pooler; None if there is no pooler.
    """

    inputs: dict[str, keras.KerasTensor]
    levels: list[keras.KerasTensor]
    repeats: int
    positions: keras.KerasTensor | None
    sequence: keras.KerasTensor
    pooled: keras.KerasTensor | None

    @property
    def dtype_policy(self) -> keras.DTypePolicy:
        """That of the top block."""
        policy: keras.DTypePolicy = _node(self.levels[-1]).operation.dtype_policy
        return policy


def find_structure(backbone: keras.Model) -> Structure:
    """Finds embeddings and blocks in the graph of a functional model.

    The blocks are the longest chain of layers of one kind in which each takes the output of the one
    before. Everything before the chain belongs to the embeddings, everything after it to the top
    block. If a layer is applied several times, as in ALBERT, everything from its first to its last
    application is one block, because shared weights can only be frozen together.

    Raises:
        InputError: the model takes inputs other than token ids, segment ids and a padding mask, has
            no chain of layers, or has blocks that read something else of the text.

    Example:

    >>> inputs = {name: keras.Input((None,), dtype="int32", name=name) for name in NEEDED}
    >>> x = keras.layers.Embedding(9, 4)(inputs["token_ids"])
    >>> shared = keras.layers.Dense(4)
    >>> for layer in (keras.layers.Dense(4), shared, shared):
    ...     x = layer(x)
    >>> structure = find_structure(keras.Model(inputs, keras.layers.LayerNormalization()(x)))
    >>> len(structure.levels) - 1, structure.repeats
    (2, 3)
    """
    inputs = {tensor.name: tensor for tensor in backbone.inputs}
    if not set(NEEDED) <= set(inputs) <= set(INPUTS):
        raise InputError(
            f"{_name(backbone)} takes {', '.join(inputs)}; supported are backbones that take "
            f"{' and '.join(NEEDED)}"
        )
    outputs = backbone.output if isinstance(backbone.output, dict) else {}
    sequence = outputs.get("sequence_output", None if outputs else backbone.output)
    if not isinstance(sequence, keras.KerasTensor) or len(sequence.shape) != 3:
        raise InputError(f"{_name(backbone)} returns no token vectors (batch, length, hidden)")
    chain = _longest_chain(sequence)
    if len(chain) < 2:
        raise InputError(
            f"{_name(backbone)}: its graph has no repeated layers, so it has no blocks to freeze"
        )
    levels = [_first_input(chain[0]), *(block[-1].outputs[0] for block in _blocks(chain))]
    structure = Structure(
        inputs=inputs,
        levels=levels,
        repeats=len(chain),
        positions=_positions(backbone, chain, inputs["padding_mask"]),
        sequence=sequence,
        pooled=outputs.get("pooled_output"),
    )
    _check_cuts(backbone, structure)
    return structure


def _longest_chain(output: keras.KerasTensor) -> list[Node]:
    """The nodes (applications of a layer) of the longest run of one kind, lowest first."""
    best: list[Node] = []
    chains: dict[int, list[Node]] = {}
    for node in _nodes_below(output):
        if not isinstance(node.operation, keras.layers.Layer) or not node.operation.weights:
            continue
        before = _node(_first_input(node)) if node.input_tensors else None
        same = before is not None and type(before.operation) is type(node.operation)
        chains[id(node)] = [*(chains.get(id(before), []) if same else []), node]
        best = max(best, chains[id(node)], key=len)
    return best


def _blocks(chain: Sequence[Node]) -> Iterator[list[Node]]:
    """Splits a chain wherever no layer occurs on both sides."""
    last = {id(node.operation): index for index, node in enumerate(chain)}
    block: list[Node] = []
    reach = 0
    for index, node in enumerate(chain):
        block.append(node)
        reach = max(reach, last[id(node.operation)])
        if index == reach:
            yield block
            block = []


def _positions(
    backbone: keras.Model, chain: Sequence[Node], padding_mask: keras.KerasTensor
) -> keras.KerasTensor | None:
    """The one tensor that all blocks read besides the layer below and the mask, if any."""
    beside = {
        id(tensor): tensor
        for node in chain
        for tensor in node.input_tensors
        if tensor is not _first_input(node) and _roots(tensor, [padding_mask])
    }
    nodes = [_node(tensor) for tensor in beside.values()]
    makers = {id(node.operation): node.operation for node in nodes}
    if len(beside) > 1 or any(type(m).__name__ not in WITHOUT_TEXT for m in makers.values()):
        named = ", ".join(sorted(maker.name for maker in makers.values()))
        raise InputError(
            f"{_name(backbone)}: its blocks read {named} besides the layer below, so they cannot "
            "be separated"
        )
    return next(iter(beside.values()), None)


def _check_cuts(backbone: keras.Model, structure: Structure) -> None:
    """Raises `InputError` if a part depends on anything but the part below it."""
    inputs = structure.inputs
    beside = [inputs["padding_mask"]]
    beside += [] if structure.positions is None else [structure.positions]
    ids = [tensor for name, tensor in inputs.items() if name != "padding_mask"]
    parts = [(structure.levels[0], ids)]
    for below, above in zip(structure.levels, structure.levels[1:], strict=False):
        parts.append((above, [below, *beside]))
    parts.append((structure.sequence, [structure.levels[-1]]))
    if structure.pooled is not None:
        parts.append((structure.pooled, [structure.sequence]))
    for output, allowed in parts:
        if roots := _roots(output, allowed):
            raise InputError(
                f"{_name(backbone)}: {_node(output).operation.name} also reads {', '.join(roots)}, "
                "so its layers cannot be separated"
            )


def _roots(output: keras.KerasTensor, stops: Collection[keras.KerasTensor]) -> list[str]:
    """The model's inputs that an output depends on other than through these tensors."""
    nodes = _nodes_below(output, stops)
    return sorted(node.outputs[0].name for node in nodes if node.is_input)


def _nodes_below(
    output: keras.KerasTensor, stops: Collection[keras.KerasTensor] = ()
) -> list[Node]:
    """The nodes that an output depends on, each after its inputs."""
    seen = {id(tensor) for tensor in stops}
    order: list[Node] = []
    stack = [(output, False)]
    while stack:
        tensor, expanded = stack.pop()
        node = _node(tensor)
        if expanded:
            order.append(node)
        elif id(tensor) not in seen:
            seen |= {id(output) for output in node.outputs}
            stack.append((tensor, True))
            stack += [(tensor, False) for tensor in node.input_tensors]
    return order


def _node(tensor: keras.KerasTensor) -> Node:
    """The application of a layer that made a tensor."""
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


def _first_input(node: Node) -> keras.KerasTensor:
    return node.input_tensors[0]


def _name(backbone: keras.Model) -> str:
    return type(backbone).__name__
