"""A run resumes with what it began with."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.runs.run import LOGS, RECORD, Run, unfinished_folder
from mtl_keras.runs.unfinished import begin, end

FACTS = {"data": {"a.csv": "1"}, "versions": {"keras": "3"}}


def _silent(line: str) -> None:
    """Nobody listens."""


def test_it_goes_on_once_it_has_begun_and_what_a_kill_left_goes(tmp_path):
    run, said = Run(tmp_path / "run"), []
    assert not begin(run, b"x: 1", FACTS, resume=True, report=said.append)
    assert said == [f"{run.folder}: nothing to resume; begins anew"]
    (run.folder / ".partial-model.keras").write_bytes(b"half")
    (run.folder / "best" / ".partial-mean").mkdir(parents=True)
    (run.folder / "recipe.yaml").unlink()
    assert begin(run, b"x: 1", FACTS, resume=True, report=said.append)
    assert len(said) == 1
    assert not list(run.folder.rglob(".partial-*"))
    assert (run.folder / "recipe.yaml").read_bytes() == b"x: 1"
    end(run)
    assert not run.has_begun


def test_one_killed_before_it_had_begun_leaves_a_free_folder(tmp_path):
    run = Run(tmp_path / "run")
    (run.folder / "checkpoints").mkdir(parents=True)
    (run.folder / "checkpoints" / ".partial-start.json").write_bytes(b"{")
    (run.folder / "lock").write_bytes(b"")
    assert not begin(run, b"", FACTS, resume=False)
    with pytest.raises(InputError, match="holds an unfinished run; --resume continues it"):
        begin(run, b"", FACTS, resume=False)
    with pytest.raises(InputError, match=f"--output {run.folder} --resume' continues it"):
        Run.open(run.folder)


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_of_something_else_is_refused(tmp_path, resume):
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(InputError, match="exists already; choose another --output or remove it"):
        begin(Run(tmp_path), b"", FACTS, resume=resume, report=_silent)


def test_it_goes_on_with_the_same_recipe_and_data_and_tells_other_versions(tmp_path):
    run, said = Run(tmp_path / "run"), []
    begin(run, b"x: 1", FACTS, resume=False)
    with pytest.raises(InputError, match="the recipe has changed since this run began; restore it"):
        begin(run, b"x: 2", FACTS, resume=True)
    other = FACTS | {"data": {"a.csv": "2", "b.csv": "1"}}
    with pytest.raises(InputError, match=r"changed since the run began: 'a\.csv', 'b\.csv'; re"):
        begin(run, b"x: 1", other, resume=True)
    begin(run, b"x: 1", FACTS | {"versions": {"keras": "4"}}, resume=True, report=said.append)
    assert said == [
        "warning: resumes with keras 4 instead of 3: the result may differ in the last digits"
    ]


def test_the_last_unfinished_run_of_a_recipe_is_found(tmp_path):
    path = tmp_path / "x" / "small.yaml"
    assert unfinished_folder(path, tmp_path) is None
    for number in (2, 9, 10, 11):
        begin(Run(tmp_path / f"small-{number}"), b"", FACTS, resume=False)
    begin(Run(tmp_path / "small-er-12"), b"", FACTS, resume=False)
    (tmp_path / "small-11" / RECORD).write_text("{}")
    (tmp_path / "small-13" / LOGS).mkdir(parents=True)
    assert unfinished_folder(path, tmp_path) == tmp_path / "small-10"
