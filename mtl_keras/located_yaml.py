"""YAML with the line of every key, so that an error can name it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mtl_keras.errors import InputError


class LocatedYaml:
    """A YAML file's content and where each part of it stands.

    Args:
        path: the file. It is read with PyYAML's safe loader: no tags, no objects.

    Raises:
        InputError: it cannot be read, is not YAML, is no mapping, or repeats a key.
    """

    def __init__(self, path: Path):
        self.path = path
        root = _compose(path)
        if not isinstance(root, yaml.MappingNode):
            raise InputError(f"{path}: a recipe is a mapping of keys (encoder, tasks, training)")
        self._root: yaml.Node = root
        self._check_keys(root)
        try:
            self.content: dict[str, Any] = yaml.SafeLoader("").construct_document(self._root)
        except yaml.YAMLError as error:
            raise InputError(_said(path, error)) from None

    def line(self, place: Sequence[str | int]) -> int:
        """The line, from 1, of the deepest part of this path that is in the file."""
        node, line = self._root, self._root.start_mark.line
        for step in place:
            key, value = _child(node, step)
            if value is None:
                break
            node, line = value, (key or value).start_mark.line
        return line + 1

    def _check_keys(self, node: yaml.Node) -> None:
        seen = set()
        for child in node.value if isinstance(node, yaml.MappingNode) else ():
            key = child[0].value
            if isinstance(key, str) and key in seen:
                line = child[0].start_mark.line + 1
                raise InputError(f"{self.path}:{line}: key {key!r} stands twice; remove one")
            seen.add(str(key))
        for child in _children(node):
            self._check_keys(child)


def _compose(path: Path) -> yaml.Node | None:
    try:
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save the recipe as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the path of a recipe") from None
    except yaml.YAMLError as error:
        raise InputError(_said(path, error)) from None


def _said(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return f"{path}{line}: not valid YAML: {problem}"


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
