"""One YAML file → validated objects; errors name the line and the cure, before TensorFlow loads."""

import difflib
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from mtl_keras.errors import InputError
from mtl_keras.freezing import FreezePlan
from mtl_keras.located_yaml import LocatedYaml
from mtl_keras.schedules import Schedule, parse_schedule
from mtl_keras.stages import LearningRates, Stage
from mtl_keras.tasks import SPLITS, Columns, Task

BUNDLED = Path(__file__).parent / "samples"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole training, declared.

    Args:
        path: the file it was read from; the tasks' files are relative to its folder.
        encoder: source of the encoder, as in `TextEncoder.from_pretrained`.
        max_length: longest input, in word pieces.
        tasks: what to predict, from which files.
        stages: the training plan.
        schedule: which task trains next.
        loss_weights: task → factor of its loss.
        batch_size: examples a batch.
        seed: of initial heads, order and dropout.
        precision: Keras dtype policy.
        jit_compile: whether XLA compiles the step.
    """

    path: Path
    encoder: str
    max_length: int
    tasks: tuple[Task, ...]
    stages: tuple[Stage, ...]
    schedule: Schedule
    loss_weights: Mapping[str, float]
    batch_size: int
    seed: int
    precision: str
    jit_compile: bool

    @property
    def epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(stage.epochs for stage in self.stages)


def load_recipe(path: str | Path, *, folder: str | Path | None = None) -> Recipe:
    """Reads a recipe file, or the bundled recipe of that name.

    Args:
        path: the YAML file.
        folder: what relative paths in it are relative to, where that is not its own folder.

    Raises:
        InputError: the first thing wrong in it, with its line.
    """
    path = _find(Path(path))
    located = LocatedYaml(path)
    try:
        recipe = _Recipe.model_validate(located.content)
    except ValidationError as error:
        raise InputError(_describe(located, error)) from None
    place = Path(folder) if folder else path.parent.resolve()
    return recipe.build(place / path.name)


def bundled_recipes() -> dict[str, Path]:
    """Name → file of the recipes that come with the package."""
    return {path.stem: path for path in sorted(BUNDLED.glob("*.yaml"))}


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", coerce_numbers_to_str=True)


class _Columns(_Strict):
    text: int | str | list[int | str] = "text"
    label: int | str = "label"
    header: bool | None = None
    label_names: dict[str, str] = {}

    def build(self) -> Columns:
        text = tuple(self.text) if isinstance(self.text, list) else self.text
        return Columns(
            text=text, label=self.label, header=self.header, label_names=self.label_names
        )


class _SplitColumns(_Strict):
    train: _Columns = _Columns()
    validation: _Columns | None = None
    test: _Columns | None = None


def _which_columns(value: Any) -> str:
    return "by_split" if isinstance(value, dict) and set(value) & set(SPLITS) else "plain"


class _Files(_Strict):
    train: str | list[str] | None = None
    validation: str | list[str] | None = None
    test: str | list[str] | None = None


class _Task(_Strict):
    kind: Literal["classification", "tagging", "regression", "multilabel"] = "classification"
    labels: list[str] = []
    files: _Files
    columns: Annotated[
        Annotated[_Columns, pydantic.Tag("plain")]
        | Annotated[_SplitColumns, pydantic.Tag("by_split")],
        pydantic.Discriminator(_which_columns),
    ] = _Columns()

    def build(self, name: str) -> Task:
        files = {split: paths for split, paths in self.files if paths is not None}
        columns = self.columns
        if isinstance(columns, _Columns):
            columns = _SplitColumns(train=columns)
        by_split = {split: (each or columns.train).build() for split, each in columns}
        return Task(name, self.kind, tuple(self.labels), files=files, columns=by_split)


class _Rates(_Strict):
    heads: float = LearningRates.heads
    backbone: float = LearningRates.backbone
    decay: float = LearningRates.decay

    @pydantic.model_validator(mode="after")
    def _check(self):
        self.build()
        return self

    def build(self) -> LearningRates:
        return LearningRates(**dict(self))


def _plan(value: Any) -> FreezePlan:
    return FreezePlan(str(value))


class _Stage(_Strict):
    freeze: Annotated[Any, pydantic.AfterValidator(_plan)] = FreezePlan("none")
    epochs: int = pydantic.Field(1, ge=1)
    learning_rate: _Rates = _Rates()

    def build(self) -> Stage:
        return Stage(
            freeze=self.freeze, epochs=self.epochs, learning_rate=self.learning_rate.build()
        )


class _Training(_Strict):
    stages: list[_Stage] = pydantic.Field(min_length=1)
    schedule: Annotated[Any, pydantic.AfterValidator(parse_schedule)] = parse_schedule(
        "proportional"
    )
    loss_weights: dict[str, pydantic.PositiveFloat] = {}
    batch_size: int = pydantic.Field(32, ge=1)
    seed: int = pydantic.Field(0, ge=0)
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    jit_compile: bool = False


class _Recipe(_Strict):
    encoder: str
    max_length: int = pydantic.Field(128, ge=3)
    tasks: dict[str, _Task] = pydantic.Field(min_length=1)
    training: _Training

    @pydantic.model_validator(mode="after")
    def _check(self) -> typing.Self:
        for name, task in self.tasks.items():
            _check_at(("tasks", name), task.build, name)
        heads = [f"heads/{name}" for name in self.tasks]
        for index, stage in enumerate(self.training.stages):
            if stage.freeze.rule.startswith("head:"):
                place = ("training", "stages", index, "freeze")
                _check_at(place, stage.freeze.frozen, heads)
        for name in self.training.loss_weights:
            _check_at(("training", "loss_weights", name), self._check_task, name)
        return self

    def _check_task(self, name: str) -> None:
        if name not in self.tasks:
            raise InputError(f"there is no task {name!r}; there are {', '.join(self.tasks)}")

    def build(self, path: Path) -> Recipe:
        training = dict(self.training) | {
            "stages": tuple(stage.build() for stage in self.training.stages)
        }
        tasks = tuple(task.build(name) for name, task in self.tasks.items())
        return Recipe(
            path=path, encoder=self.encoder, max_length=self.max_length, tasks=tasks, **training
        )


def _find(path: Path) -> Path:
    if path.exists():
        return path
    known = bundled_recipes()
    if str(path) in known:
        return known[str(path)]
    raise InputError(
        f"{path}: no such file; give a recipe file, or the name of a bundled recipe: "
        f"{', '.join(known)}"
    )


def _check_at(place: Sequence[str | int], check: Callable, *arguments: Any) -> None:
    """Runs a declaration's own check; its error is told at this place of the recipe."""
    try:
        check(*arguments)
    except InputError as error:
        kind = PydanticCustomError("declaration", "{message}", {"message": str(error)})
        details = InitErrorDetails(type=kind, loc=tuple(place), input=None)
        raise ValidationError.from_exception_data("recipe", [details]) from None


