"""YAML with the line of every key, so that errors can name it."""

import itertools
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mtl_keras.errors import InputError, shown
from mtl_keras.recipes.expansion import DEEPEST, check_expansion
from mtl_keras.storage.limits import RECIPE
from mtl_keras.storage.refusals import cause
from mtl_keras.storage.regular_files import read_whole

# Types that PyYAML gives plain words which may be meant as names: `yes`, `null`, `2024-01-31`.
NO_NAMES = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "null", "timestamp")}
# Only plain decimal numbers. YAML has surprising ones: 1:30 is 90, 010 is 8, 1_0 is 10.
PLAIN_NUMBERS = {
    "tag:yaml.org,2002:int": re.compile(r"-?(0|[1-9][0-9]{0,99})"),
    "tag:yaml.org,2002:float": re.compile(r"[^:_]{1,100}"),
}
TEXT, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
PLAIN = NO_NAMES | {*PLAIN_NUMBERS} | {"tag:yaml.org,2002:value"}
INDENTATION = "check indentation (blanks, no tabs), colons and brackets here and in the line above"


class LocatedYaml:
    """A YAML file's content, with the line of each part.

    Args:
        path: the file. It is read with PyYAML's safe loader: no tags, no objects.
        as_written: places (`None` stands for any key) whose keys and values are read as text:
            `no`, `010`.
        text: the content to use instead of the file's.

    Raises:
        InputError: the file cannot be read, has more bytes than `limits.RECIPE` allows, or is not
            YAML with a mapping at the top; it repeats a key, has a key that YAML does not read as
            text, or a number other than a plain decimal; it is nested too deeply, or holds more
            values, with aliases written out, than `limits.RECIPE_VALUES` allows.
    """

    def __init__(
        self,
        path: Path,
        as_written: Sequence[Sequence[str | None]] = (),
        text: str | None = None,
    ):
        self.path = path
        text = _read(path) if text is None else text
        try:
            root = _composed(path, text)
            if not isinstance(root, yaml.MappingNode):
                raise InputError(
                    f"{path}: a recipe is a mapping of keys (encoder, tasks, training)"
                )
            self._root: yaml.Node = root
            check_expansion(root, path)
            for place in as_written:
                for node in _nodes_at(root, place):
                    _take_as_written(node)
            self._check_keys(root)
            self.content: dict[str, Any] = _Loader("").construct_document(root)
        except yaml.YAMLError as error:
            raise InputError(f"{path}{_message(text, error)}") from None

    def line(self, place: Sequence[str | int]) -> int:
        """The line, from 1, of the deepest part of this place that is in the file."""
        node, line = self._root, self._root.start_mark.line
        for step in place:
            key, value = _child(node, step)
            if value is None:
                break
            node, line = value, (key or value).start_mark.line
        return line + 1

    def _check_keys(self, root: yaml.Node) -> None:
        nodes, checked = [root], set()
        while nodes:
            node = nodes.pop()
            if node not in checked:  # aliases put one node in many places
                checked.add(node)
                self._check_keys_of(node)
                nodes += reversed(_children(node))

    def _check_keys_of(self, node: yaml.Node) -> None:
        seen = set()
        for child in node.value if isinstance(node, yaml.MappingNode) else ():
            key = child[0].value
            where = f"{self.path}:{child[0].start_mark.line + 1}"
            if isinstance(key, str) and key in seen:
                raise InputError(f"{where}: key {key!r} occurs twice; remove one")
            if child[0].tag in NO_NAMES:
                kind = child[0].tag.rpartition(":")[2]
                raise InputError(f"{where}: YAML reads the key {key} as a {kind}; put it in quotes")
            seen.add(str(key))


def read_value(text: str) -> Any:
    """A YAML value, read as in a recipe.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    return _Loader(text).get_single_data()


class _Loader(yaml.SafeLoader):
    """Reports the line of values that their type does not allow, such as 31 February."""

    def __init__(self, stream: str):
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            problem = f"nested more than {DEEPEST} deep"
            raise yaml.composer.ComposerError(None, None, problem, self.peek_event().start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        plain = PLAIN_NUMBERS.get(node.tag)
        if plain and isinstance(node, yaml.ScalarNode) and not plain.fullmatch(node.value):
            problem = f"{shown(node.value)} is not a plain decimal number"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, AttributeError):
            kind = node.tag.rpartition(":")[2]
            problem = f"{shown(node.value)} is not a valid {kind}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


def _read(path: Path) -> str:
    try:
        text = read_whole(path, RECIPE).decode("utf-8")
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save the recipe as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: {cause(error, 'give the path of a recipe')}") from None


def _composed(path: Path, text: str) -> yaml.Node | None:
    """The nodes of a file.

    Raises:
        InputError: an escape in it is the number of no character.
    """
    try:
        root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
        return root
    except (ValueError, OverflowError):
        numbers = (match for match in re.finditer(r"\\U([0-9A-Fa-f]{8})", text))
        first = next((match for match in numbers if int(match[1], 16) > sys.maxunicode), None)
        line = text.count("\n", 0, first.start()) + 1 if first else 1
        raise InputError(
            f"{path}:{line}: not valid YAML: there is no character "
            f"{first[0] if first else 'with this number'}; write the text itself"
        ) from None


def _message(text: str, error: yaml.YAMLError) -> str:
    """The end of a message: `:line: what is wrong; the cure`."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f":{line}: not valid YAML: the character {text[error.position]!r}; remove it"
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return f": not valid YAML: {' '.join(str(error).split())}"
    problem = f"{error.problem}; {INDENTATION}"
    if "another document" in problem:
        problem = "a second document begins; remove '---' and all but one document"
    elif isinstance(error, yaml.composer.ComposerError | yaml.constructor.ConstructorError):
        problem = f"{error.problem}; write a plain value, or text in quotes"
    return f":{error.problem_mark.line + 1}: not valid YAML: {problem}"


def _nodes_at(node: yaml.Node, place: Sequence[str | None]) -> list[yaml.Node]:
    """The nodes at a place, including those in merged mappings (`<<`)."""
    if not place:
        return [node]
    if not isinstance(node, yaml.MappingNode):
        return []
    nodes: list[yaml.Node] = []
    for key, value in node.value:
        if key.tag == MERGE:
            for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                nodes += _nodes_at(merged, place)
        elif place[0] in (None, key.value):
            nodes += _nodes_at(value, place[1:])
    return nodes


def _take_as_written(node: yaml.Node) -> None:
    """Turns the scalars in a list, or the scalars and keys in a mapping, into text."""
    if isinstance(node, yaml.SequenceNode | yaml.MappingNode):
        pairs = isinstance(node, yaml.MappingNode)
        scalars = itertools.chain.from_iterable(node.value) if pairs else node.value
        for scalar in scalars:
            if isinstance(scalar, yaml.ScalarNode) and scalar.tag in PLAIN:
                scalar.tag = TEXT


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [value for _, value in node.value]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return None, node.value[step]
    return None, None
