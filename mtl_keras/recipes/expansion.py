"""How much a recipe's aliases (`*`) and merges (`<<`) stand for, before any of it is made."""

from pathlib import Path

import yaml

from mtl_keras.errors import InputError
from mtl_keras.storage.limits import RECIPE_VALUES

DEEPEST = 40  # floors, where a recipe has six


def check_expansion(root: yaml.Node, path: Path) -> None:
    """Counts the values that a document holds if every alias is written out.

    An alias's node is one object wherever it stands, so each is looked at once.

    Raises:
        InputError: there are more than `RECIPE_VALUES` allows, they are nested more than `DEEPEST`
            deep, or an alias stands in what it stands for.
    """
    _Counter(path).count(root, 1)


class _Counter:
    def __init__(self, path: Path):
        self._path, self._most = path, RECIPE_VALUES.most
        self._known: dict[yaml.Node, tuple[int, int]] = {}  # how many, how deep
        self._open: set[yaml.Node] = set()

    def count(self, node: yaml.Node, floor: int) -> tuple[int, int]:
        """How many values a node on this floor stands for, itself included, and how deep it is."""
        if node in self._open:
            raise self._fault(node, "an alias (*) within what it stands for (&); write it out")
        if node not in self._known:
            self._check_depth(node, floor)
            self._open.add(node)
            of_parts = [self.count(part, floor + 1) for part in _parts(node)]
            self._open.remove(node)
            values = 1 + sum(values for values, _ in of_parts)
            self._known[node] = values, 1 + max((depth for _, depth in of_parts), default=0)
        values, depth = self._known[node]
        self._check_depth(node, floor + depth - 1)
        if values > self._most:
            raise self._fault(
                node,
                f"holds {RECIPE_VALUES}, aliases (*) and merges (<<) written out; shorten it",
            )
        return values, depth

    def _check_depth(self, node: yaml.Node, floor: int) -> None:
        if floor > DEEPEST:
            raise self._fault(node, f"nested more than {DEEPEST} deep; write it flatter")

    def _fault(self, node: yaml.Node, problem: str) -> InputError:
        return InputError(f"{self._path}:{node.start_mark.line + 1}: {problem}")


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []
