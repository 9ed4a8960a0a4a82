"""What every room knows of a run's folder: names of files, and whether the run is finished."""

from pathlib import Path

from mtl_keras.errors import InputError
from mtl_keras.storage.locks import check_unlocked

RECORD, MODEL, CHECKPOINTS = "run.json", "model.keras", "checkpoints"
START = f"{CHECKPOINTS}/start.json"  # what an unfinished run began with


def is_finished(folder: Path) -> bool:
    """Whether a training has ended here: its record is written last."""
    return (folder / RECORD).is_file()


def has_begun(folder: Path) -> bool:
    """Whether a training can be resumed here. A finished one need not be."""
    return (folder / START).is_file()


def check_finished(folder: Path) -> None:
    """Raises `InputError` if no training has ended in this folder."""
    if is_finished(folder):
        return
    check_unlocked(folder)
    if has_begun(folder):
        raise InputError(
            f"{folder}: this run is unfinished; 'mtl-keras train RECIPE --output {folder} "
            "--resume' continues it"
        )
    raise InputError(
        f"{folder}: no finished run here ({RECORD} is absent); "
        "give the folder that 'mtl-keras train' printed"
    )
