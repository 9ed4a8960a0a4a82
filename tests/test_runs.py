"""The run folder: whole files or none."""

from pathlib import Path

import pytest

from mtl_keras.errors import InputError, WorkError
from mtl_keras.runs import Run, next_folder


def test_what_is_written_is_read_back(tmp_path):
    run = Run.create(tmp_path / "run")
    run.write_json("metrics.json", {"é": 1.5})
    assert run.read_json("metrics.json") == {"é": 1.5}


def test_a_write_that_fails_leaves_nothing(tmp_path):
    run = Run.create(tmp_path / "run")

    def fail(path: Path):
        path.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(WorkError, match=r"metrics.json: cannot be written: No space left"):
        run.write("metrics.json", fail)
    assert list(run.folder.iterdir()) == []


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="exists already; choose another --output"):
            Run.create(folder)


def test_an_unfinished_run_is_no_run(tmp_path):
    Run.create(tmp_path / "run")
    with pytest.raises(InputError, match=r"no finished run here"):
        Run.open(tmp_path / "run")


def test_the_next_folder_is_the_lowest_free_number(tmp_path):
    (tmp_path / "tickets-1").mkdir()
    (tmp_path / "tickets-3").mkdir()
    assert next_folder(Path("x/tickets.yaml"), tmp_path) == tmp_path / "tickets-2"
