"""The levels of an encoder: its outputs after each layer group, at which it can be cut."""

import keras

from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.transformer import FINAL_NORM, pool
from mtl_keras.errors import InputError


def levels_of(encoder: TextEncoder) -> list[str]:
    """The levels, lowest first: `embeddings`, `block_0`, …"""
    return list(encoder.layer_groups)


def vectors_at(encoder: TextEncoder, level: str) -> dict[str, keras.KerasTensor]:
    """The outputs of an encoder if it ended at a level.

    If the blocks normalise their input first, the final norm is applied at each level. The sentence
    embedding uses the encoder's own pooling; but a pooler exists at the last level only, and lower
    levels use the mean of the token vectors instead.

    Args:
        encoder: the encoder.
        level: one of `levels_of`.

    Returns:
        `sequence_output (batch, length, hidden)` and `sentence_embedding (batch, hidden)`.

    Raises:
        InputError: the encoder has no such level.
    """
    levels, transformer = levels_of(encoder), encoder.transformer
    if level not in levels:
        raise InputError(f"the encoder has no level {level!r}; it has {', '.join(levels)}")
    if level == levels[-1]:
        names = ("sequence_output", "sentence_embedding")
        return {name: transformer.output[name] for name in names}
    x = output_at(encoder, level)
    for norm in (layer for layer in transformer.layers if _is_final_norm(layer)):
        x = norm(x)
    config = encoder.config.lowest(max(1, levels.index(level)))
    outputs = {"sequence_output": x}
    mask = transformer.input["padding_mask"]
    return outputs | {"sentence_embedding": pool(config, outputs, mask)}


def output_at(encoder: TextEncoder, level: str) -> keras.KerasTensor:
    """What the layer above a level reads, `(batch, length, hidden)`."""
    return encoder.layer_groups[level][0].output


def cut_above(encoder: TextEncoder, level: str) -> TextEncoder:
    """The encoder that ends at a block: it shares the layers up to that block.

    Raises:
        InputError: the encoder has no such block.

    Example:

    >>> from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    >>> from mtl_keras.encoders.transformer.config import EncoderConfig
    >>> config = EncoderConfig(vocabulary_size=5, hidden_dim=8, num_layers=3, num_heads=2,
    ...                        intermediate_dim=16)
    >>> tokenizer = WordpieceTokenizer(["[UNK]", "[CLS]", "[SEP]", "a", "b"], lowercase=True)
    >>> levels_of(cut_above(TextEncoder(tokenizer, config), "block_1"))
    ['embeddings', 'block_0', 'block_1']
    """
    levels = levels_of(encoder)
    vectors = vectors_at(encoder, level)
    if level == levels[-1]:
        return encoder
    return _ending_so(encoder, vectors, levels.index(level))


def without_pooler(encoder: TextEncoder) -> TextEncoder:
    """The encoder of the same layers but for a pooler; the mean pools where that did."""
    if not encoder.config.pooler:
        return encoder
    blocks, transformer = encoder.config.num_layers, encoder.transformer
    vectors = {"sequence_output": transformer.output["sequence_output"]}
    if encoder.config.pooling == "pooler":
        mask = transformer.input["padding_mask"]
        sentence = pool(encoder.config.lowest(blocks), vectors, mask)
    else:
        sentence = transformer.output["sentence_embedding"]
    return _ending_so(encoder, vectors | {"sentence_embedding": sentence}, blocks)


def _ending_so(
    encoder: TextEncoder, vectors: dict[str, keras.KerasTensor], blocks: int
) -> TextEncoder:
    """The encoder of these outputs and so many blocks, without a pooler."""
    return TextEncoder(
        encoder.tokenizer,
        encoder.config.lowest(blocks),
        keras.Model(encoder.transformer.input, vectors, name="transformer"),
        normalize=encoder.normalize,
        source=encoder.source,
    )


def _is_final_norm(layer: keras.layers.Layer) -> bool:
    return layer.name.rpartition(".")[-1] == FINAL_NORM
