"""The folder that training writes, and what later commands read from it."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from mtl_keras.errors import InputError, WorkError
from mtl_keras.recipes import Recipe, load_recipe

RECIPE, RECORD, HISTORY, METRICS, MODEL = (
    "recipe.yaml",
    "run.json",
    "history.json",
    "metrics.json",
    "model.keras",
)


class Run:
    """A run folder: `recipe.yaml`, `run.json`, `history.json`, `metrics.json`, `model.keras`.

    Every file is written beside its place and renamed, so that it is whole or absent;
    `run.json` comes last and marks the run as finished.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    @classmethod
    def create(cls, folder: str | Path) -> "Run":
        """Makes the folder of a new run.

        Raises:
            InputError: the folder holds something already, or is a file.
            WorkError: it cannot be made.
        """
        run = cls(folder)
        run.check_free()
        try:
            run.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkError(f"{folder}: cannot make the run's folder: {error.strerror}") from error
        return run

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Opens a finished run.

        Raises:
            InputError: there is none in this folder.
        """
        run = cls(folder)
        if not (run.folder / RECORD).is_file():
            raise InputError(
                f"{folder}: no finished run here ({RECORD} is absent); "
                "give the folder that 'mtl-keras train' printed"
            )
        return run

    def check_free(self) -> None:
        """Raises `InputError` where a new run cannot be put."""
        if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise InputError(f"{self.folder}: exists already; choose another --output or remove it")

    @property
    def recipe(self) -> Recipe:
        """The recipe, its files found where they were when it was trained."""
        folder = self.read_json(RECORD)["recipe_folder"]
        return load_recipe(self.folder / RECIPE, folder=folder)

    def model(self):
        """The trained `MultiTaskModel`, compiled as it was.

        Raises:
            InputError: the file is absent or damaged.
        """
        import keras

        from mtl_keras.model import MultiTaskModel

        path = self.folder / MODEL
        try:
            model = keras.saving.load_model(path)
        except (OSError, ValueError, KeyError, EOFError, TypeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"{path}: cannot be loaded ({reason}); train again or restore it"
            ) from error
        if not isinstance(model, MultiTaskModel):
            raise InputError(f"{path}: not a MultiTaskModel but {type(model).__name__}")
        return model

    def read_json(self, name: str) -> dict:
        """One of the run's JSON files."""
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read ({error}); train again") from None

    def write_json(self, name: str, value: dict) -> None:
        """Writes one of the run's JSON files, whole or not at all."""
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        self.write(name, lambda path: path.write_text(text, encoding="utf-8"))

    def write(self, name: str, write: Callable[[Path], object]) -> None:
        """Calls `write` with a path beside the file's place, then puts it there.

        Raises:
            WorkError: it could not be written; nothing of it is left.
        """
        path = self.folder / name
        beside = path.with_name(f".partial-{name}")
        try:
            write(beside)
            os.replace(beside, path)
        except OSError as error:
            reason = error.strerror or str(error).splitlines()[0]
            raise WorkError(
                f"{path}: cannot be written: {reason}; make room and try again"
            ) from error
        finally:
            beside.unlink(missing_ok=True)


def next_folder(recipe: Path, base: str | Path = "runs") -> Path:
    """`runs/<recipe>-<n>` with the lowest n that is free."""
    number = 1
    while (folder := Path(base) / f"{recipe.stem}-{number}").exists():
        number += 1
    return folder
