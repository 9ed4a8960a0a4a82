"""Layer groups found in the graphs of KerasHub's backbones, or refused in a line."""

import pytest

from mtl_keras.encoders.transformer.keras_hub_graph import find_structure
from mtl_keras.errors import InputError

keras_hub = pytest.importorskip("keras_hub", reason='needs pip install "mtl_keras[keras_hub]"')
models = keras_hub.models

SHAPE = {"vocabulary_size": 30, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 16}
WITHOUT_HEADS = {name: size for name, size in SHAPE.items() if name != "num_heads"}
IMAGE = {"image_shape": (32, 32, 3), "patch_size": 8, "num_heads": 2, "hidden_dim": 8, "mlp_dim": 8}


def layers_of(structure) -> list[list[str]]:
    """The names of the layers that make each level of the one below."""
    import keras

    beside = [structure.inputs["padding_mask"]]
    beside += [] if structure.positions is None else [structure.positions]
    return [
        [layer.name for layer in keras.Model([below, *beside], above).layers if layer.weights]
        for below, above in zip(structure.levels, structure.levels[1:], strict=False)
    ]


def test_a_block_is_a_layer_of_the_chain():
    structure = find_structure(models.RobertaBackbone(num_layers=3, **SHAPE))
    assert layers_of(structure) == [[f"transformer_layer_{index}"] for index in range(3)]
    assert structure.sequence is structure.levels[-1]
    assert (structure.pooled, structure.positions, structure.repeats) == (None, None, 3)


def test_relative_positions_stand_beside_the_blocks():
    structure = find_structure(models.DebertaV3Backbone(num_layers=2, bucket_size=4, **SHAPE))
    assert layers_of(structure) == [
        [f"disentangled_attention_encoder_layer_{index}"] for index in range(2)
    ]
    assert structure.positions.shape == (None, 8, 8)


@pytest.mark.parametrize(
    ("groups", "inner", "blocks"),
    [
        (1, 1, [["group_0_inner_layer_0"]]),
        (2, 1, [["group_0_inner_layer_0"], ["group_1_inner_layer_0"]]),
        (1, 2, [["group_0_inner_layer_0", "group_0_inner_layer_1"]]),
        (4, 1, [[f"group_{index}_inner_layer_0"] for index in range(4)]),
    ],
)
def test_layers_that_share_their_weights_are_one_block(groups, inner, blocks):
    repetition = {"num_layers": 4, "num_groups": groups, "num_inner_repetitions": inner}
    structure = find_structure(models.AlbertBackbone(embedding_dim=4, **repetition, **SHAPE))
    assert layers_of(structure) == blocks
    assert structure.repeats == 4 * inner
    assert structure.pooled is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (
            "BartBackbone",
            SHAPE | {"num_layers": 2},
            "takes decoder_padding_mask, decoder_token_ids",
        ),
        (
            "ViTBackbone",
            IMAGE | {"num_layers": 2},
            "takes images; supported are backbones that",
        ),
        ("FNetBackbone", WITHOUT_HEADS | {"num_layers": 2}, "takes segment_ids, token_ids; supp"),
        ("XLNetBackbone", SHAPE | {"num_layers": 2}, "its graph has no repeated layers"),
        ("BertBackbone", SHAPE | {"num_layers": 1}, "its graph has no repeated layers"),
    ],
)
def test_what_has_no_layer_groups_is_refused(kind, settings, message):
    with pytest.raises(InputError, match=f"^{kind}:? {message}"):
        find_structure(getattr(models, kind)(**settings))


def test_blocks_that_read_the_text_beside_the_layer_below_are_refused():
    import keras

    ids = keras.Input((None,), dtype="int32", name="token_ids")
    mask = keras.Input((None,), dtype="int32", name="padding_mask")
    embedded = keras.layers.Embedding(30, 8)(ids)
    first = keras.layers.Dense(8, name="first")(embedded)
    second = keras.layers.Dense(8, name="second")(first)
    inputs = {"token_ids": ids, "padding_mask": mask}
    around = keras.layers.Add(name="around")([second, embedded])
    with pytest.raises(InputError, match="around also reads token_ids, so its layers cannot"):
        find_structure(keras.Model(inputs, around))
    attended = keras.layers.MultiHeadAttention(2, 4, name="attention_0")(embedded, embedded)
    attended = keras.layers.MultiHeadAttention(2, 4, name="attention_1")(attended, embedded)
    with pytest.raises(InputError, match=r"its blocks read embedding.* besides the layer below"):
        find_structure(keras.Model(inputs, attended))
