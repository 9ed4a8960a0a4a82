"""The reference, made from the code itself: directives that a page names.

`{public-names}` documents every public name from its docstring, `{recipe-keys}` every key of a
recipe from its schema, `{commands}` every command of `mtl-keras` from its parser.
"""

import abc
import argparse
import inspect
import itertools
import operator
import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import pydantic
from docutils import nodes
from pydantic_core import PydanticUndefined
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import mtl_keras
import mtl_keras.serving
from mtl_keras.cli.parser import make_parser
from mtl_keras.recipes.schema import RecipeSchema

PLAIN_TYPES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    types.NoneType: "null",
    Any: "see the description",
}
DECLARATIONS = {
    "RecipeSchema": (mtl_keras.Recipe,),
    "TaskSchema": (mtl_keras.Task, mtl_keras.Columns),
    "_Columns": (mtl_keras.Columns,),
    "_SplitColumns": (),
    "_Files": (),
    "_Training": (mtl_keras.Stage, mtl_keras.Recipe, mtl_keras.TrainingPlan),
    "_Stage": (mtl_keras.Stage,),
    "_Rates": (mtl_keras.LearningRates, mtl_keras.RateSchedule),
}
BOUNDS = {"ge": "at least", "gt": "over", "le": "at most", "lt": "under"}


class _Generated(SphinxDirective, abc.ABC):
    """A directive whose content is Markdown made from the code."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(self.lines()), allow_section_headings=True)

    @abc.abstractmethod
    def lines(self) -> Iterator[str]:
        """The content, line by line."""


class PublicNames(_Generated):
    """Every name of `mtl_keras` and of `mtl_keras.serving`, from its docstring."""

    def lines(self) -> Iterator[str]:
        for name in (*sorted(mtl_keras.__all__, key=str.lower), "serving.Client"):
            yield from public_name(name)


class RecipeKeys(_Generated):
    """A table of keys for each part of a recipe."""

    def lines(self) -> Iterator[str]:
        for place, part in recipe_parts(RecipeSchema, ""):
            yield from (f"## {place or 'The file'}", "", "| key | values | default | |")
            yield "| --- | --- | --- | --- |"
            yield from (key_row(part, name) for name in part.model_fields)
            yield ""


class CommandLine(_Generated):
    """The arguments of each command."""

    has_content: ClassVar[bool] = False

    def lines(self) -> Iterator[str]:
        for name, parser in commands().items():
            yield from (f"## {name}", "", parser.description or "", "")
            yield from ("```text", parser.format_usage().removeprefix("usage: ").strip(), "```", "")
            yield from ("| argument | |", "| --- | --- |")
            yield from map(argument_row, parser._actions)
            yield ""


def public_name(name: str) -> Iterator[str]:
    """A section that autodoc fills."""
    target = operator.attrgetter(name)(mtl_keras)
    kind = "autoclass" if isinstance(target, type) else "autofunction"
    kind = "autoexception" if isinstance(target, type) and issubclass(target, Exception) else kind
    yield from (f"## {name}", "", "```{eval-rst}", f".. {kind}:: mtl_keras.{name}")
    if kind == "autoclass":
        yield "   :members:"
    yield from ("```", "")


def recipe_parts(
    part: type[pydantic.BaseModel], place: str
) -> Iterator[tuple[str, type[pydantic.BaseModel]]]:
    """Each part of a recipe, and the path of the keys that lead to it."""
    yield place, part
    for name, field in part.model_fields.items():
        nested = list(_models(field.annotation))
        for model, suffix in nested:
            yield from recipe_parts(model, f"{place}.{name}{suffix}".lstrip("."))


def key_row(part: type[pydantic.BaseModel], name: str) -> str:
    """A key's row of a table."""
    field = part.model_fields[name]
    default = field.get_default(call_default_factory=True)
    cells = (
        f"`{name}`",
        ", ".join([_values(field.annotation), *_bounds(field.metadata)]),
        "required" if default is PydanticUndefined else _default(default),
        key_description(part, name),
    )
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def key_description(part: type[pydantic.BaseModel], name: str) -> str:
    """A key's description: the schema's own, or that of the declaration's argument of this name."""
    if own := part.model_fields[name].description:
        return own
    described = (_arguments(declaration).get(name) for declaration in DECLARATIONS[part.__name__])
    return next(filter(None, described), "")


def _arguments(declaration: type) -> dict[str, str]:
    """Argument → its description, from the docstring of a class."""
    arguments: dict[str, str] = {}
    _, _, text = inspect.getdoc(declaration).partition("\nArgs:\n")
    for line in itertools.takewhile(lambda line: line.startswith("    "), text.splitlines()):
        started = re.match(r"    (\w+): (.*)", line)
        if started:
            arguments[started[1]] = started[2]
        else:
            arguments[next(reversed(arguments))] += f" {line.strip()}"
    return arguments


def commands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    (added,) = (
        action
        for action in make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return dict(added.choices)


def argument_row(action: argparse.Action) -> str:
    """An argument's row of a table."""
    name = ", ".join(f"`{option}`" for option in action.option_strings) or f"`{action.dest}`"
    help_text = (action.help or "").replace("|", r"\|")
    choices = ", ".join(f"`{choice}`" for choice in action.choices or ())
    default = _argument_default(action)
    return f"| {name} | {'; '.join(filter(None, (help_text, choices, default)))} |"


def _argument_default(action: argparse.Action) -> str:
    ignored = (None, False, argparse.SUPPRESS)
    return "" if action.default in ignored else f"default: `{action.default}`"


def _models(annotation: Any) -> Iterator[tuple[type[pydantic.BaseModel], str]]:
    """The parts that a key's type names, and the suffix of their place."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation, ""
        return
    suffix = {dict: ".<name>", list: ".<n>"}.get(get_origin(annotation), "")
    for argument in get_args(annotation):
        for model, inner in _models(argument):
            yield model, suffix + inner


def _values(annotation: Any) -> str:
    """A type in words."""
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return "keys, see below"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return ", ".join([_values(arguments[0]), *_bounds(arguments[1:])])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_values, arguments)))
    if origin is list:
        return f"a list of: {_values(arguments[0])}"
    if origin is dict:
        return f"names with: {_values(arguments[1])}"
    return PLAIN_TYPES.get(annotation, str(annotation))


def _bounds(metadata: Any) -> list[str]:
    return [
        f"{words} {getattr(part, name):,}"
        for part in metadata
        for name, words in BOUNDS.items()
        if getattr(part, name, None) is not None
    ]


def _default(value: Any) -> str:
    if isinstance(value, pydantic.BaseModel):
        return "as below"
    if value is None or value in ([], {}):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _as_literals(
    app: Sphinx, what: str, name: str, owner: object, options: object, lines: list[str]
) -> None:
    """Docstrings mark code with one backtick, reStructuredText with two."""
    for index, line in enumerate(lines):
        lines[index] = re.sub(r"(?<!`)`([^`]+)`(?!`)(\w?)", _literal, line)


def _literal(match: re.Match[str]) -> str:
    return f"``{match[1]}``" + (rf"\ {match[2]}" if match[2] else "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("public-names", PublicNames)
    app.add_directive("recipe-keys", RecipeKeys)
    app.add_directive("commands", CommandLine)
    app.connect("autodoc-process-docstring", _as_literals, priority=400)
    return {"parallel_read_safe": True}
