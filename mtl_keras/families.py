"""Which tensor of a published model is which weight of the encoder: one table a family."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Stored:
    """How a file keeps one weight of the encoder.

    Args:
        name: the tensor's name. `{i}` stands for the number of the block, `{part}` for a part.
        shape: its shape, in fields of `EncoderConfig`, and `head_dim`. Axes beyond those of the
            encoder's weight are flattened.
        parts: what the weight is put together from, along its last axis.
        transpose: whether rows and columns change places (PyTorch's linear layers).
    """

    name: str
    shape: str
    parts: tuple[str, ...] = ("",)
    transpose: bool = False


@dataclass(frozen=True, kw_only=True)
class Family:
    """Everything that is particular to one kind of file.

    Args:
        name: what it is called in messages.
        anchor: name of the token table. What precedes it in a file precedes all names there.
        weights: weight of the encoder → where it is stored. Those of the pooler may be absent.
        ignored: patterns of further tensors that have no place in the encoder.
        renamed: endings of tensors in older files → today's.
        config_keys: key of the model's configuration file → field of `EncoderConfig`.
        required: key of the configuration file → the only value that the encoder has.
        activations: what `hidden_act` may be → whether GELU takes its tanh form.
        settings: fields of `EncoderConfig` that no file states.
    """

    name: str
    anchor: str
    weights: Mapping[str, Stored]
    ignored: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    config_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    required: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    activations: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


MINILM = "all-MiniLM-L6-v2"
QUERY_KEY_VALUE = ("query", "key", "value")

TF_HUB_BERT = Family(
    name="TF Hub BERT",
    anchor="word_embeddings/embeddings",
    weights={
        "embeddings/token": Stored("word_embeddings/embeddings", "vocabulary_size hidden_dim"),
        "embeddings/position": Stored("position_embedding/embeddings", "max_position hidden_dim"),
        "embeddings/segment": Stored("type_embeddings/embeddings", "num_segments hidden_dim"),
        "embeddings/norm/gamma": Stored("embeddings/layer_norm/gamma", "hidden_dim"),
        "embeddings/norm/beta": Stored("embeddings/layer_norm/beta", "hidden_dim"),
        "block_{i}/query_key_value_kernel": Stored(
            "transformer/layer_{i}/self_attention/{part}/kernel",
            "hidden_dim num_heads head_dim",
            parts=QUERY_KEY_VALUE,
        ),
        "block_{i}/query_key_value_bias": Stored(
            "transformer/layer_{i}/self_attention/{part}/bias",
            "num_heads head_dim",
            parts=QUERY_KEY_VALUE,
        ),
        "block_{i}/attention_output_kernel": Stored(
            "transformer/layer_{i}/self_attention/attention_output/kernel",
            "num_heads head_dim hidden_dim",
        ),
        "block_{i}/attention_output_bias": Stored(
            "transformer/layer_{i}/self_attention/attention_output/bias", "hidden_dim"
        ),
        "block_{i}/attention_norm/gamma": Stored(
            "transformer/layer_{i}/self_attention_layer_norm/gamma", "hidden_dim"
        ),
        "block_{i}/attention_norm/beta": Stored(
            "transformer/layer_{i}/self_attention_layer_norm/beta", "hidden_dim"
        ),
        "block_{i}/intermediate_kernel": Stored(
            "transformer/layer_{i}/intermediate/kernel", "hidden_dim intermediate_dim"
        ),
        "block_{i}/intermediate_bias": Stored(
            "transformer/layer_{i}/intermediate/bias", "intermediate_dim"
        ),
        "block_{i}/output_kernel": Stored(
            "transformer/layer_{i}/output/kernel", "intermediate_dim hidden_dim"
        ),
        "block_{i}/output_bias": Stored("transformer/layer_{i}/output/bias", "hidden_dim"),
        "block_{i}/output_norm/gamma": Stored(
            "transformer/layer_{i}/output_layer_norm/gamma", "hidden_dim"
        ),
        "block_{i}/output_norm/beta": Stored(
            "transformer/layer_{i}/output_layer_norm/beta", "hidden_dim"
        ),
        "pooler/dense/kernel": Stored("pooler_transform/kernel", "hidden_dim hidden_dim"),
        "pooler/dense/bias": Stored("pooler_transform/bias", "hidden_dim"),
    },
    ignored=(r"(bert/)?cls/.*", r"Variable.*", r"do_lower_case", r"save_counter"),
    settings={"approximate_gelu": True, "norm_epsilon": 1e-12, "pooling": "pooler"},
)

HF_BERT = Family(
    name="Hugging Face BERT",
    anchor="embeddings.word_embeddings.weight",
    weights={
        "embeddings/token": Stored(
            "embeddings.word_embeddings.weight", "vocabulary_size hidden_dim"
        ),
        "embeddings/position": Stored(
            "embeddings.position_embeddings.weight", "max_position hidden_dim"
        ),
        "embeddings/segment": Stored(
            "embeddings.token_type_embeddings.weight", "num_segments hidden_dim"
        ),
        "embeddings/norm/gamma": Stored("embeddings.LayerNorm.weight", "hidden_dim"),
        "embeddings/norm/beta": Stored("embeddings.LayerNorm.bias", "hidden_dim"),
        "block_{i}/query_key_value_kernel": Stored(
            "encoder.layer.{i}.attention.self.{part}.weight",
            "hidden_dim hidden_dim",
            parts=QUERY_KEY_VALUE,
            transpose=True,
        ),
        "block_{i}/query_key_value_bias": Stored(
            "encoder.layer.{i}.attention.self.{part}.bias", "hidden_dim", parts=QUERY_KEY_VALUE
        ),
        "block_{i}/attention_output_kernel": Stored(
            "encoder.layer.{i}.attention.output.dense.weight",
            "hidden_dim hidden_dim",
            transpose=True,
        ),
        "block_{i}/attention_output_bias": Stored(
            "encoder.layer.{i}.attention.output.dense.bias", "hidden_dim"
        ),
        "block_{i}/attention_norm/gamma": Stored(
            "encoder.layer.{i}.attention.output.LayerNorm.weight", "hidden_dim"
        ),
        "block_{i}/attention_norm/beta": Stored(
            "encoder.layer.{i}.attention.output.LayerNorm.bias", "hidden_dim"
        ),
        "block_{i}/intermediate_kernel": Stored(
            "encoder.layer.{i}.intermediate.dense.weight",
            "intermediate_dim hidden_dim",
            transpose=True,
        ),
        "block_{i}/intermediate_bias": Stored(
            "encoder.layer.{i}.intermediate.dense.bias", "intermediate_dim"
        ),
        "block_{i}/output_kernel": Stored(
            "encoder.layer.{i}.output.dense.weight", "hidden_dim intermediate_dim", transpose=True
        ),
        "block_{i}/output_bias": Stored("encoder.layer.{i}.output.dense.bias", "hidden_dim"),
        "block_{i}/output_norm/gamma": Stored(
            "encoder.layer.{i}.output.LayerNorm.weight", "hidden_dim"
        ),
        "block_{i}/output_norm/beta": Stored(
            "encoder.layer.{i}.output.LayerNorm.bias", "hidden_dim"
        ),
        "pooler/dense/kernel": Stored(
            "pooler.dense.weight", "hidden_dim hidden_dim", transpose=True
        ),
        "pooler/dense/bias": Stored("pooler.dense.bias", "hidden_dim"),
    },
    ignored=(r".*position_ids", r"cls\..*", r"classifier\..*", r"qa_outputs\..*"),
    renamed={"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"},
    config_keys={
        "vocab_size": "vocabulary_size",
        "hidden_size": "hidden_dim",
        "num_hidden_layers": "num_layers",
        "num_attention_heads": "num_heads",
        "intermediate_size": "intermediate_dim",
        "max_position_embeddings": "max_position",
        "type_vocab_size": "num_segments",
        "layer_norm_eps": "norm_epsilon",
        "hidden_dropout_prob": "dropout",
    },
    required={"position_embedding_type": "absolute", "is_decoder": False},
    activations={"gelu": False, "gelu_new": True, "gelu_pytorch_tanh": True},
)

HUGGING_FACE_FAMILIES = {"bert": HF_BERT}