def _describe(located: LocatedYaml, error: ValidationError) -> str:
    """One line for the first error, a mistyped key before what is missing for it."""
    errors = error.errors()
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    place = [step for step in first["loc"] if step not in ("plain", "by_split")]
    where = ".".join(map(str, place))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{located.path}:{located.line(place)}: {where}: {_said(place, first)}{more}"


def _said(place: Sequence[str | int], error: Any) -> str:
    if error["type"] == "extra_forbidden":
        known = list(_model_at(place[:-1]).model_fields)
        nearest = difflib.get_close_matches(str(place[-1]), known, 1, 0.5)
        hint = f"did you mean {nearest[0]!r}? " if nearest else ""
        return f"unknown key; {hint}known here: {', '.join(known)}"
    if error["type"] == "missing":
        return "this key is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in ("declaration", "value_error"):
        return message
    return f"{message[0].lower()}{message[1:]}. Received: {error['input']!r}"


def _model_at(place: Sequence[str | int]) -> type[_Strict]:
    """The schema that holds the keys at this place of a recipe."""
    model: type[_Strict] = _Recipe
    for step in place:
        if step in model.model_fields:
            model = _schema_in(model.model_fields[str(step)].annotation) or model
        if model is _Columns and step in SPLITS:
            model = _Columns
    return model


def _schema_in(annotation: Any) -> type[_Strict] | None:
    if isinstance(annotation, type) and issubclass(annotation, _Strict):
        return annotation
    found = (_schema_in(argument) for argument in typing.get_args(annotation))
    return next((schema for schema in found if schema), None)
