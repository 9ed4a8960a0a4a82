"""Turns a KerasHub backbone into an encoder with ordered layer groups."""

import dataclasses
import functools
import importlib
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Self

import keras
import tensorflow as tf

from mtl_keras.encoders.transformer.config import EncoderConfig, check_pooling
from mtl_keras.encoders.transformer.keras_hub_graph import Structure, find_structure
from mtl_keras.encoders.transformer.transformer import build_transformer, copy_of, pool
from mtl_keras.errors import InputError

OF_ANY_MODEL = ("name", "trainable", "dtype")  # settings that every Keras model has
SIZES = ("num_heads", "intermediate_dim", "max_sequence_length", "dropout")


@keras.saving.register_keras_serializable("mtl_keras")
@dataclass(frozen=True, kw_only=True)
class KerasHubConfig(EncoderConfig):
    """The shape of an encoder that KerasHub builds.

    Args:
        backbone: name of its class in `keras_hub.models`.
        settings: the class's arguments, except for name and precision.
        repeats: how many layers are applied in sequence; more than the number of blocks if layers
            share weights.
    """

    backbone: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    repeats: int

    @classmethod
    def of(cls, backbone: keras.Model, pooling: str | None = None) -> "KerasHubConfig":
        """The shape of a backbone.

        Raises:
            InputError: its layer groups cannot be found, or it has no such pooling.
        """
        structure = find_structure(backbone)
        pooling, pooler = pooling or "mean", structure.pooled is not None
        check_pooling(pooling, pooler)
        settings = {k: v for k, v in backbone.get_config().items() if k not in OF_ANY_MODEL}
        missing = [name for name in SIZES if name not in settings]
        if missing:
            raise InputError(f"{type(backbone).__name__} does not state {', '.join(missing)}")
        return cls(
            backbone=type(backbone).__name__,
            settings=settings,
            repeats=structure.repeats,
            vocabulary_size=backbone.token_embedding.input_dim,
            hidden_dim=structure.sequence.shape[-1],
            num_layers=len(structure.levels) - 1,
            max_position=settings["max_sequence_length"],
            pooler=pooler,
            pooling=pooling,
            **{name: settings[name] for name in SIZES if name != "max_sequence_length"},
        )

    def lowest(self, blocks: int) -> Self:
        cut = super().lowest(blocks)
        return dataclasses.replace(cut, repeats=self.applications() * blocks)

    def applications(self) -> int:
        return self.repeats // self.num_layers

    def least_weights(self) -> int:
        kind = getattr(import_keras_hub().models, self.backbone, None)
        return least_numbers(lambda: kind(**self.settings), self) if kind else 0


