"""An export out of its folder."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.loading import export_in, load_signatures


def test_of_numbered_folders_the_highest_is_taken(tmp_path):
    assert export_in(tmp_path) is None
    for name in ("2", "10", "notes"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").touch()
    assert export_in(tmp_path) == tmp_path / "10"
    assert export_in(tmp_path / "2") == tmp_path / "2"


def test_a_damaged_export_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    with pytest.raises(InputError, match="cannot be loaded; restore it or export again"):
        load_signatures(tmp_path)
