"""The form of a family's table: how published files store the encoder's weights."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

# The encoder's layers with the axes of their kernel or table; all other layers are norms.
TABLES = {
    "embeddings/token": "vocabulary_size hidden_dim",
    "embeddings/position": "max_position hidden_dim",
    "embeddings/segment": "num_segments hidden_dim",
}
QUERY_KEY_VALUE = "block_{i}/query_key_value"
KERNELS = {
    QUERY_KEY_VALUE: ("hidden_dim", "attention_dim"),
    "block_{i}/attention_output": ("attention_dim", "hidden_dim"),
    "block_{i}/intermediate": ("hidden_dim", "intermediate_dim"),
    "block_{i}/output": ("intermediate_dim", "hidden_dim"),
    "pooler/dense": ("hidden_dim", "hidden_dim"),
}


@dataclass(frozen=True)
class Stored:
    """How a file stores one weight of the encoder.

    Args:
        name: the tensor's name. `{i}` stands for the number of the block, `{part}` for a part.
        shape: its axes, as fields of `EncoderConfig` or `head_dim`; `3*` means three times that
            size. Axes beyond those of the encoder's weight are flattened.
        parts: the tensors that are concatenated along the last axis.
        transpose: whether rows and columns are swapped (PyTorch's linear layers).
    """

    name: str
    shape: str
    parts: tuple[str, ...] = ("",)
    transpose: bool = False


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a library names and orients the weights of any layer.

    Args:
        table: suffix of the name of an embedding table.
        kernel: suffix of a dense layer's kernel.
        bias: suffix of its bias.
        gamma: suffix of a norm's scale.
        beta: suffix of a norm's offset.
        transpose: whether kernels are stored as `(outputs, inputs)`.
        split_heads: whether the attention axis is stored as two axes, heads and head size.
    """

    table: str
    kernel: str
    bias: str
    gamma: str
    beta: str
    transpose: bool = False
    split_heads: bool = False


@dataclass(frozen=True, kw_only=True)
class Family:
    """Everything that is specific to one kind of file.

    Args:
        name: for messages.
        model: class of the original library that has exactly these weights.
        layout: how its layers store their weights.
        layers: layer of the encoder → its name in the file. Those of the pooler may be absent.
        parts: values of `{part}` in the names of queries, keys and values; a single empty one if
            they are one tensor.
        ignored: patterns of tensors that the encoder does not use.
        renamed: suffixes of tensors in older files → current ones.
        config_keys: key of the model's configuration file → field of `EncoderConfig`.
        written_keys: further keys, which are written for the original library and not read.
        required: key of the configuration file → its only supported value.
        activation_key: key of the configuration file that names the activation.
        activations: supported values of that key → whether GELU uses its tanh form.
        windows: keys of the configuration file for the blocks' kinds of attention, and for the
            window of `local` ones; None if all blocks attend to everything.
        settings: fields of `EncoderConfig` that no file specifies.
        tokenizer: `word pieces` or `byte pairs`.
    """

    name: str
    layout: Layout
    layers: Mapping[str, str]
    model: str = ""
    parts: tuple[str, ...] = ("",)
    ignored: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    config_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    written_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    required: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    activation_key: str = "hidden_act"
    activations: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    windows: tuple[str, str] | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    tokenizer: str = "word pieces"

    @property
    def anchor(self) -> str:
        """Name of the token table. A prefix before it in a file precedes all names in the file."""
        return self.weights["embeddings/token"].name

    @functools.cached_property
    def weights(self) -> Mapping[str, Stored]:
        """Weight of the encoder → where it is stored.

        Example:

        >>> from mtl_keras.encoders.pretrained.families import HF_BERT
        >>> HF_BERT.weights["block_{i}/output_kernel"].name
        'encoder.layer.{i}.output.dense.weight'
        """
        return MappingProxyType(dict(self._weights()))

    def tensors(self, num_layers: int, pooler: bool) -> Iterator[tuple[str, Stored, list[str]]]:
        """The weights of an encoder with `num_layers` blocks, with or without a pooler.

        Returns:
            For each weight: its path in the encoder, how it is stored, and its tensors' names.

        Example:

        >>> from mtl_keras.encoders.pretrained.families import HF_BERT
        >>> names = {path: names for path, _, names in HF_BERT.tensors(1, pooler=False)}
        >>> names["block_0/query_key_value_bias"][2]
        'encoder.layer.0.attention.self.value.bias'
        """
        for path, stored in self.weights.items():
            if path.startswith("pooler") and not pooler:
                continue
            for i in range(num_layers if "{i}" in path else 1):
                names = [stored.name.format(i=i, part=part) for part in stored.parts]
                yield path.format(i=i), stored, names

    def _weights(self) -> Iterator[tuple[str, Stored]]:
        for path, name in self.layers.items():
            if path in TABLES:
                yield path, Stored(name + self.layout.table, TABLES[path])
            elif path in KERNELS:
                yield from self._dense(path, name)
            else:
                yield f"{path}/gamma", Stored(name + self.layout.gamma, "hidden_dim")
                yield f"{path}/beta", Stored(name + self.layout.beta, "hidden_dim")

    def _dense(self, path: str, name: str) -> Iterator[tuple[str, Stored]]:
        layout, parts = self.layout, self.parts if path == QUERY_KEY_VALUE else ("",)
        attention = "num_heads head_dim" if layout.split_heads else "hidden_dim"
        if path == QUERY_KEY_VALUE and len(parts) == 1:
            attention = "3*hidden_dim"
        axes = [axis.replace("attention_dim", attention) for axis in KERNELS[path]]
        kernel = " ".join(reversed(axes) if layout.transpose else axes)
        prefix = path + ("/" if path == "pooler/dense" else "_")
        yield f"{prefix}kernel", Stored(name + layout.kernel, kernel, parts, layout.transpose)
        if path != QUERY_KEY_VALUE or self.settings.get("attention_bias", True):
            yield f"{prefix}bias", Stored(name + layout.bias, axes[1], parts)
