"""One YAML file → validated objects; errors name the line and the cure, before TensorFlow loads."""

import difflib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mtl_keras.errors import InputError
from mtl_keras.located_yaml import LocatedYaml
from mtl_keras.plans import TrainingPlan
from mtl_keras.recipe_schema import RecipeSchema, Strict
from mtl_keras.schedules import Schedule
from mtl_keras.tasks import Task

BUNDLED = Path(__file__).parent / "samples"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole training, declared.

    Args:
        path: the file it was read from; the tasks' files are relative to its folder.
        encoder: source of the encoder, as in `TextEncoder.from_pretrained`.
        max_length: longest input, in word pieces.
        tasks: what to predict, from which files.
        plan: the training plan.
        schedule: which task trains next.
        loss_weights: task → factor of its loss.
        batch_size: examples a batch.
        seed: of initial heads, order and dropout.
        precision: Keras dtype policy.
        jit_compile: whether XLA compiles the step.
        restore: whose best weights on the validation split the run ends with: a task's, those of
            the `mean`, or None for the last.
    """

    path: Path
    encoder: str
    max_length: int
    tasks: tuple[Task, ...]
    plan: TrainingPlan
    schedule: Schedule
    loss_weights: Mapping[str, float]
    batch_size: int
    seed: int
    precision: str
    jit_compile: bool
    restore: str | None


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
        schema = RecipeSchema.model_validate(located.content)
    except ValidationError as error:
        raise InputError(_describe(located, error)) from None
    place = Path(folder) if folder else path.parent.resolve()
    training = schema.training
    return Recipe(
        path=place / path.name,
        encoder=schema.encoder,
        max_length=schema.max_length,
        tasks=schema.build_tasks(),
        plan=training.build(),
        schedule=training.schedule,
        loss_weights=training.loss_weights,
        batch_size=training.batch_size,
        seed=training.seed,
        precision=training.precision,
        jit_compile=training.jit_compile,
        restore=training.restore,
    )


def bundled_recipes() -> dict[str, Path]:
    """Name → file of the recipes that come with the package."""
    return {path.stem: path for path in sorted(BUNDLED.glob("*.yaml"))}


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


def _model_at(place: Sequence[str | int]) -> type[Strict]:
    """The schema that holds the keys at this place of a recipe."""
    model: type[Strict] = RecipeSchema
    for step in place:
        if step in model.model_fields:
            model = _schema_in(model.model_fields[str(step)].annotation) or model
    return model


def _schema_in(annotation: Any) -> type[Strict] | None:
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    found = (_schema_in(argument) for argument in typing.get_args(annotation))
    return next((schema for schema in found if schema), None)
