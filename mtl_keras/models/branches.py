"""The encoder of each task: blocks that all tasks share, and above them the task's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import keras

from mtl_keras.data.own_blocks import OwnBlocks, completed
from mtl_keras.data.task import Task
from mtl_keras.encoders.branches import branch_off
from mtl_keras.encoders.levels import levels_of
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError
from mtl_keras.models.heads import head_layers, read_levels, used_part
from mtl_keras.plans.layer_groups import height_of, own_group, owners_of


@dataclass(frozen=True, eq=False)
class Branch:
    """Blocks of their own of some tasks.

    Args:
        tasks: that have them, in the model's order.
        start: the level of the shared encoder at which they begin.
        encoder: the shared layers up to there, then these blocks.
    """

    tasks: tuple[str, ...]
    start: str
    encoder: TextEncoder

    @property
    def layer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        """Layer group → its layers, without the shared ones, lowest first."""
        groups = self.encoder.layer_groups
        return {
            own_group(level, self.tasks): groups[level]
            for level in groups
            if height_of(level) > height_of(self.start)
        }


@dataclass(frozen=True, eq=False)
class Branches:
    """The encoders of a model's tasks.

    Args:
        tasks: the tasks, with own blocks counted from the highest block that any head reads.
        shared: what is not any task's own: where a branch begins and what other heads read.
        branches: each with its own blocks.
    """

    tasks: Sequence[Task]
    shared: TextEncoder
    branches: Sequence[Branch]

    @classmethod
    def of(cls, encoder: TextEncoder, tasks: Sequence[Task]) -> Self:
        """Leaves out what no head reads, and copies the blocks that tasks have as their own.

        Args:
            encoder: whole.
            tasks: of a model.

        Raises:
            InputError: an unknown level or task, more own blocks than the encoder can give away,
                a head that reads below its own blocks.
        """
        own_blocks = completed({task.name: task.own_blocks for task in tasks})
        used = used_part(encoder, tasks)
        left_out = len(levels_of(encoder)) - len(levels_of(used))
        starts = {
            own: _start(encoder, own, [task for task in tasks if task.name in own.tasks])
            for own in dict.fromkeys(own_blocks.values())
            if own is not None
        }
        branches = [_branch(used, own, start, tasks) for own, start in starts.items()]
        sharing = [task for task in tasks if own_blocks[task.name] is None]
        counted = {own: replace(own, k=own.k - left_out) for own in starts}
        return cls(
            [
                task.with_own_blocks(counted[own]) if (own := own_blocks[task.name]) else task
                for task in tasks
            ],
            used_part(used, sharing, [*starts.values()]) if branches else used,
            branches,
        )

    def encoder_of(self, task: str) -> TextEncoder:
        """Returns the encoder whose vectors a task's head reads."""
        own = (branch.encoder for branch in self.branches if task in branch.tasks)
        return next(own, self.shared)

    @property
    def deepest(self) -> TextEncoder:
        """The encoder that has all blocks, as there were before tasks got their own."""
        encoders = [self.shared, *(branch.encoder for branch in self.branches)]
        return max(encoders, key=lambda one: (one.config.num_layers, one.config.pooler))

    @property
    def layer_groups(self) -> dict[str, list[keras.layers.Layer]]:
        """Layer group of the encoders → its layers, lowest first."""
        own = [item for branch in self.branches for item in branch.layer_groups.items()]
        return self.shared.layer_groups | dict(sorted(own, key=lambda item: height_of(item[0])))

    @property
    def readers(self) -> dict[str, tuple[str, ...]]:
        """Name of each layer that serves only some tasks → these tasks."""
        tops = {name: height_of(levels[-1]) for name, levels in self.shared_levels().items()}
        of_heads = {layer: (task.name,) for task in self.tasks for layer in head_layers(task.name)}
        of_encoders = {
            layer.name: owners_of(group) or tuple(n for n in tops if tops[n] >= height_of(group))
            for group, layers in self.layer_groups.items()
            for layer in layers
        }
        return of_heads | {
            layer: tasks for layer, tasks in of_encoders.items() if len(tasks) < len(self.tasks)
        }

    def shared_levels(self) -> dict[str, list[str]]:
        """Returns task → the levels of the shared encoder that its head or own blocks read."""
        levels = {
            name: of_task
            for task in self.tasks
            for name, of_task in read_levels(self.encoder_of(task.name), [task]).items()
        }
        for branch in self.branches:
            top = height_of(branch.start)
            for name in branch.tasks:
                below = [level for level in levels[name] if height_of(level) < top]
                levels[name] = [*below, branch.start]
        return levels


def _start(encoder: TextEncoder, own: OwnBlocks, tasks: Sequence[Task]) -> str:
    """Returns the level at which own blocks begin."""
    levels = levels_of(encoder)
    blocks = len(levels) - 1
    names = ", ".join(map(repr, own.tasks))
    if own.k >= blocks:
        raise InputError(
            f"task {names}: own_blocks: {own.k}, but the encoder has {blocks} "
            f"block{'s' * (blocks > 1)}, and the lowest is shared"
            + (f"; choose 1 to {blocks - 1}" if blocks > 1 else "; leave own_blocks out")
        )
    start = levels[-1 - own.k]
    for name, of_task in read_levels(encoder, tasks).items():
        if height_of(of_task[-1]) <= height_of(start):
            raise InputError(
                f"task {name!r}: its own blocks begin above {start}, but its head reads "
                f"{of_task[-1]}; let it read a higher block, or own more blocks"
            )
    return start


def _branch(encoder: TextEncoder, own: OwnBlocks, start: str, tasks: Sequence[Task]) -> Branch:
    part = used_part(encoder, [task for task in tasks if task.name in own.tasks])
    return Branch(tuple(own.tasks), start, branch_off(part, start, "-".join(own.tasks)))
