"""A run that has begun and not ended: what it began with, so that it resumes with the same."""

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Mapping

from mtl_keras.display import show
from mtl_keras.errors import InputError
from mtl_keras.runs.checkpoint_files import StateFolder
from mtl_keras.runs.provenance import told_changes
from mtl_keras.runs.run import BEST, CHECKPOINTS, RECIPE, START, Run


def begin(
    run: Run,
    recipe: bytes,
    provenance: Mapping,
    *,
    resume: bool,
    report: Callable[[str], None] = show,
) -> bool:
    """Writes down what a new run begins with, or checks it against what an old one began with.

    Args:
        run: a new or begun run, locked.
        recipe: the file of what it trains.
        provenance: `data`, which must be the same, and `versions`, of which a change is reported.
        resume: whether a run that has begun is resumed.
        report: gets what happens, a line at a time.

    Returns:
        Whether the run had begun.

    Raises:
        InputError: the folder holds something else; the recipe or its data have changed.
    """
    facts = {"recipe_sha256": hashlib.sha256(recipe).hexdigest(), **provenance}
    if resume and run.has_begun:
        _check(run, run.read_json(START), facts, report)
        _sweep(run)
    elif resume:
        report(f"{run.folder}: nothing to resume; begins anew")
    has_begun = resume and run.has_begun
    if not has_begun:
        run.check_free()
        run.write_json(START, facts)
    run.write(RECIPE, lambda path: path.write_bytes(recipe))
    return has_begun


def checkpoints_of(run: Run) -> StateFolder:
    """Where the run's checkpoints are."""
    return StateFolder(run.folder / CHECKPOINTS)


def end(run: Run) -> None:
    """Removes what a finished run needs no more."""
    with contextlib.suppress(OSError):
        shutil.rmtree(run.folder / CHECKPOINTS)


def _check(run: Run, before: Mapping, now: Mapping, report: Callable[[str], None]) -> None:
    if before.get("recipe_sha256") != now["recipe_sha256"]:
        raise InputError(
            f"{run.folder}: the recipe has changed since this run began; restore it (a copy is "
            f"{run.folder / RECIPE}), or begin a new run"
        )
    if changes := told_changes(before["data"], now["data"]):
        raise InputError(f"{run.folder}: {changes}; restore them, or begin a new run")
    old, new = before["versions"], now["versions"]
    changed = [name for name in new if old.get(name) != new[name]]
    if changed:
        changes = ", ".join(f"{name} {new[name]} instead of {old.get(name)}" for name in changed)
        report(f"warning: resumes with {changes}: the result may differ in the last digits")


def _sweep(run: Run) -> None:
    """Half-written files that a kill left behind."""
    for folder in (run.folder, run.folder / BEST, run.folder / CHECKPOINTS):
        for path in folder.glob(".partial-*"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
