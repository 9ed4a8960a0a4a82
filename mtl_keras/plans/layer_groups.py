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
        """The groups of the encoder."""
        return LayerGroups({name: self[name] for name in backbone_of(self)})

    @property
    def heads(self) -> "dict[str, list[keras.layers.Layer]]":
        """Task → the layers of its head."""
        return {task: self[head_group(task)] for task in tasks_of(self)}

    @property
    def frozen(self) -> list[str]:
        """The groups that have layers of which none trains."""
        layers_of = ((group, layers) for group, layers in self.items() if layers)
        return [group for group, layers in layers_of if not any(each.trainable for each in layers)]


class Grouped(Protocol):
    """What has layer groups, as a `MultiTaskModel` has."""

    @property
    def layer_groups(self) -> LayerGroups:
        """Layer group → its layers, lowest first."""


def head_group(task: str) -> str:
    """The name of a task's head among the layer groups: `topic` → `heads/topic`."""
    return f"{_HEADS}{task}"


def tasks_of(groups: Iterable[str]) -> list[str]:
    """The tasks whose heads are among these layer groups, in their order."""
    return [name.removeprefix(_HEADS) for name in groups if name.startswith(_HEADS)]


def backbone_of(groups: Iterable[str]) -> list[str]:
    """The embeddings and blocks among these layer groups, in their order."""
    return [name for name in groups if not name.startswith(_HEADS)]


def blocks_of(groups: Iterable[str]) -> list[str]:
    """The blocks among these layer groups, in their order."""
    return [name for name in backbone_of(groups) if name != EMBEDDINGS]
