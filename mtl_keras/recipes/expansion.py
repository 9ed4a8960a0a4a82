"""Checks the size of a recipe with its aliases (`*`) and merges (`<<`) before expanding them."""

from pathlib import Path

import yaml

from mtl_keras.errors import InputError
from mtl_keras.storage.limits import RECIPE_VALUES

DEEPEST = 40  # levels; a recipe has six


def check_expansion(root: yaml.Node, path: Path) -> None:
    """Counts the values in a document as if every alias were written out.

    All aliases of a node are the same object, so each is counted once.

    Raises:
        InputError: there are more values than `RECIPE_VALUES` allows, they are nested deeper than
            `DEEPEST`, or an alias contains itself.
    """
    _Counter(path).count(root, 1)


class _Counter:
    def __init__(self, path: Path):
        self._path, self._most = path, RECIPE_VALUES.most
        self._counted: dict[yaml.Node, tuple[int, int]] = {}  # number of values, depth
        self._open: set[yaml.Node] = set()

    def count(self, node: yaml.Node, level: int) -> tuple[int, int]:
        """The number of values in a node, itself included, and its depth."""
        if node in self._open:
            raise self._fault(node, "an alias (*) within its own anchor (&); write it out")
        if node not in self._counted:
            self._check_depth(node, level)
            self._open.add(node)
            of_parts = [self.count(part, level + 1) for part in _parts(node)]
            self._open.remove(node)
            values = 1 + sum(values for values, _ in of_parts)
            self._counted[node] = values, 1 + max((depth for _, depth in of_parts), default=0)
        values, depth = self._counted[node]
        self._check_depth(node, level + depth - 1)
        if values > self._most:
            raise self._fault(
                node,
                f"holds {RECIPE_VALUES}, counting aliases (*) and merges (<<); shorten it",
            )
        return values, depth

    def _check_depth(self, node: yaml.Node, level: int) -> None:
        if level > DEEPEST:
            raise self._fault(node, f"nested more than {DEEPEST} deep; write it flatter")

    def _fault(self, node: yaml.Node, problem: str) -> InputError:
        return InputError(f"{self._path}:{node.start_mark.line + 1}: {problem}")


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
