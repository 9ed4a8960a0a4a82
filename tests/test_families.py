"""The tables: complete, and of sizes that exist."""

import dataclasses
import re

import pytest

from mtl_keras.encoders import EncoderConfig, build_transformer
from mtl_keras.families import HUGGING_FACE_FAMILIES, TF_HUB_BERT

FAMILIES = [TF_HUB_BERT, *HUGGING_FACE_FAMILIES.values()]
CONFIG = EncoderConfig(
    vocabulary_size=9, hidden_dim=4, num_layers=1, num_heads=2, intermediate_dim=8, pooler=True
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_weight_of_the_encoder_is_in_the_table(family):
    paths = {weight.path for weight in build_transformer(CONFIG).weights}
    assert {path.format(i=0) for path in family.weights} == paths


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_tensor_serves_two_weights(family):
    names = [s.name.format(i=0, part=part) for s in family.weights.values() for part in s.parts]
    assert len(set(names)) == len(names)
    assert family.anchor in names
    assert not [n for n in names for pattern in family.ignored if re.fullmatch(pattern, n)]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_settings_and_sizes_are_fields_of_the_configuration(family):
    fields = {field.name for field in dataclasses.fields(EncoderConfig)}
    assert {*family.config_keys.values(), *family.settings} <= fields
    axes = {axis for stored in family.weights.values() for axis in stored.shape.split()}
    assert axes <= fields | {"head_dim"}
