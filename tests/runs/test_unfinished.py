"""A run resumes with what it began with."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import open_datasets
from mtl_keras.runs.provenance import provenance
from mtl_keras.runs.run import LOGS, Run, unfinished_folder
from mtl_keras.runs.unfinished import (
    NORMALIZES,
    begin,
    changes_of,
    check_data,
    end,
    in_begun_order,
    normalizes_as_source,
)
from mtl_keras.storage.run_folder import RECORD

FACTS = {"data": {"a.csv": "1"}, "versions": {"keras": "3"}}


@pytest.fixture
def recipe(tmp_path):
    """A recipe's file."""
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


RECIPE = """\
encoder: all-MiniLM-L6-v2
tasks:
  topic: {files: {train: a.csv}}
  tone: {files: {train: a.csv}}
training: {plan: full}
"""


def _silent(line: str) -> None:
    """Nobody listens."""


def test_it_goes_on_once_it_has_begun_and_what_a_kill_left_goes(recipe, tmp_path):
    run, lines = Run(tmp_path / "run"), []
    assert not begin(run, recipe.read_bytes(), FACTS, resume=True, report=lines.append)
    assert lines == [f"{run.folder}: nothing to resume; beginning a new run"]
    (run.folder / ".partial-model.keras").write_bytes(b"half")
    (run.folder / "best" / ".partial-mean").mkdir(parents=True)
    (run.folder / "recipe.yaml").unlink()
    assert begin(run, recipe.read_bytes(), FACTS, resume=True, report=lines.append)
    assert len(lines) == 1
    assert not list(run.folder.rglob(".partial-*"))
    assert (run.folder / "recipe.yaml").read_text() == RECIPE
    other = tmp_path / "other.yaml"
    other.write_text(RECIPE.replace("tone", "mood"))
    with pytest.raises(InputError, match="run: holds the finished run of another recipe; choose"):
        end(run, other.read_bytes())
    assert run.has_begun
    end(run, recipe.read_bytes())
    assert not run.has_begun


def test_one_killed_before_it_had_begun_leaves_a_free_folder(tmp_path):
    run = Run(tmp_path / "run")
    (run.folder / "checkpoints").mkdir(parents=True)
    (run.folder / "checkpoints" / ".partial-start.json").write_bytes(b"{")
    (run.folder / "lock").write_bytes(b"")
    assert not begin(run, None, FACTS, resume=False)
    with pytest.raises(InputError, match="holds an unfinished run; --resume continues it"):
        begin(run, None, FACTS, resume=False)
    with pytest.raises(InputError, match=f"--output {run.folder} --resume' continues it"):
        Run.open(run.folder)


@pytest.mark.parametrize("resume", [True, False])
def test_a_folder_of_something_else_is_refused(tmp_path, resume):
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(InputError, match="already exists; choose another --output or remove it"):
        begin(Run(tmp_path), None, FACTS, resume=resume, report=_silent)


def test_it_goes_on_with_the_same_recipe_and_data_and_keeps_what_differs(recipe, tmp_path):
    run, lines = Run(tmp_path / "run"), []
    begin(run, recipe.read_bytes(), FACTS, resume=False)
    other = tmp_path / "other.yaml"
    other.write_text(RECIPE.replace("tone", "mood"))
    with pytest.raises(InputError, match="the recipe has changed since this run began; restore it"):
        begin(run, other.read_bytes(), FACTS, resume=True)
    changed = FACTS | {"data": {"a.csv": "2", "b.csv": "1"}}
    with pytest.raises(InputError, match=r"changed since the run began: 'a\.csv', 'b\.csv'; re"):
        begin(run, recipe.read_bytes(), changed, resume=True)
    for now in (FACTS | {"versions": {"keras": "4"}}, FACTS | {"versions": {"keras": "4"}}):
        begin(run, recipe.read_bytes(), now, resume=True, report=lines.append)
    assert lines == [
        "warning: resumes with keras 4 instead of 3: the result may differ in the last digits"
    ]
    assert changes_of(run) == ["resumed with keras 4 instead of 3"]


def test_other_workers_are_reported_and_kept(tmp_path):
    run, lines = Run(tmp_path / "run"), []
    begin(run, None, FACTS | {"workers": 2, "devices": 2}, resume=False)
    begin(run, None, FACTS | {"workers": 1, "devices": 1}, resume=True, report=lines.append)
    assert lines == [
        "warning: resumes with workers 1 instead of 2, devices 1 instead of 2: the result may "
        "differ in the last digits"
    ]
    begin(run, None, FACTS | {"workers": 1, "devices": 1}, resume=True, report=lines.append)
    assert len(lines) == 1
    assert changes_of(run) == ["resumed with workers 1 instead of 2, devices 1 instead of 2"]


