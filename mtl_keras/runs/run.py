"""A run's folder: training writes it, later commands read it."""

import contextlib
import glob
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydantic

from mtl_keras.data.findings import Finding
from mtl_keras.data.splits import SPLITS
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, UnsafeFileError, WorkError
from mtl_keras.models.late_methods import LateMethod
from mtl_keras.recipes.recipe import Recipe, load_recipe
from mtl_keras.storage.locks import LOCK
from mtl_keras.storage.refusals import PARTIAL, cause, refusal
from mtl_keras.storage.regular_files import read_whole
from mtl_keras.storage.run_folder import (
    CHECKPOINTS,
    MODEL,
    RECORD,
    check_finished,
    has_begun,
    is_finished,
)
from mtl_keras.storage.writing import check_path, make_folder, write_whole
from mtl_keras.version import __version__

if TYPE_CHECKING:
    from mtl_keras.models.multi_task_model import MultiTaskModel

RECIPE, HISTORY, METRICS, BEST = "recipe.yaml", "history.json", "metrics.json", "best"
REVIEW, REPORT = "review.json", "report.html"  # what became of test examples; the page
AUDIT = "audit"  # in `metrics.json`, beside the splits
LEFT_OUT = "left_out"  # in `run.json`: the cost of blocks that no head reads, or null
TABLE, LOGS = "history.csv", "logs"  # for people and TensorBoard


class _TrainedTask(pydantic.BaseModel):
    kind: str
    labels: list[str]
    reads: str = Task.reads
    scale: tuple[float, float] | None = None
    own_blocks: dict[str, Any] | None = None

    def task(self, name: str) -> Task:
        """As it was trained, without its files."""
        settings = self.model_dump(include={"kind", "reads", "scale", "own_blocks"})
        return Task(name, **settings).with_labels(self.labels)


class _Record(pydantic.BaseModel):
    """The required content of `run.json`."""

    recipe_folder: str
    tasks: dict[str, _TrainedTask] = pydantic.Field(min_length=1)


