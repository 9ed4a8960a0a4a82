"""What only this package says in a folder."""

import json

import pytest

from mtl_keras.encoders.pretrained.own_settings import read_own_settings, write_own_settings
from mtl_keras.errors import InputError


def test_what_other_files_can_say_is_not_written(tmp_path):
    write_own_settings(tmp_path, {"pooling": "mean", "newer_letters": True})
    assert not list(tmp_path.iterdir())
    assert read_own_settings(tmp_path) == {}


def test_what_they_cannot_say_is_read_back(tmp_path):
    own = {"pooling": "pooler", "normalization": "TfHubNormalization"}
    write_own_settings(tmp_path, own | {"normalize": False})
    assert read_own_settings(tmp_path) == own


@pytest.mark.parametrize("content", [{"pooling": "max"}, {"layers": 3}, {"normalization": ["x"]}])
def test_anything_else_is_refused(content, tmp_path):
    (tmp_path / "mtl_keras.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"mtl_keras\.json says .*; supported: "):
        read_own_settings(tmp_path)