class Section(keras.layers.Layer):
    """A part of a KerasHub backbone that is one layer group. If frozen, it has no dropout.

    Args:
        network: a functional model from the part's inputs to its output.

    Inputs: the network's, in order. Output: the network's.
    """

    def __init__(self, network: keras.Model, **kwargs: Any):
        super().__init__(**kwargs)
        self.network = network
        self.built = True

    def call(
        self,
        inputs: tf.Tensor,
        padding_mask: tf.Tensor | None = None,
        positions: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        given = [tensor for tensor in (inputs, padding_mask, positions) if tensor is not None]
        return self.network(given, training=bool(training) and self.trainable)

    def compute_output_spec(
        self,
        inputs: keras.KerasTensor,
        padding_mask: keras.KerasTensor | None = None,
        positions: keras.KerasTensor | None = None,
        training: bool = False,
    ) -> keras.KerasTensor:
        return keras.KerasTensor(self.network.outputs[0].shape, self.network.outputs[0].dtype)


@copy_of.register
def _(section: Section, branch: str) -> Section:
    copied = functools.partial(copy_of, branch=branch)
    network = keras.models.clone_model(section.network, clone_function=copied)
    return Section(network, name=f"{branch}.{section.name}", dtype=section.dtype_policy)


@build_transformer.register
def build_keras_hub_transformer(
    config: KerasHubConfig, dtype: str | None = None, *, initialize: bool = True
) -> keras.Model:
    """As `build_transformer`; the weights are drawn in any case.

    Raises:
        InputError: KerasHub is not installed, or has no such backbone.
    """
    kind = getattr(import_keras_hub().models, config.backbone, None)
    if kind is None:
        raise InputError(f"this KerasHub has no {config.backbone}; install a newer one")
    return as_transformer(kind(**config.settings, dtype=dtype), config)


def least_numbers(make: Callable[[], keras.Model], config: EncoderConfig) -> int:
    """The least number of weights that a file of an encoder holds: its lowest blocks, no pooler.

    Args:
        make: makes the model of its layers.
        config: the encoder's shape, with its number of blocks.
    """

    def lowest() -> keras.Model:
        transformer = as_transformer(make(), config)
        return keras.Model(transformer.input, transformer.output["sequence_output"])

    return count_weights(lowest)[1]


def count_weights(make: Callable[[], keras.Model]) -> tuple[int, int]:
    """How many weights a model has, and how many numbers they hold.

    The model is built in a separate thread, in which Keras gives variables shapes but no values,
    and its own names. So nothing remains, however large the model would be.

    Args:
        make: makes the model.
    """

    def count() -> tuple[int, int]:
        with keras.StatelessScope(initialize_variables=False):
            weights = make().weights
        return len(weights), sum(math.prod(weight.shape) for weight in weights)

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(count).result()


def as_transformer(backbone: keras.Model, config: EncoderConfig) -> keras.Model:
    """A functional model with the inputs and outputs of `build_transformer`, of these layers.

    It has the lowest `config.num_layers` blocks of the backbone.
    """
    structure = find_structure(backbone)
    dtype = structure.dtype_policy
    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    padding_mask = keras.Input((None,), dtype="bool", name="padding_mask")
    beside = [padding_mask]
    if structure.positions is not None:
        # It uses its input only for the number of texts.
        beside.append(structure.positions._keras_history.operation(padding_mask))
    x = _embeddings(structure, dtype)(token_ids)
    for section in itertools.islice(_blocks(structure, dtype), config.num_layers):
        x = section(x, *beside)
    if structure.sequence is not structure.levels[-1]:
        x = _section([structure.levels[-1]], structure.sequence, "final_norm", dtype)(x)
    outputs = {"sequence_output": x}
    if config.pooler:
        pooler = _section([structure.sequence], structure.pooled, "pooler", dtype)
        outputs["pooled_output"] = pooler(x)
    outputs["sentence_embedding"] = pool(config, outputs, padding_mask)
    return keras.Model(
        {"token_ids": token_ids, "padding_mask": padding_mask}, outputs, name="transformer"
    )


def import_keras_hub() -> ModuleType:
    """Imports KerasHub, which takes seconds.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module("keras_hub")
    except ImportError as error:
        raise InputError(
            f"the encoder needs KerasHub, which cannot be imported ({error}); "
            'pip install "mtl_keras[keras_hub]"'
        ) from None


def _embeddings(structure: Structure, dtype: keras.DTypePolicy) -> Section:
    """The embeddings of token ids; the whole text is the first segment."""
    names = [name for name in structure.inputs if name != "padding_mask"]
    part = keras.Model([structure.inputs[name] for name in names], structure.levels[0])
    token_ids = keras.Input((None,), dtype="int32")
    zeros = keras.ops.zeros_like(token_ids)
    x = part([token_ids if name == "token_ids" else zeros for name in names])
    return Section(keras.Model([token_ids], x), name="embeddings", dtype=dtype)


def _blocks(structure: Structure, dtype: keras.DTypePolicy) -> Iterator[Section]:
    beside = [structure.inputs["padding_mask"]]
    if structure.positions is not None:
        beside.append(structure.positions)
    for index, (below, above) in enumerate(itertools.pairwise(structure.levels)):
        yield _section([below, *beside], above, f"block_{index}", dtype)


def _section(
    inputs: Sequence[keras.KerasTensor],
    output: keras.KerasTensor,
    name: str,
    dtype: keras.DTypePolicy,
) -> Section:
    return Section(keras.Model(inputs, output), name=name, dtype=dtype)
