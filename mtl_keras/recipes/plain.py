"""Converts a recipe to plain values, as in its YAML file; values equal to their defaults are left
out.
"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from mtl_keras.data.columns import Columns
from mtl_keras.data.hub_datasets import HubDataset
from mtl_keras.data.splits import SPLITS
from mtl_keras.data.tables import Table
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.plans.stage import LearningRates, RateSchedule, Stage
from mtl_keras.plans.training_plan import EXPLICIT, TrainingPlan
from mtl_keras.recipes.schema import RecipeSchema
from mtl_keras.recipes.values import COMBINATIONS, PROTECTIONS, WEIGHTINGS

_TRAINING = RecipeSchema.model_fields["training"].annotation
OF_TRAINING = (
    *("loss_weights", "batch_size", "max_tokens", "seed", "precision", "strategy"),
    *("jit_compile", "deterministic", "cache", "checkpoint_minutes", "restore"),
    "start_from",
)


def as_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a recipe file. Data in memory appear by their names.

    Args:
        values: of a `Recipe`, by name.
    """
    plain: dict[str, Any] = {"encoder": str(values["encoder"])}
    for name in ("sha256", "max_length", "pooling"):
        if values[name] != RecipeSchema.model_fields[name].default:
            plain[name] = values[name]
    plain["tasks"] = {task.name: _task(task) for task in values["tasks"]}
    training = _plan(values["plan"])
    if str(values["schedule"]) != "proportional":
        training["schedule"] = str(values["schedule"])
    defaults = _TRAINING.model_fields  # type: ignore[union-attr]
    for name in OF_TRAINING:
        value = values[name]
        is_unset = name == "batch_size" and values["max_tokens"] is not None
        if value != defaults[name].default and not is_unset:
            training[name] = _plain(value)
    return plain | {"training": training}


def _plain(value: Any) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return dict(value) if isinstance(value, Mapping) else value


def check_files(tasks: tuple[Task, ...]) -> None:
    """Raises `InputError` if a task has data in memory, which a recipe file cannot name."""
    for task in tasks:
        files = {} if isinstance(task.files, HubDataset) else task.files
        for split, sources in files.items():
            if any(isinstance(source, Table) for source in sources):
                raise InputError(
                    f"task {task.name!r}: its {split} data are in memory, but a recipe needs "
                    f"files: write them to one, such as {task.name}-{split}.parquet, and give its "
                    "path"
                )


def dumped(plain: Mapping[str, Any]) -> str:
    """The YAML of a recipe's plain values."""
    return yaml.safe_dump(dict(plain), sort_keys=False, allow_unicode=True)


def _task(task: Task) -> dict[str, Any]:
    plain: dict[str, Any] = {} if task.kind == Task.kind else {"kind": task.kind}
    if task.labels:
        plain["labels"] = list(task.labels)
    plain["files"] = _files(task.files)
    splits = SPLITS if isinstance(task.files, HubDataset) else task.files
    by_split = {split: _columns(task.columns_of(split)) for split in splits}
    if any(by_split.values()):
        is_one = all(columns == next(iter(by_split.values())) for columns in by_split.values())
        plain["columns"] = next(iter(by_split.values())) if is_one else by_split
    plain |= {} if task.reads == Task.reads else {"reads": task.reads}
    return plain | ({"own_blocks": task.own_blocks.get_config()} if task.own_blocks else {})


def _files(files: Mapping[str, Sequence[str | Table]]) -> str | dict[str, str | list[str]]:
    if isinstance(files, HubDataset):
        return files.address
    written = {split: [str(source) for source in sources] for split, sources in files.items()}
    return {split: paths[0] if len(paths) == 1 else paths for split, paths in written.items()}


def _columns(columns: Columns) -> dict[str, Any]:
    plain = _changed(columns, Columns())
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()
    }


def _plan(plan: TrainingPlan) -> dict[str, Any]:
    if plan.name == EXPLICIT:
        return {"stages": [_stage(stage) for stage in plan.given]}
    template = _stage(plan.template)
    template.pop("freeze", None)
    if plan.template.solve is False:
        template["solve"] = False
    return {"plan": plan.name, **template}


def _stage(stage: Stage) -> dict[str, Any]:
    plain = _changed(stage, Stage())
    own: dict[str, Any] = {"freeze": str(stage.freeze)} if "freeze" in plain else {}
    if stage.solve:
        own["solve"] = True
        plain.pop("epochs", None)
    if stage.tasks:
        own["tasks"] = list(stage.tasks)
    if rates := _rates(stage.learning_rate):
        own["learning_rate"] = rates
    if stage.protect is not None:
        own["protect"] = _named(stage.protect, PROTECTIONS)
    for name, kinds in (("combine", COMBINATIONS), ("weighting", WEIGHTINGS)):
        if name in plain:
            own[name] = _named(plain[name], kinds)
    left_out = {"freeze", "solve", "tasks", "learning_rate", "protect", "combine", "weighting"}
    return own | {name: value for name, value in plain.items() if name not in left_out}


def _rates(rates: LearningRates) -> dict[str, Any]:
    plain = {name: getattr(rates, name) for name in rates.fixed} | _changed(rates, LearningRates())
    for name in ("own", "fixed"):
        plain.pop(name, None)
    if "groups" in plain:
        plain["groups"] = dict(rates.groups)
    if "schedule" in plain:
        plain |= {"schedule": rates.schedule.shape}
        warmup = rates.schedule.warmup
        plain |= {} if warmup == RateSchedule.warmup else {"warmup": warmup}
    return plain


def _named(value: Any, kinds: Mapping[str, type[Any]]) -> dict[str, Any]:
    name = next(name for name, kind in kinds.items() if isinstance(value, kind))
    return {"by": name, **dataclasses.asdict(value)}


def _changed(value: Any, default: Any) -> dict[str, Any]:
    """The fields of a declaration that differ from a default one."""
    names = [field.name for field in dataclasses.fields(value)]
    return {
        name: getattr(value, name)
        for name in names
        if getattr(value, name) != getattr(default, name)
    }
