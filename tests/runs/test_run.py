"""The run folder: whole files or none."""

import json
import re
from pathlib import Path

import pytest
from support.rights import bound_by_rights

from mtl_keras.errors import InputError, WorkError
from mtl_keras.runs.run import Run, next_folder
from mtl_keras.storage.locks import one_writer


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


def test_a_path_that_no_folder_can_have_is_refused():
    with pytest.raises(InputError, match=r"a path cannot hold a null character"):
        Run("runs/a\0")


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="already exists; choose another --output"):
            Run.create(folder)


def test_what_a_killed_process_left_leaves_a_folder_free(tmp_path):
    (tmp_path / "run" / ".partial-abc").mkdir(parents=True)
    (tmp_path / "run" / "lock").touch()
    Run.create(tmp_path / "run")


def test_an_unfinished_run_is_no_run(tmp_path):
    Run.create(tmp_path / "run")
    with pytest.raises(InputError, match=r"no finished run here"):
        Run.open(tmp_path / "run")


def test_a_run_that_is_being_trained_is_reported_so(tmp_path):
    run = Run(tmp_path / "run")
    for _ in ("lock", "checkpoints/start.json"):
        with (
            one_writer(run.folder),
            pytest.raises(InputError, match=r"process \d+ on .* is writing"),
        ):
            Run.open(run.folder)
        run.write_json("checkpoints/start.json", {})
    with pytest.raises(InputError, match="this run is unfinished; 'mtl-keras train RECIPE"):
        Run.open(run.folder)


@pytest.mark.parametrize("closed", ["run", "run.json"])
def test_what_the_user_may_not_read_is_not_damaged(finished, closed):
    path = finished if closed == "run" else finished / closed
    path.chmod(0)
    try:
        with bound_by_rights(), pytest.raises(InputError) as raised:
            Run.open(finished)
    finally:
        path.chmod(0o755)
    assert str(raised.value).startswith(f"{path}: cannot be read: Permission denied; give yourself")


def test_the_next_folder_is_the_lowest_free_number(tmp_path):
    (tmp_path / "tickets-1").mkdir()
    (tmp_path / "tickets-3").mkdir()
    assert next_folder(Path("x/tickets.yaml"), tmp_path) == tmp_path / "tickets-2"


@pytest.fixture
def finished(tmp_path):
    """A run folder as training leaves it, but without a model."""
    run = Run.create(tmp_path / "run")
    (run.folder / "recipe.yaml").write_text(RECIPE)
    run.write_json("run.json", RECORD)
    return run.folder


RECIPE = """\
encoder: all-MiniLM-L6-v2
tasks:
  topic:
    files: {train: train.csv}
training: {plan: full}
"""
RECORD = {
    "recipe_folder": "/data",
    "tasks": {"topic": {"kind": "classification", "labels": ["x", "y"]}},
}


def test_a_runs_recipe_has_its_place_and_labels(finished):
    recipe = Run.open(finished).recipe
    assert recipe.path == Path("/data/recipe.yaml")
    assert [task.labels for task in recipe.tasks] == [("x", "y")]
    assert recipe.tasks[0].files == {"train": ("train.csv",)}


def test_a_regression_has_the_scale_that_it_was_trained_with(finished):
    tasks = {"price": {"kind": "regression", "labels": [], "scale": [40.0, 7.5]}}
    (finished / "run.json").write_text(json.dumps(RECORD | {"tasks": tasks}))
    assert Run.open(finished).tasks["price"].scale == (40.0, 7.5)


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "[" * 100_000, "null", "{}"),
        json.dumps(RECORD | {"tasks": {}}),
        json.dumps(RECORD | {"tasks": []}),
        json.dumps(RECORD | {"recipe_folder": 5}),
        json.dumps(RECORD | {"tasks": {"topic": {"kind": "classification"}}}),
        json.dumps(RECORD | {"tasks": {"topic": {"kind": "prayer", "labels": ["x", "y"]}}}),
        json.dumps(RECORD | {"tasks": {"topic": {"kind": "classification", "labels": "xy"}}}),
    ],
)
def test_a_damaged_record_is_reported_when_the_run_is_opened(finished, content):
    (finished / "run.json").write_text(content)
    with pytest.raises(InputError) as error:
        Run.open(finished)
    assert str(error.value) == f"{finished / 'run.json'}: damaged; restore it or train again"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "  topic:",
            "  tone:",
            "has the tasks tone (classification); the run was trained on topic",
        ),
        ("files:", "kind: regression\n    files:", "has the tasks topic (regression); the run was"),
        (
            "training:",
            "  more: {files: {train: x.csv}}\ntraining:",
            "more (classification); the run",
        ),
    ],
)
def test_a_changed_recipe_of_a_run_is_refused(finished, old, new, message):
    (finished / "recipe.yaml").write_text(RECIPE.replace(old, new))
    with pytest.raises(InputError, match=re.escape(message)):
        _ = Run.open(finished).recipe


@pytest.mark.parametrize(
    ("version", "newer"), [("0.0.9", False), ("0.10.0", True), ("", False), ("9" * 5000, True)]
)
def test_a_run_of_a_newer_version_is_refused(finished, version, newer):
    record = json.loads((finished / "run.json").read_text())
    record["versions"] = {"mtl_keras": version}
    if newer:
        record["tasks"] = "in another form"
    (finished / "run.json").write_text(json.dumps(record))
    if not newer:
        assert Run.open(finished).tasks
        return
    with pytest.raises(InputError, match=r"written by mtl_keras [09].*--upgrade"):
        Run.open(finished)
