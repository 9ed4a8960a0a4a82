"""A tokenizer and a transformer: strings in, token vectors and sentence embeddings out."""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mtl_keras.encoders.descriptions import described
from mtl_keras.encoders.length_sorting import length_sorted_batches
from mtl_keras.encoders.memory import keep_freed_memory
from mtl_keras.encoders.pretrained import loading, saving
from mtl_keras.encoders.pretrained.loaded_encoder import LoadedEncoder
from mtl_keras.encoders.texts import checked_texts
from mtl_keras.encoders.tokenizers.tokenizer import Tokenizer
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.encoders.transformer.keras_model import adapt
from mtl_keras.encoders.transformer.policy import check_policy
from mtl_keras.encoders.transformer.transformer import (
    build_transformer,
    layer_groups,
)
from mtl_keras.errors import InputError

_SENTENCE, _SEQUENCE = "sentence_embedding", "sequence_output"
_INPUTS = {"token_ids": tf.int32, "padding_mask": tf.bool}


class TextEncoder:
    """Raw strings → token vectors and one sentence embedding per text.

    Args:
        tokenizer: splits strings into word pieces.
        config: the transformer's shape.
        transformer: a model of this shape, as `build_transformer` makes it; one with fresh
            weights when None.
        normalize: whether `encode` scales sentence embeddings to length 1. The transformer's own
            `sentence_embedding`, which heads read, is never scaled.
        source: where the weights came from.

    Example:

    >>> from mtl_keras.encoders.transformer.config import EncoderConfig
    >>> from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    >>> tokenizer = WordpieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hello"],
    ...                                lowercase=True)
    >>> config = EncoderConfig(vocabulary_size=5, hidden_dim=8, num_layers=2, num_heads=2,
    ...                        intermediate_dim=16)
    >>> encoder = TextEncoder(tokenizer, config)
    >>> encoder.encode(["Hello", "hello hello"])["sentence_embedding"].shape
    (2, 8)
    >>> list(encoder.layer_groups)
    ['embeddings', 'block_0', 'block_1']
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        config: EncoderConfig,
        transformer: keras.Model | None = None,
        *,
        normalize: bool = False,
        source: str | None = None,
    ):
        keep_freed_memory()
        self.tokenizer = tokenizer
        self.config = config
        self.transformer = _transformer(config) if transformer is None else transformer
        self.normalize = normalize
        self.source = source

        signature = [tf.TensorSpec((None, None), dtype) for dtype in _INPUTS.values()]
        self._forward = tf.function(self._vectors, input_signature=signature, autograph=False)

    @classmethod
    def from_pretrained(
        cls,
        source: str,
        *,
        max_length: int | None = None,
        pooling: str | None = None,
        dtype: str | None = None,
        sha256: str | None = None,
    ) -> "TextEncoder":
        """An encoder with published weights.

        Args:
            source: `all-MiniLM-L6-v2`, `small_bert/L-10_H-128` (and the other shapes of Turc et
                al., 2019), `hf://organisation/name`, a TF Hub handle (`https://…`),
                `keras_hub://preset`, or a folder of any of these kinds; `run:` and a run's folder,
                or a `.keras` file, for the encoder that was trained there. See
                `mtl_keras.encoders.pretrained.loading.load`.
            max_length: longest input in word pieces; longer texts are truncated. None: 128, and of
                an encoder that was trained here the length that it was trained with.
            pooling: `mean`, `cls`, `pooler` or `last`, instead of what the source says.
            dtype: Keras dtype policy of the transformer, the global one when None.
            sha256: what the weights must have, in hexadecimal (`pretrained.checksum`).

        Raises:
            InputError: the source is missing, out of reach, damaged, of other weights or of
                another architecture.
        """
        check_policy(dtype)
        loaded = loading.load(
            source, max_length=max_length, pooling=pooling, dtype=dtype, sha256=sha256
        )
        return cls(
            loaded.tokenizer,
            loaded.config,
            loaded.transformer,
            normalize=loaded.normalize,
            source=str(source),
        )

    @classmethod
    def from_keras(
        cls,
        model: keras.Model,
        tokenizer: Tokenizer,
        *,
        pooling: str = "mean",
        normalize: bool = False,
    ) -> "TextEncoder":
        """An encoder of a transformer that you have built in Keras; it shares the model's layers.

        Args:
            model: a functional model from the inputs `token_ids` and `padding_mask`,
                `(batch, length)` each, to token vectors `(batch, length, hidden)`, alone or as
                `sequence_output` of a dict. Its layer groups are found in its graph: the longest
                chain of layers of one class are the blocks, everything before is the embeddings.
            tokenizer: splits strings into the pieces whose ids the model takes.
            pooling: as in `from_pretrained`; `pooler` if the model also returns `pooled_output`.
            normalize: whether `encode` scales sentence embeddings to length 1.

        Raises:
            InputError: the model has another form, cannot be described for a `.keras` file, lacks
                ids of the tokenizer, or takes fewer pieces than its `max_length`.
        """
        config, transformer = adapt(model, tokenizer, pooling)
        return cls(tokenizer, config, transformer, normalize=normalize)

    @property
    def layer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        """The units that are frozen together, lowest first: `embeddings`, `block_0`, …"""
        return layer_groups(self.transformer)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names of the arrays that `encode` can return."""
        return (*self.transformer.output, *_INPUTS)

    def encode(
        self,
        texts: Sequence[str],
        outputs: Sequence[str] = ("sentence_embedding",),
        batch_size: int = 32,
    ) -> dict[str, np.ndarray]:
        """Vectors of texts, as NumPy arrays by name, in the order of the texts.

        Texts of similar length share a batch, so that little padding is computed.

        Args:
            texts: `n` strings.
            outputs: names of the arrays to return. `sentence_embedding (n, hidden)`, scaled to
                length 1 if the source says so; `sequence_output (n, length, hidden)`, 0 at
                padding; `pooled_output (n, hidden)` if there is a pooler; `token_ids (n, length)`,
                int32, 0 at padding; `padding_mask (n, length)`, bool, true at word pieces. All
                others are float32. The length is that of the longest text.
            batch_size: texts per forward pass.

        Raises:
            InputError: the texts are not a list of strings, there is no such output, or the batch
                size is below 1.
        """
        texts = checked_texts(texts)
        _check_outputs(outputs, self.output_names)
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InputError(f"batch_size must be a whole number from 1. Received: {batch_size!r}")
        token_ids = self.tokenizer(tf.constant(texts, tf.string, (len(texts),))).token_ids
        lengths = token_ids.row_lengths().numpy()
        longest = lengths.max(initial=0)
        results = {name: self._empty(name, len(lengths), longest) for name in outputs}
        for rows in length_sorted_batches(lengths, lambda longest: batch_size):
            padded = tf.gather(token_ids, rows).to_tensor()  # (rows, length)
            vectors = self._forward(padded, tf.sequence_mask(lengths[rows]))
            for name, result in results.items():
                part = result[:, : padded.shape[1]] if name in (_SEQUENCE, *_INPUTS) else result
                part[rows] = vectors[name]
        return results

    def save_pretrained(self, folder: str | os.PathLike) -> Path:
        """Writes the encoder with its current weights in Hugging Face's format.

        `transformers`, sentence-transformers and `from_pretrained` read it; `from_pretrained`
        restores the same weights, bit for bit. See `mtl_keras.encoders.pretrained.saving.save`.

        Args:
            folder: a new or empty folder.

        Returns:
            The folder.

        Raises:
            InputError: the folder is not empty, or the format has no such architecture.
            WorkError: the folder cannot be written; nothing is left behind.
        """
        encoder = LoadedEncoder(self.tokenizer, self.transformer, self.config, self.normalize)
        return saving.save(encoder, Path(folder))

    def get_config(self) -> dict[str, Any]:
        """Tokenizer and architecture as plain values, without the weights."""
        return {
            "tokenizer": keras.saving.serialize_keras_object(self.tokenizer),
            "config": keras.saving.serialize_keras_object(self.config),
            "normalize": self.normalize,
            "source": self.source,
            "dtype": self.transformer.get_layer("embeddings").dtype_policy.name,
        }

    @classmethod
    def from_config(
        cls,
        config: dict[str, Any],
        *,
        initialize: bool = True,
        most_weights: float = math.inf,
    ) -> "TextEncoder":
        """The encoder that `get_config` described, with fresh weights.

        Args:
            config: from this version, or from 0.1.0, which stored no classes.
            initialize: whether to draw random weights. If not, they start as zeros, because loaded
                values overwrite them; KerasHub's weights are always drawn.
            most_weights: the most numbers that the weights may hold, if that is known.

        Raises:
            InputError: the encoder would have more weights.
        """
        shape = described(config["config"])
        if (least := shape.least_weights()) > most_weights:
            raise InputError(
                f"the described encoder has at least {least:,} weights, but "
                f"{most_weights:,} are stored; restore the file"
            )
        return cls(
            described(config["tokenizer"]),
            shape,
            _transformer(shape, config["dtype"], initialize=initialize),
            normalize=config["normalize"],
            source=config["source"],
        )

    def _vectors(self, token_ids: tf.Tensor, padding_mask: tf.Tensor) -> dict[str, tf.Tensor]:
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}  # (batch, length) each
        outputs = self.transformer(inputs, training=False)
        vectors = {name: tf.cast(vector, tf.float32) for name, vector in outputs.items()}
        vectors[_SEQUENCE] *= tf.cast(padding_mask, tf.float32)[:, :, tf.newaxis]
        if self.normalize:
            vectors[_SENTENCE] = tf.math.l2_normalize(vectors[_SENTENCE], axis=-1)
        return inputs | vectors

    def _empty(self, name: str, count: int, longest: int) -> np.ndarray:
        if name in _INPUTS:
            return np.zeros((count, longest), _INPUTS[name].as_numpy_dtype)
        middle = (longest,) if name == _SEQUENCE else ()
        return np.zeros((count, *middle, self.config.hidden_dim), np.float32)


def _transformer(
    config: EncoderConfig, dtype: str | None = None, *, initialize: bool = True
) -> keras.Model:
    check_policy(dtype)
    return build_transformer(config, dtype, initialize=initialize)


def _check_outputs(outputs: Sequence[str], valid: Sequence[str]) -> None:
    if isinstance(outputs, str) or not outputs or not set(outputs) <= set(valid):
        raise InputError(f"outputs must be a list of {', '.join(valid)}. Received: {outputs!r}")