def test_a_run_of_0_1_0_which_wrote_no_workers_goes_on_in_silence(tmp_path):
    run = Run(tmp_path / "run")
    begin(run, None, FACTS, resume=False)
    begin(run, None, FACTS | {"workers": 1, "devices": 1}, resume=True, report=pytest.fail)


REORDERED = """\
# a comment

tasks:
  tone:  {files: {train: a.csv}}  # and one more
  topic:
    files:
      train: 'a.csv'
encoder: all-MiniLM-L6-v2
training: {plan: full}
"""


def test_a_recipe_that_says_the_same_goes_on_in_the_order_that_it_began_with(recipe, tmp_path):
    run = Run(tmp_path / "run")
    begin(run, recipe.read_bytes(), FACTS, resume=False)
    recipe.write_text(REORDERED)
    assert begin(run, recipe.read_bytes(), FACTS, resume=True, report=pytest.fail)
    assert (run.folder / "recipe.yaml").read_text() == RECIPE
    ordered = in_begun_order(run, load_recipe(recipe))
    assert [task.name for task in ordered.tasks] == ["topic", "tone"]
    assert in_begun_order(Run(tmp_path / "absent"), load_recipe(recipe)) == load_recipe(recipe)


def test_a_run_whose_copy_of_the_recipe_was_changed_too_does_not_go_on(recipe, tmp_path):
    run = Run(tmp_path / "run")
    begin(run, recipe.read_bytes(), FACTS, resume=False)
    for path in (recipe, run.folder / "recipe.yaml"):
        path.write_text(RECIPE.replace("tone", "mood"))
    with pytest.raises(InputError, match="the recipe has changed since this run began"):
        begin(run, recipe.read_bytes(), FACTS, resume=True)


@pytest.mark.parametrize("change", ["grows", "goes", "other worker"])
def test_data_that_change_while_it_trains_stop_it(tiny_recipe, tmp_path, change):
    recipe, file = load_recipe(tiny_recipe), tmp_path / "train.csv"
    datasets, run = open_datasets(recipe), Run(tmp_path / "run")
    begin(run, tiny_recipe.read_bytes(), provenance(datasets, tmp_path), resume=False)
    check_data(run, datasets, tmp_path)
    assert changes_of(run) == []
    message = "'train.csv', so the run stops before it has results; restore them and use"
    if change == "grows":
        file.write_text(file.read_text() + "more,x\n")
    elif change == "goes":
        file.unlink()
    else:
        message = "files that another worker reads changed since the run began, so the run stops"
    agree = (lambda number: 1) if change == "other worker" else (lambda number: number)
    with pytest.raises(InputError, match=message):
        check_data(run, datasets, tmp_path, agree)
    assert changes_of(run)[0].startswith("while it trained: ")


def test_the_last_unfinished_run_of_a_recipe_is_found(tmp_path):
    path = tmp_path / "x" / "small.yaml"
    assert unfinished_folder(path, tmp_path) is None
    for number in (2, 9, 10, 11):
        begin(Run(tmp_path / f"small-{number}"), None, FACTS, resume=False)
    begin(Run(tmp_path / "small-er-12"), None, FACTS, resume=False)
    (tmp_path / "small-11" / RECORD).write_text("{}")
    (tmp_path / "small-13" / LOGS).mkdir(parents=True)
    assert unfinished_folder(path, tmp_path) == tmp_path / "small-10"


@pytest.mark.parametrize("fact", [True, False, None])
def test_a_run_keeps_the_normalization_that_it_began_with(recipe, tmp_path, fact):
    """0.1.0 wrote nothing of it; what it began keeps its way when it is resumed again."""
    run, began_as = Run(tmp_path / "run"), {} if fact is None else {NORMALIZES: fact}
    assert normalizes_as_source(run)
    begin(run, recipe.read_bytes(), FACTS | began_as, resume=False, report=_silent)
    assert normalizes_as_source(run) is bool(fact)
    newer = {"versions": {"keras": "4"}, NORMALIZES: normalizes_as_source(run)}
    begin(run, recipe.read_bytes(), FACTS | newer, resume=True, report=_silent)
    assert normalizes_as_source(run) is bool(fact)
