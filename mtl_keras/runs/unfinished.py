"""A run that has begun but not ended. It records what it began with, and resumes with the same."""

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.display import show
from mtl_keras.errors import InputError
from mtl_keras.recipes.recipe import Recipe, load_recipe, says_the_same
from mtl_keras.runs.checkpoint_files import StateFolder
from mtl_keras.runs.provenance import describe_changes, fingerprints
from mtl_keras.runs.run import BEST, RECIPE, Run
from mtl_keras.storage.run_folder import CHECKPOINTS, START

UNITS = ("workers", "devices")  # facts: how many of them a training runs on
NORMALIZES = "normalizes_as_source"  # a fact; 0.1.0 neither wrote it nor normalized like that
CHANGES = "changes"  # a fact: what differed when the run was resumed


def begin(
    run: Run,
    recipe: bytes | None,
    facts: Mapping,
    *,
    resume: bool,
    report: Callable[[str], None] = show,
) -> bool:
    """Records what a new run begins with, or checks it against what a resumed run began with.

    Args:
        run: a new or begun run, locked.
        recipe: the YAML of what it trains; None if the run is part of something with a recipe.
        facts: `data`, which must be the same, and `versions` and `UNITS`, whose changes are
            reported and recorded (`changes_of`).
        resume: whether to resume a run that has begun.
        report: receives lines about what happens.

    Returns:
        Whether the run had begun.

    Raises:
        InputError: the folder holds something else, or the recipe or its data have changed.
    """
    content = recipe or b""
    if resume and run.has_begun:
        before = run.read_json(START)
        _check_recipe(run, before, content)
        _check_facts(run, before, facts, report)
        _sweep(run)
    elif resume:
        report(f"{run.folder}: nothing to resume; beginning a new run")
    has_begun = resume and run.has_begun
    if not has_begun:
        run.check_free()
        run.write_json(START, {"recipe_sha256": _sha256(content), **facts})
    if run.read_json(START)["recipe_sha256"] == _sha256(content):
        run.write(RECIPE, lambda path: path.write_bytes(content))
    return has_begun


def in_begun_order(run: Run, recipe: Recipe) -> Recipe:
    """The recipe, with its tasks in the order of the run that it resumes."""
    try:
        names = [
            task.name for task in load_recipe(run.folder / RECIPE, folder=recipe.path.parent).tasks
        ]
    except InputError:
        return recipe
    if {*names} != {task.name for task in recipe.tasks}:
        return recipe
    return replace(recipe, tasks=tuple(sorted(recipe.tasks, key=lambda t: names.index(t.name))))


def normalizes_as_source(run: Run) -> bool:
    """Whether a run normalizes texts as its encoder's source does.

    A run that 0.1.0 began keeps that version's normalization.
    """
    return not run.has_begun or run.read_json(START).get(NORMALIZES, False)


def check_data(
    run: Run,
    datasets: Mapping[str, TaskDataset],
    folder: Path,
    agree: Callable[[int], int] = lambda number: number,
) -> None:
    """Compares the files with what the run began with, and records changes in the run.

    Args:
        run: the run that trains.
        datasets: task → its files.
        folder: of the recipe.
        agree: returns the largest number of any worker.

    Raises:
        InputError: a file has changed, here or for another worker.
    """
    before = run.read_json(START)
    changes = describe_changes(before["data"], fingerprints(datasets, folder, like=before["data"]))
    if not agree(int(changes is not None)):
        return
    changes = changes or "files that another worker reads changed since the run began"
    _record(run, before, [f"while it trained: {changes}"])
    raise InputError(
        f"{run.folder}: {changes}, so the run stops before it has results; restore them and use "
        "--resume, or begin a new run"
    )


def changes_of(run: Run) -> list[str]:
    """The changes since the run began that were noticed at resuming and during training."""
    return list(run.read_json(START).get(CHANGES, ()))


def checkpoints_of(run: Run) -> StateFolder:
    """The run's checkpoints."""
    return StateFolder(run.folder / CHECKPOINTS)


def end(run: Run, recipe: bytes | None = None) -> None:
    """Removes the checkpoints of a finished run.

    Args:
        run: a finished run.
        recipe: the YAML that the run must have trained; None checks nothing.

    Raises:
        InputError: the run trained another recipe.
    """
    if recipe and not says_the_same(recipe, run.folder / RECIPE):
        raise InputError(
            f"{run.folder}: holds the finished run of another recipe; choose another --output"
        )
    with contextlib.suppress(OSError):
        shutil.rmtree(run.folder / CHECKPOINTS)


def _check_recipe(run: Run, before: Mapping, content: bytes) -> None:
    began_with, copy = before.get("recipe_sha256"), run.folder / RECIPE
    if _sha256(content) == began_with:
        return
    is_copy = copy.is_file() and _sha256(copy.read_bytes()) == began_with
    if not (content and is_copy and says_the_same(content, copy)):
        raise InputError(
            f"{run.folder}: the recipe has changed since this run began; restore it (from the copy "
            f"{copy}), or begin a new run"
        )


def _check_facts(run: Run, before: Mapping, now: Mapping, report: Callable[[str], None]) -> None:
    if changes := describe_changes(before["data"], now["data"]):
        raise InputError(f"{run.folder}: {changes}; restore them, or begin a new run")
    old, new = before["versions"], dict(now["versions"])
    for unit in UNITS:
        if unit in before and unit in now:  # 0.1.0 did not write it
            old, new = old | {unit: before[unit]}, new | {unit: now[unit]}
    changed = [name for name in new if old.get(name) != new[name]]
    if changed:
        changes = ", ".join(f"{name} {new[name]} instead of {old.get(name)}" for name in changed)
        report(f"warning: resumes with {changes}: the result may differ in the last digits")
        _record(run, {**before, **now}, [f"resumed with {changes}"])


def _record(run: Run, facts: Mapping, changes: Sequence[str]) -> None:
    """Records what has changed since the run began, beside its facts."""
    run.write_json(START, {**facts, CHANGES: [*facts.get(CHANGES, ()), *changes]})


def _sweep(run: Run) -> None:
    """Removes half-written files that a killed process left behind."""
    for folder in (run.folder, run.folder / BEST, run.folder / CHECKPOINTS):
        for path in folder.glob(".partial-*"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
