"""An encoder that branches off from another: own blocks above shared layers."""

import keras

from mtl_keras.encoders.levels import levels_of, output_at
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.transformer import FINAL_NORM, POOLER, copy_of, pool


def branch_off(encoder: TextEncoder, level: str, name: str) -> TextEncoder:
    """The encoder with copies of its layers above a level, of the same weights.

    It shares the layers up to that level; its own are called `<name>.<layer>`. The names of its
    levels are the encoder's.

    Args:
        encoder: that it branches off from.
        level: the highest shared one, below the last.
        name: of the branch.

    Example:

    >>> from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    >>> from mtl_keras.encoders.transformer.config import EncoderConfig
    >>> config = EncoderConfig(vocabulary_size=5, hidden_dim=8, num_layers=2, num_heads=2,
    ...                        intermediate_dim=16)
    >>> tokenizer = WordpieceTokenizer(["[UNK]", "[CLS]", "[SEP]", "a", "b"], lowercase=True)
    >>> branch = branch_off(TextEncoder(tokenizer, config), "block_0", "topic")
    >>> [layers[0].name for layers in branch.layer_groups.values()]
    ['embeddings', 'block_0', 'topic.block_1']
    """
    transformer, groups = encoder.transformer, encoder.layer_groups
    mask = transformer.input["padding_mask"]
    own = own_levels(encoder, level)
    x = output_at(encoder, level)
    for block, *_ in (groups[above] for above in own):
        x = _copied(block, name, x, *block.input[1:])
    top = {layer.name.rpartition(".")[-1]: layer for layer in groups[own[-1]][1:]}
    if FINAL_NORM in top:
        x = _copied(top[FINAL_NORM], name, x)
    outputs = {"sequence_output": x}
    if POOLER in top:
        outputs["pooled_output"] = _copied(top[POOLER], name, x)
    outputs["sentence_embedding"] = pool(encoder.config, outputs, mask)
    return TextEncoder(
        encoder.tokenizer,
        encoder.config,
        keras.Model(transformer.input, outputs, name="transformer"),
        normalize=encoder.normalize,
        source=encoder.source,
    )


def own_levels(encoder: TextEncoder, level: str) -> list[str]:
    """The levels above one, lowest first."""
    levels = levels_of(encoder)
    return levels[levels.index(level) + 1 :]


def _copied(
    layer: keras.layers.Layer, branch: str, *inputs: keras.KerasTensor
) -> keras.KerasTensor:
    """The output of a copy of a layer."""
    copy = copy_of(layer, branch)
    output = copy(*inputs)
    copy.set_weights(layer.get_weights())
    return output
