"""Values that replace those of a recipe: `--set training.seed=3`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from mtl_keras.errors import InputError, listed, nearest, shown
from mtl_keras.recipes.located_yaml import read_value

OF_TRAINING = ("stages", "plan")  # keys that may be written without `training.`


class Override(NamedTuple):
    """A place in a recipe, its new value, and how both were written."""

    place: tuple[str | int, ...]
    value: Any
    written: str


def parse_override(text: str) -> Override:
    """Parses `key=value`; the value is read as YAML.

    Raises:
        InputError: the key is missing, or the value is not YAML.

    Example:

    >>> parse_override("stages.0.epochs=1").place
    ('training', 'stages', 0, 'epochs')
    """
    key, sign, value = text.partition("=")
    steps = [int(step) if step.isascii() and step.isdigit() else step for step in key.split(".")]
    if not sign or "" in steps:
        raise InputError(
            f"--set {shown(text)}: expected a key and a value, such as training.seed=3"
        )
    if steps[0] in OF_TRAINING:
        steps.insert(0, "training")
    try:
        return Override(tuple(steps), read_value(value), text)
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "not valid YAML"
        raise InputError(f"--set {shown(text)}: the value: {problem}") from None


def with_overrides(content: Mapping[str, Any], overrides: Sequence[Override]) -> dict[str, Any]:
    """A recipe's content with these values in place of its own.

    Raises:
        InputError: a place lies in a task that is not there, inside a value that is neither a
            mapping nor a list, or beyond the end of a list.

    Example:

    >>> with_overrides({"training": {"seed": 1}}, [parse_override("training.seed=3")])
    {'training': {'seed': 3}}
    """
    changed: Any = dict(content)
    for override in overrides:
        _check_task(content.get("tasks"), override)
        changed = _changed(changed, override.place, override)
    return dict(changed)


def _check_task(tasks: Any, override: Override) -> None:
    """Raises if the place is inside a task that the recipe lacks."""
    root, *names = override.place
    if root != "tasks" or len(names) < 2 or not isinstance(tasks, Mapping):
        return
    task_names = [str(name) for name in tasks]
    if str(names[0]) not in task_names:
        raise InputError(
            f"--set {shown(override.written)}: no task {shown(names[0])}; the recipe has "
            f"{listed(task_names)}{nearest(str(names[0]), task_names)}"
        )


def _changed(content: Any, place: Sequence[str | int], override: Override) -> Any:
    if not place:
        return override.value
    step, *rest = place
    where = f"--set {shown(override.written)}"
    if isinstance(content, list):
        if not (isinstance(step, int) and step < len(content)):
            raise InputError(
                f"{where}: no item {shown(step)}; the recipe has {len(content)} there, counted "
                "from 0"
            )
        items = list(content)
        items[step] = _changed(items[step], rest, override)
        return items
    if content is None and not isinstance(step, int):
        content = {}
    if not isinstance(content, Mapping):
        has = "nothing" if content is None else shown(content)
        raise InputError(f"{where}: no {shown(step)} here; the recipe has {has} in its place")
    key = next((name for name in content if str(name) == str(step)), step)
    return {**content, key: _changed(content.get(key), rest, override)}
