"""Whether a run's folder holds a finished run."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.storage.locks import one_writer
from mtl_keras.storage.run_folder import RECORD, START, check_finished, has_begun, is_finished


def test_the_record_says_that_a_run_is_finished(tmp_path):
    (tmp_path / START).parent.mkdir()
    (tmp_path / START).write_text("{}")
    assert has_begun(tmp_path)
    assert not is_finished(tmp_path)
    with pytest.raises(InputError, match=r"this run is unfinished; .*--resume' continues it"):
        check_finished(tmp_path)
    (tmp_path / RECORD).write_text("{}")
    check_finished(tmp_path)


def test_a_run_that_is_being_trained_is_refused(tmp_path):
    with (
        one_writer(tmp_path),
        pytest.raises(InputError, match="is writing here"),
    ):
        check_finished(tmp_path)
