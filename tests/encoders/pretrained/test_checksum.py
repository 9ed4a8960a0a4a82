"""An encoder whose weights are not those that were meant is refused."""

import hashlib

import pytest

from mtl_keras.encoders.pretrained.checksum import check_weights, weights_sha256
from mtl_keras.encoders.pretrained.loading import load
from mtl_keras.errors import InputError


def test_it_is_that_of_the_file(tiny_bert):
    expected = hashlib.sha256((tiny_bert / "model.safetensors").read_bytes()).hexdigest()
    assert weights_sha256(tiny_bert) == expected
    check_weights(tiny_bert, expected.upper())
    assert load(str(tiny_bert), max_length=16, sha256=expected).config.num_layers == 2


@pytest.mark.parametrize("name", ["model-{}.safetensors", "pytorch_model-{}.bin"])
def test_shards_count_one_after_the_other(tmp_path, name):
    for number in (2, 1):
        (tmp_path / name.format(number)).write_bytes(bytes([number]))
    assert weights_sha256(tmp_path) == hashlib.sha256(b"\x01\x02").hexdigest()


def test_other_weights_are_refused_before_they_are_opened(tiny_bert, tmp_path):
    with pytest.raises(InputError, match=r"encoder '.*': its weights have the sha256 \w{64}; exp"):
        load(str(tiny_bert), sha256="0" * 64)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="the sha256 of nothing; expected 000"):
        load(str(tmp_path), sha256="0" * 64)
