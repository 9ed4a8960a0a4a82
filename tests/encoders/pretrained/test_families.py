"""The tables: complete, and of sizes that exist."""

import ast
import dataclasses
import re
from pathlib import Path

import pytest

from mtl_keras.encoders.pretrained import families
from mtl_keras.encoders.pretrained.families import HUGGING_FACE_FAMILIES, TF_HUB_BERT
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.encoders.transformer.transformer import build_transformer

FAMILIES = [TF_HUB_BERT, *HUGGING_FACE_FAMILIES.values()]
SHAPE = {
    "vocabulary_size": 9,
    "hidden_dim": 4,
    "num_layers": 1,
    "num_heads": 2,
    "intermediate_dim": 8,
}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_weight_of_the_encoder_is_in_the_table(family):
    pooler = "pooler/dense" in family.layers
    config = EncoderConfig(**SHAPE | dict(family.settings) | {"pooler": pooler})
    paths = {weight.path for weight in build_transformer(config).weights}
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
    assert {axis.removeprefix("3*") for axis in axes} <= fields | {"head_dim"}


def test_a_table_is_short_and_has_no_code_of_its_own():
    """From `X = Family(` to the closing parenthesis: fewer than 60 lines, of literals and names."""
    module = ast.parse(Path(families.__file__).read_text(encoding="utf-8"))
    tables = [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "Family"
    ]
    assert len(tables) == len(FAMILIES)
    for table in tables:
        assert table.end_lineno - table.lineno < 60
        inner = [node for value in table.keywords for node in ast.walk(value)]
        assert not [node for node in inner if isinstance(node, ast.Call | ast.Lambda)]
