"""The folder that training writes, and what later commands read from it."""

import json
from collections.abc import Callable
from pathlib import Path

from mtl_keras.errors import InputError, WorkError
from mtl_keras.files import write_whole
from mtl_keras.recipes import Recipe, load_recipe

RECIPE, RECORD, HISTORY, METRICS, MODEL, BEST = (
    "recipe.yaml",
    "run.json",
    "history.json",
    "metrics.json",
    "model.keras",
    "best",
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

    def model(self, best: str | None = None):
        """The trained `MultiTaskModel`, compiled as it was.

        Args:
            best: a task, or `mean`: with the weights that were best for it on the validation
                split, instead of those that the run ended with.

        Raises:
            InputError: the file is absent or damaged, or there are no best weights of this name.
        """
        import keras

        from mtl_keras.model import MultiTaskModel
        from mtl_keras.selection import load_weights

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
        if best is not None:
            load_weights(model, self._best_weights(best))
        return model

    def _best_weights(self, name: str) -> Path:
        known = {path.stem: path for path in sorted((self.folder / BEST).glob("*.safetensors"))}
        if name not in known:
            raise InputError(
                f"{self.folder}: no best weights of {name!r}; "
                f"there are {', '.join(known) or 'none'}"
            )
        return known[name]

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
        """Writes one of the run's files, as `write_whole` does."""
        write_whole(self.folder / name, write)


def next_folder(recipe: Path, base: str | Path = "runs") -> Path:
    """`runs/<recipe>-<n>` with the lowest n that is free."""
    number = 1
    while (folder := Path(base) / f"{recipe.stem}-{number}").exists():
        number += 1
    return folder
