"""Layer groups: the only way in which freezing, learning rates, caching and pictures name layers.

A model's groups are `embeddings`, `block_0` (the lowest), …, and `heads/<task>` for each task. A
block that some tasks have as their own copy is `block_4@<task>`, or `block_4@<task>-<task>`.
"""

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import keras

EMBEDDINGS = "embeddings"
_HEADS = "heads/"
_BLOCK = re.compile(r"block_([0-9]+)(?:@(.+))?")


class LayerGroups(dict[str, "list[keras.layers.Layer]"]):
    """Layer group → its layers, lowest first.

    Example:

    >>> groups = LayerGroups({"embeddings": [], "block_0": [], "heads/topic": []})
    >>> list(groups.backbone), list(groups.heads)
    (['embeddings', 'block_0'], ['topic'])
    """

    @property
    def backbone(self) -> "LayerGroups":
        """The groups of the encoder, tasks' own blocks included, lowest first."""
        return LayerGroups({name: self[name] for name in backbone_of(self)})

    @property
    def trunk(self) -> "LayerGroups":
        """The groups of the encoder that all tasks share, lowest first."""
        return LayerGroups({name: self[name] for name in self.backbone if not owners_of(name)})

    @property
    def heads(self) -> "dict[str, list[keras.layers.Layer]]":
        """Task → the layers of its head."""
        return {task: self[head_group(task)] for task in tasks_of(self)}

    @property
    def frozen(self) -> list[str]:
        """The groups none of whose layers trains."""
        layers_of = ((group, layers) for group, layers in self.items() if layers)
        return [group for group, layers in layers_of if not any(one.trainable for one in layers)]


class Grouped(Protocol):
    """Anything with layer groups, such as a `MultiTaskModel`."""

    @property
    def layer_groups(self) -> LayerGroups:
        """Layer group → its layers, lowest first."""


def head_group(task: str) -> str:
    """Returns the layer group of a task's head: `topic` → `heads/topic`."""
    return f"{_HEADS}{task}"


def tasks_of(groups: Iterable[str]) -> list[str]:
    """Returns the tasks whose heads are among these layer groups, in their order."""
    return [name.removeprefix(_HEADS) for name in groups if name.startswith(_HEADS)]


def backbone_of(groups: Iterable[str]) -> list[str]:
    """Returns the embeddings and blocks among these layer groups, in their order."""
    return [name for name in groups if not name.startswith(_HEADS)]


def own_group(block: str, tasks: Sequence[str]) -> str:
    """Returns the layer group of a block that only these tasks have.

    Example:

    >>> own_group("block_4", ["topic", "mood"])
    'block_4@topic-mood'
    """
    return f"{block}@{'-'.join(tasks)}"


def owners_of(group: str) -> tuple[str, ...]:
    """Returns the tasks whose own block a layer group is; empty if it is no task's own."""
    match = _BLOCK.fullmatch(group)
    return tuple(match[2].split("-")) if match and match[2] else ()


def only_of(groups: Iterable[str], tasks: Iterable[str]) -> list[str]:
    """Returns the groups that serve no task but these: their heads and own blocks.

    Example:

    >>> only_of(["block_1", "block_1@topic", "block_1@topic-mood", "heads/topic"], ["topic"])
    ['block_1@topic', 'heads/topic']
    """
    served = {group: {*(owners_of(group) or tasks_of([group]))} for group in groups}
    return [group for group, of_group in served.items() if of_group and of_group <= {*tasks}]


def height_of(group: str) -> int:
    """Returns the number of a block, its own or shared; of the embeddings -1.

    Example:

    >>> [height_of(group) for group in ("embeddings", "block_4", "block_4@topic")]
    [-1, 4, 4]
    """
    match = _BLOCK.fullmatch(group)
    return int(match[1]) if match else -1


def depth_of(groups: Iterable[str]) -> int:
    """Returns how many blocks a text passes on its way to the highest head."""
    return max(map(height_of, groups), default=-1) + 1
