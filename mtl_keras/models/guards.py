"""Guards: they give a training step a protection's loss terms and the gradients to apply."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import keras
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.distribution import replicas
from mtl_keras.errors import InputError
from mtl_keras.models.gradients import gradient_of, project, summed
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.losses import weighted_mean
from mtl_keras.plans.layer_groups import LayerGroups
from mtl_keras.plans.protection import (
    Distillation,
    GradientProjection,
    Protection,
    StartingWeights,
)

Tensors = Mapping[str, tf.Tensor]
Gradients = list[tf.Tensor | tf.IndexedSlices | None]


class GuardedModel(Protocol):
    """The parts of a `MultiTaskModel` that guards read."""

    input: Mapping[str, keras.KerasTensor]
    output: Mapping[str, keras.KerasTensor]
    tasks: Mapping[str, Task]

    @property
    def layer_groups(self) -> LayerGroups:
        """Layer group → its layers, lowest first."""

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """Task → factor of its loss."""

    @property
    def trainable_weights(self) -> Sequence[keras.Variable]:
        """The weights that train."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Guard:
    """Protects nothing: plain training. Other guards override what they change.

    Args:
        tasks: the protected tasks.
    """

    tasks: tuple[str, ...] = ()

    two_gradients: ClassVar[bool] = False

    def check(self, model: GuardedModel) -> None:
        """Raises InputError if the head of a protected task is not frozen."""
        for name in self.tasks:
            if any(layer.trainable for layer in model.layer_groups.heads[name]):
                raise InputError(
                    f"protect: the head of task {name!r} would train; freeze head:{name}, "
                    "or do not protect the task"
                )

    def penalties(self, model: GuardedModel, x: Tensors, outputs: Tensors) -> list[tf.Tensor]:
        """Returns scalars to add to the loss; in a replica, its share of them.

        Args:
            model: the model that trains.
            x: a batch, `token_ids` and `padding_mask`.
            outputs: task → the model's outputs for it.
        """
        return []

    def gradients(
        self,
        tape: tf.GradientTape,
        total: tf.Tensor,
        losses: Tensors,
        weights: Sequence[tf.Variable],
    ) -> Gradients:
        """Returns the gradients to apply, summed over the replicas.

        Args:
            tape: the tape that recorded the step; persistent if `two_gradients`.
            total: the losses of all tasks and the penalties, summed.
            losses: task → its loss, weighted.
            weights: the weights that train.
        """
        return summed(tape.gradient(total, weights), weights)


class ProjectingGuard(Guard):
    """Removes from the new tasks' gradient what conflicts with the protected tasks' (`project`)."""

    two_gradients: ClassVar[bool] = True

    def gradients(
        self,
        tape: tf.GradientTape,
        total: tf.Tensor,
        losses: Tensors,
        weights: Sequence[tf.Variable],
    ) -> Gradients:
        new = [loss for name, loss in losses.items() if name not in self.tasks]
        protected = [losses[name] for name in self.tasks]
        return project(gradient_of(tape, new, weights), gradient_of(tape, protected, weights))


@dataclass(frozen=True, kw_only=True, eq=False)
class DistillingGuard(Guard):
    """Adds the divergence of the protected heads' answers from a teacher's to the loss.

    Args:
        teacher: a model of the protected tasks that never trains.
        weight: factor of the terms.
        temperature: softens distributions.
    """

    teacher: keras.Model
    weight: float
    temperature: float

    @classmethod
    def of(
        cls, model: GuardedModel, tasks: tuple[str, ...], **settings: float
    ) -> "DistillingGuard":
        """Returns a guard whose teacher is a copy of the encoder and of these heads, taken now."""
        part = keras.Model(model.input, {name: model.output[name] for name in tasks})
        teacher = keras.models.clone_model(part)
        teacher.set_weights(part.get_weights())
        teacher.trainable = False
        return cls(tasks=tasks, teacher=teacher, **settings)

    def penalties(self, model: GuardedModel, x: Tensors, outputs: Tensors) -> list[tf.Tensor]:
        targets = self.teacher({name: x[name] for name in self.teacher.input}, training=False)
        return [
            self.weight
            * model.loss_weights[name]
            * self._divergence(model.tasks[name], targets[name], outputs[name], x["padding_mask"])
            for name in self.tasks
        ]

    def _divergence(
        self, task: Task, target: tf.Tensor, output: tf.Tensor, padding_mask: tf.Tensor
    ) -> tf.Tensor:
        """Returns the mean divergence over the batch, without padding: a scalar."""
        kind = kind_of(task)
        divergence = kind.divergence(task, target, output, self.temperature)
        return weighted_mean(divergence, kind.reads.mean_weights(divergence, padding_mask))


