"""Layer groups: the only way in which freezing, learning rates, caching and pictures name layers.

A model's groups are `embeddings`, `block_0` (the lowest), …, and `heads/<task>` for each task.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import keras

EMBEDDINGS = "embeddings"
_HEADS = "heads/"


class LayerGroups(dict[str, "list[keras.layers.Layer]"]):
    """Layer group → its layers, lowest first.

    Example:

    >>> groups = LayerGroups({"embeddings": [], "block_0": [], "heads/topic": []})
    >>> list(groups.backbone), list(groups.heads)
    (['embeddings', 'block_0'], ['topic'])
    """

    @property
    def backbone(self) -> "LayerGroups":
        """The groups of the encoder, lowest first."""
        return LayerGroups({name: self[name] for name in backbone_of(self)})

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


def blocks_of(groups: Iterable[str]) -> list[str]:
    """Returns the blocks among these layer groups, in their order."""
    return [name for name in backbone_of(groups) if name != EMBEDDINGS]