class Run:
    """A run folder: `recipe.yaml`, `run.json`, `history.json`, `metrics.json`, `model.keras`.

    Every file is written to a temporary place and renamed, so it is complete or absent. `run.json`
    is written last and marks the run as finished.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: str | Path):
        check_path(folder)
        self.folder = Path(folder)

    @classmethod
    def create(cls, folder: str | Path) -> "Run":
        """Makes the folder of a new run.

        Raises:
            InputError: the folder is not empty, or is a file.
            WorkError: the folder cannot be made.
        """
        run = cls(folder)
        run.check_free()
        try:
            make_folder(run.folder)
        except OSError as error:
            raise WorkError(f"{folder}: cannot make the run's folder: {cause(error)}") from error
        return run

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Opens a finished run.

        Raises:
            InputError: the folder holds no finished run, it is still being trained, its record
                cannot be read, or a newer mtl_keras wrote it.
        """
        run = cls(folder)
        with _reading(run.folder):
            _ = run.is_finished, run.has_begun
        check_finished(run.folder)
        run._check_version()
        with _reading(run.folder / RECORD):
            _ = run.tasks
        return run

    def check_free(self) -> None:
        """Raises `InputError` if a new run cannot be put here."""
        if self.has_begun and not self.is_finished:
            raise InputError(
                f"{self.folder}: holds an unfinished run; --resume continues it, or choose "
                "another --output"
            )
        leftovers = {LOCK, CHECKPOINTS}  # of a process that was killed before the run began
        names = {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        is_used = any(name not in leftovers and not name.startswith(PARTIAL) for name in names)
        if is_used or (self.folder.exists() and not self.folder.is_dir()):
            raise InputError(f"{self.folder}: already exists; choose another --output or remove it")

    @property
    def is_finished(self) -> bool:
        return is_finished(self.folder)

    @property
    def has_begun(self) -> bool:
        """Whether the run can be resumed. A finished run need not be."""
        return has_begun(self.folder)

    def _check_version(self) -> None:
        versions = self.read_json(RECORD).get("versions")
        written = str(versions.get("mtl_keras", "")) if isinstance(versions, dict) else ""
        if _numbers(written) > _numbers(__version__):
            raise InputError(
                f"{self.folder}: written by mtl_keras {written}, this is {__version__}; "
                "pip install --upgrade mtl_keras"
            )

    @property
    def tasks(self) -> dict[str, Task]:
        """Name → the task as it was trained, with its labels, without its files."""
        return {name: trained.task(name) for name, trained in self._record.tasks.items()}

    @property
    def scores(self) -> dict[str, dict[str, dict]]:
        """Split → task → metrics of the run's final weights."""
        return {name: of for name, of in self.read_json(METRICS).items() if name in SPLITS}

    @property
    def audit(self) -> tuple[Finding, ...]:
        """The findings about the examples when the run was trained; runs of 0.1.0 have none."""
        with _reading(self.folder / METRICS):
            return tuple(map(Finding.from_json, self.read_json(METRICS).get(AUDIT, ())))

    @property
    def recipe(self) -> Recipe:
        """The recipe, with files where they were and tasks with the labels of the training.

        Raises:
            InputError: the recipe has been changed and has other tasks than the run.
        """
        recipe = load_recipe(self.folder / RECIPE, folder=self._record.recipe_folder)
        trained = self.tasks
        written, expected = (
            [f"{task.name} ({task.kind})" for task in tasks]
            for tasks in (recipe.tasks, trained.values())
        )
        if sorted(written) != sorted(expected):
            raise InputError(
                f"{self.folder / RECIPE}: has the tasks {', '.join(written)}; the run was trained "
                f"on {', '.join(expected)}: put them back, or train again"
            )
        tasks = (
            task.at_level(trained[task.name].reads).with_labels(trained[task.name].labels)
            for task in recipe.tasks
        )
        return replace(recipe, tasks=tuple(tasks))

    @property
    def _record(self) -> _Record:
        return _Record.model_validate(self.read_json(RECORD))

    def model(self, best: str | None = None) -> "MultiTaskModel":
        """The trained `MultiTaskModel`, not compiled (`mtl_keras.load_model` reads that too).

        Args:
            best: a task, or `mean`, to load the weights with its best validation score instead of
                the final ones.

        Raises:
            InputError: a file is absent, damaged or unsafe, or there are no best weights of this
                name.
        """
        from mtl_keras.models.loading import load_model
        from mtl_keras.models.multi_task_model import MultiTaskModel
        from mtl_keras.models.variables import load_weights

        path = self.folder / MODEL
        weights = None if best is None else self._best_weights(best)
        if not path.is_file():
            raise InputError(f"{path}: no such file; restore it or train again")
        with _reading(path):
            model = load_model(path, compile=False)
        if not isinstance(model, MultiTaskModel):
            raise InputError(f"{path}: not a MultiTaskModel but {type(model).__name__}")
        if model.tasks != self.tasks:
            raise InputError(f"{path}: has other tasks than {RECORD}; restore both, or train again")
        if weights:
            with _reading(weights):
                load_weights(model, weights)
        return model

    report = LateMethod("reports.run_report", "write_run_report")

    def _best_weights(self, name: str) -> Path:
        saved = {path.stem: path for path in sorted((self.folder / BEST).glob("*.safetensors"))}
        if name not in saved:
            raise InputError(
                f"{self.folder}: no best weights of {name!r}; "
                f"there are {', '.join(saved) or 'none'}"
            )
        return saved[name]

    def read_json(self, name: str) -> dict:
        """One of the run's JSON files.

        Raises:
            InputError: the file is absent or too large, or does not hold a JSON object.
        """
        path = self.folder / name
        if not path.is_file():
            raise InputError(f"{path}: no such file; restore it or train again")
        with _reading(path):
            value = json.loads(read_whole(path))
            if not isinstance(value, dict):
                raise ValueError(f"expected a JSON object. Received: {type(value).__name__}")
            return value

    def write_json(self, name: str, value: dict) -> None:
        """Writes one of the run's JSON files, completely or not at all."""
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
        self.write(name, lambda path: path.write_text(text, encoding="utf-8"))

    def write(self, name: str, write: Callable[[Path], object]) -> None:
        """Writes one of the run's files, as `write_whole` does."""
        write_whole(self.folder / name, write)


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Inside this context, any error means that the file is damaged, unless the system or Keras
    refused to read it.
    """
    try:
        yield
    except UnsafeFileError:
        raise
    except Exception as error:
        if reason := refusal(error):
            raise InputError(f"{path}: cannot be read: {reason}") from error
        raise InputError(f"{path}: damaged; restore it or train again") from error


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]{1,9}", version)]


def unfinished_folder(recipe: Path, base: str | Path = "runs") -> Path | None:
    """`runs/<recipe>-<n>` with the highest n that holds an unfinished run."""
    numbers = (
        int(path.name.removeprefix(f"{recipe.stem}-"))
        for path in Path(base).glob(f"{glob.escape(recipe.stem)}-*")
        if path.name.removeprefix(f"{recipe.stem}-").isdecimal()
    )
    runs = (Run(Path(base) / f"{recipe.stem}-{number}") for number in sorted(numbers, reverse=True))
    return next((run.folder for run in runs if run.has_begun and not run.is_finished), None)


def next_folder(recipe: Path, base: str | Path = "runs") -> Path:
    """`runs/<recipe>-<n>` with the lowest n that is free."""
    number = 1
    while (folder := Path(base) / f"{recipe.stem}-{number}").exists():
        number += 1
    return folder