@dataclass(frozen=True, kw_only=True, eq=False)
class AnchoringGuard(Guard):
    """Adds `strength / 2` times the squared distance of the encoder's weights from their start.

    Own blocks of tasks are free.

    Args:
        strength: factor of the penalty.
        start: path → starting value of each of the encoder's weights.
    """

    strength: float
    start: Mapping[str, tf.Tensor]

    @classmethod
    def of(cls, model: GuardedModel, tasks: tuple[str, ...], strength: float) -> "AnchoringGuard":
        """Returns a guard anchored at the encoder's current weights."""
        start = {
            weight.path: tf.convert_to_tensor(weight.value)
            for layers in model.layer_groups.trunk.values()
            for layer in layers
            for weight in layer.weights
        }
        return cls(tasks=tasks, strength=strength, start=start)

    def penalties(self, model: GuardedModel, x: Tensors, outputs: Tensors) -> list[tf.Tensor]:
        distances = [
            tf.reduce_sum(tf.square(tf.convert_to_tensor(weight.value) - self.start[weight.path]))
            for weight in model.trainable_weights
            if weight.path in self.start
        ]
        factor = 0.5 * self.strength / replicas.count()
        return [factor * distance for distance in distances]


def guard_of(model: GuardedModel, tasks: Sequence[str], by: Protection | None) -> Guard:
    """Returns the guard that protects some tasks of a model; without tasks, one that does nothing.

    Raises:
        InputError: a task that the model does not have, all of its tasks, or no protection.
    """
    _check_tasks(model, tasks)
    is_protection = arm.dispatch(type(by)) is not arm.dispatch(object)
    if is_protection and not tasks:
        return Guard()
    return arm(by, model, tuple(dict.fromkeys(tasks)))


@functools.singledispatch
def arm(by: Protection | None, model: GuardedModel, tasks: tuple[str, ...]) -> Guard:
    """Captures what a protection needs of the model now. Register one for each protection.

    Raises:
        InputError: this is no protection.
    """
    raise InputError(
        "a protection is GradientProjection(), Distillation(), StartingWeights() or None. "
        f"Received: {by!r}"
    )


@arm.register
def _(by: None, model: GuardedModel, tasks: tuple[str, ...]) -> Guard:
    return Guard()


@arm.register
def _(by: GradientProjection, model: GuardedModel, tasks: tuple[str, ...]) -> Guard:
    return ProjectingGuard(tasks=tasks)


@arm.register
def _(by: Distillation, model: GuardedModel, tasks: tuple[str, ...]) -> Guard:
    settings = {"weight": by.weight, "temperature": by.temperature}
    return DistillingGuard.of(model, tasks, **settings)


@arm.register
def _(by: StartingWeights, model: GuardedModel, tasks: tuple[str, ...]) -> Guard:
    return AnchoringGuard.of(model, tasks, by.strength)


def _check_tasks(model: GuardedModel, tasks: Sequence[str]) -> None:
    if isinstance(tasks, str):
        raise InputError(f"protect takes a list of tasks. Received: {tasks!r}; give [{tasks!r}]")
    names = ", ".join(model.tasks)
    for name in tasks:
        if name not in model.tasks:
            raise InputError(f"protect: there is no task {name!r}; there are {names}")
    if set(tasks) == set(model.tasks):
        raise InputError(f"protect: with all of {names} protected none would learn; protect fewer")
