"""One YAML file → validated objects; errors name the line and the cure, before TensorFlow loads."""

import os
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from mtl_keras.data.schedules import Schedule
from mtl_keras.data.task import SPLITS, Task
from mtl_keras.data.task_names import name_fault
from mtl_keras.encoders.pretrained.sources import is_path
from mtl_keras.errors import InputError, nearest, shown
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.located_yaml import LocatedYaml
from mtl_keras.recipes.schema import STAGE_ONLY, RecipeSchema
from mtl_keras.recipes.strict import Strict

# Where labels stand, which are text as it is written.
LABELS = (
    ("tasks", None, "labels"),
    ("tasks", None, "columns", "label_names"),
    *(("tasks", None, "columns", split, "label_names") for split in SPLITS),
)
BUNDLED = Path(__file__).parents[1] / "samples"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole training, declared.

    Args:
        path: the file it was read from; the tasks' files are relative to its folder.
        encoder: source of the encoder, as in `TextEncoder.from_pretrained`; folders whole.
        sha256: what the encoder's weights must have, where the recipe says.
        max_length: longest input, in word pieces.
        pooling: what the sentence embedding is, instead of what the source says.
        tasks: what to predict, from which files.
        plan: the training plan.
        schedule: which task trains next.
        loss_weights: task → factor of its loss.
        batch_size: examples a batch; or else:
        max_tokens: positions a batch, padding included.
        seed: of initial heads, order and dropout.
        precision: Keras dtype policy.
        strategy: which devices and machines train together (`strategy_of`).
        jit_compile: whether XLA compiles the step; `auto`: where that is measured to be cheaper.
        deterministic: whether only operations run that give the same bits each time, also on a GPU.
        cache: whether what frozen layers compute is computed once and kept.
        checkpoint_minutes: between two checkpoints, from which an interrupted training goes on.
        restore: whose best weights on the validation split the run ends with: a task's, those of
            the `mean`, or None for the last.
    """

    path: Path
    encoder: str
    sha256: str | None
    max_length: int
    pooling: str | None
    tasks: tuple[Task, ...]
    plan: TrainingPlan
    schedule: Schedule
    loss_weights: Mapping[str, float]
    batch_size: int | None
    max_tokens: int | None
    seed: int
    precision: str
    strategy: str
    jit_compile: bool | Literal["auto"]
    deterministic: bool
    cache: bool
    checkpoint_minutes: float
    restore: str | None

    def unread(self, task: Task) -> tuple[str, ...]:
        """The splits of a task whose files a training need not read before it begins.

        They are `train`, if an epoch is always a number of steps, the task's labels are listed (a
        regression has the scale of its numbers to find), it has validation files, and the
        schedule does not follow from how many examples the tasks have.
        """
        stages = self.plan.given or (self.plan.template,)
        is_needed = (
            not all(stage.steps_per_epoch for stage in stages)
            or not (task.labels and {"train", "validation"} <= set(task.files))
            or (self.schedule.needs_counts and len(self.tasks) > 1)
        )
        return () if is_needed else ("train",)


def load_recipe(path: str | Path, *, folder: str | Path | None = None) -> Recipe:
    """Reads a recipe file, or the bundled recipe of that name.

    Args:
        path: the YAML file.
        folder: what relative paths in the recipe of a run are relative to; the run has its tasks'
            names, which are no longer chosen.

    Raises:
        InputError: the first thing wrong in it, with its line.
    """
    path = _find(Path(path))
    located = _located(path)
    try:
        schema = RecipeSchema.model_validate(located.content)
    except ValidationError as error:
        raise InputError(_describe(located, error)) from None
    tasks, training = schema.build_tasks(), schema.training
    if folder is None and (fault := name_fault(tasks)):
        raise InputError(f"{_where(located, ('tasks', fault.task))}: {fault.message}")
    place = Path(folder) if folder else path.parent.resolve()
    places = [_where(located, each) for each in training.places()]
    return Recipe(
        path=place / path.name,
        encoder=_encoder(schema.encoder, place),
        sha256=schema.sha256,
        max_length=schema.max_length,
        pooling=schema.pooling,
        tasks=tasks,
        plan=replace(training.build(), places=tuple(places)),
        schedule=training.schedule,
        loss_weights=training.loss_weights,
        batch_size=None if training.max_tokens else training.batch_size,
        max_tokens=training.max_tokens,
        seed=training.seed,
        precision=training.precision,
        strategy=training.strategy,
        jit_compile=training.jit_compile,
        deterministic=training.deterministic,
        cache=training.cache,
        checkpoint_minutes=training.checkpoint_minutes,
        restore=training.restore,
    )


def says_the_same(first: Path, second: Path) -> bool:
    """Whether two recipe files differ at most in comments, blank lines and the order of keys.

    Raises:
        InputError: one cannot be read, or is no YAML.
    """
    return _located(first).content == _located(second).content


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


def _located(path: Path) -> LocatedYaml:
    return LocatedYaml(path, as_written=LABELS)


def _encoder(source: str, folder: Path) -> str:
    """The source; a folder's path is relative to the recipe's folder."""
    if not is_path(source):
        return source
    return os.path.normpath(folder / os.path.expanduser(source))


def _describe(located: LocatedYaml, error: ValidationError) -> str:
    """One line for the first error, a mistyped key before what is missing for it."""
    errors = error.errors()
    first = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
    place = [step for step in first["loc"] if step not in ("plain", "by_split")]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_where(located, place)}: {_said(place, first)}{more}"


def _where(located: LocatedYaml, place: Sequence[str | int]) -> str:
    """`file:line: key`."""
    return f"{located.path}:{located.line(place)}: {'.'.join(map(str, place))}"


def _said(place: Sequence[str | int], error: Any) -> str:
    if error["type"] == "extra_forbidden":
        if place[:-1] == ["training"] and place[-1] in STAGE_ONLY:
            return f"belongs to a stage: write it in stages: [{{{place[-1]}: …}}]"
        known = list(_model_at(place[:-1]).model_fields)
        hint = nearest(str(place[-1]), known, cutoff=0.5) or ";"
        return f"unknown key{hint} known here: {', '.join(known)}"
    if error["type"] == "missing":
        return "this key is missing; add it"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in ("declaration", "value_error"):
        return message
    if error["type"] in ("model_type", "dict_type", "list_type", "too_short"):
        return f"expected {_example(place)}. Received: {shown(error['input'])}"
    return f"{message[0].lower()}{message[1:]}. Received: {shown(error['input'])}"


# What keys that hold more than one value look like.
EXAMPLES = {
    "columns": "a mapping such as {text: 0, label: 1}",
    "files": "a mapping such as {train: train.csv}",
    "groups": "a mapping such as {block_0-3: 1.0e-6}",
    "label_names": "a mapping such as {0: negative, 1: positive}",
    "labels": "a list such as [negative, positive]",
    "learning_rate": "a mapping such as {heads: 1.0e-3}",
    "loss_weights": "a mapping such as {topic: 0.5}",
    "stages": "a list such as [{freeze: backbone, epochs: 3}]",
    "tasks": "a mapping such as {topic: {files: {train: train.csv}}}",
    "training": "a mapping such as {plan: full}",
}


def _example(place: Sequence[str | int]) -> str:
    if place[:-1] == ["tasks"]:
        return "a mapping such as {files: {train: train.csv}}"
    if place[:-1] == ["training", "stages"]:
        return "a mapping such as {freeze: backbone, epochs: 3}"
    if "stages" in place and place[-1] == "tasks":
        return "a list of tasks"
    return EXAMPLES.get(str(place[-1]), EXAMPLES["columns"])


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
