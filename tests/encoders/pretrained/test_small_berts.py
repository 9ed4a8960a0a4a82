"""The compact BERTs by name."""

import pytest

from mtl_keras.encoders.pretrained.small_berts import SMALL_BERTS, is_small_bert, small_bert
from mtl_keras.encoders.pretrained.sources import located
from mtl_keras.errors import InputError


def test_there_are_24_and_each_has_its_addresses():
    assert len(SMALL_BERTS) == 24
    assert {small_bert(name).name for name in SMALL_BERTS} == set(SMALL_BERTS)
    assert small_bert("small_bert/L-12_H-768").tf_hub.endswith("uncased_L-12_H-768_A-12/2")


def test_a_name_is_no_path(tmp_path):
    assert located("small_bert/L-10_H-128", tmp_path) == "small_bert/L-10_H-128"
    assert located("small_bert/mine", tmp_path) == f"{tmp_path}/small_bert/mine"
    assert not is_small_bert("small_bert/L-10")


def test_a_shape_that_was_not_published_is_refused():
    with pytest.raises(InputError, match=r"no compact BERT of this shape.*widths of 128, 256, 512"):
        small_bert("small_bert/L-3_H-128")
