"""What a training step asks of a protection: terms for the loss, and the gradients to apply."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import keras
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.distribution import replicas
from mtl_keras.errors import InputError
from mtl_keras.models.losses import mean, weighted_mean
from mtl_keras.plans.protection import (
    Distillation,
    GradientProjection,
    Protection,
    StartingWeights,
)

SMALLEST = 1e-30  # of a probability, before its logarithm


@dataclass(frozen=True, kw_only=True, eq=False)
class Guard:
    """Protects nothing: plain training. Other guards change what they must of it.

    Args:
        tasks: the protected tasks.
    """

    tasks: tuple[str, ...] = ()

    two_gradients: ClassVar[bool] = False

    def check(self, model) -> None:
        """Raises InputError where the head of a protected task is not frozen."""
        for name in self.tasks:
            if any(layer.trainable for layer in model.layer_groups.heads[name]):
                raise InputError(
                    f"protect: the head of task {name!r} would train; freeze head:{name}, "
                    "or do not protect the task"
                )

    def penalties(self, model, x: Mapping, outputs: Mapping) -> list[tf.Tensor]:
        """Scalars to add to the loss; of a replica, its share of them.

        Args:
            model: the model that trains.
            x: a batch, `token_ids` and `padding_mask`.
            outputs: task → the model's outputs for it.
        """
        return []

    def gradients(self, tape, total: tf.Tensor, losses: Mapping[str, tf.Tensor], weights) -> list:
        """The gradients to apply, summed over the replicas.

        Args:
            tape: what recorded the step; persistent where `two_gradients`.
            total: the losses of all tasks and the penalties, summed.
            losses: task → its loss, weighted.
            weights: what to differentiate by.
        """
        return _summed(tape.gradient(total, weights), weights)


class ProjectingGuard(Guard):
    """The new tasks' gradient, without what conflicts with the protected tasks' (`project`)."""

    two_gradients: ClassVar[bool] = True

    def gradients(self, tape, total, losses, weights):
        new = [loss for name, loss in losses.items() if name not in self.tasks]
        protected = [losses[name] for name in self.tasks]
        return project(_gradient(tape, new, weights), _gradient(tape, protected, weights))


@dataclass(frozen=True, kw_only=True, eq=False)
class DistillingGuard(Guard):
    """Adds how far the protected heads' answers are from a teacher's.

    Args:
        teacher: a model of the protected tasks that never trains.
        weight: factor of the terms.
        temperature: softens distributions.
    """

    teacher: keras.Model
    weight: float
    temperature: float

    @classmethod
    def of(cls, model, tasks: tuple[str, ...], **settings) -> "DistillingGuard":
        """Its teacher is the model as it is now: a copy of the encoder and of these heads."""
        part = keras.Model(model.input, {name: model.output[name] for name in tasks})
        teacher = keras.models.clone_model(part)
        teacher.set_weights(part.get_weights())
        teacher.trainable = False
        return cls(tasks=tasks, teacher=teacher, **settings)

    def penalties(self, model, x, outputs):
        targets = self.teacher({name: x[name] for name in self.teacher.input}, training=False)
        return [
            self.weight
            * model.loss_weights[name]
            * self._divergence(model.tasks[name], targets[name], outputs[name], x["padding_mask"])
            for name in self.tasks
        ]

    def _divergence(self, task: Task, target, output, padding_mask) -> tf.Tensor:
        if task.kind == "regression":
            return mean(tf.square(target - output))
        if task.kind == "multilabel":
            return mean(_binary_divergence(target, output))
        divergence = softened_divergence(target, output, self.temperature)
        if task.kind == "tagging":
            return weighted_mean(divergence, tf.cast(padding_mask, divergence.dtype))
        return mean(divergence)


@dataclass(frozen=True, kw_only=True, eq=False)
class AnchoringGuard(Guard):
    """Adds `strength / 2` times the squared distance of the shared weights from where they were.

    Args:
        strength: of the pull.
        start: path → value, of the encoder's weights.
    """

    strength: float
    start: Mapping[str, tf.Tensor]

    @classmethod
    def of(cls, model, tasks: tuple[str, ...], strength: float) -> "AnchoringGuard":
        """Anchored at the encoder's weights as they are now."""
        start = {
            weight.path: tf.convert_to_tensor(weight.value)
            for layers in model.layer_groups.backbone.values()
            for layer in layers
            for weight in layer.weights
        }
        return cls(tasks=tasks, strength=strength, start=start)

    def penalties(self, model, x, outputs):
        distances = [
            tf.reduce_sum(tf.square(tf.convert_to_tensor(weight.value) - self.start[weight.path]))
            for weight in model.trainable_weights
            if weight.path in self.start
        ]
        factor = 0.5 * self.strength / replicas.count()
        return [factor * distance for distance in distances]


def guard_of(model, tasks: Sequence[str], by: Protection | None) -> Guard:
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
def arm(by: Protection | None, model, tasks: tuple[str, ...]) -> Guard:
    """Captures what a protection needs of the model as it is now. Register one for each protection.

    Raises:
        InputError: this is no protection.
    """
    raise InputError(
        "a protection is GradientProjection(), Distillation(), StartingWeights() or None. "
        f"Received: {by!r}"
    )


@arm.register
def _(by: None, model, tasks: tuple[str, ...]) -> Guard:
    return Guard()


@arm.register
def _(by: GradientProjection, model, tasks: tuple[str, ...]) -> Guard:
    return ProjectingGuard(tasks=tasks)


@arm.register
def _(by: Distillation, model, tasks: tuple[str, ...]) -> Guard:
    settings = {"weight": by.weight, "temperature": by.temperature}
    return DistillingGuard.of(model, tasks, **settings)


@arm.register
def _(by: StartingWeights, model, tasks: tuple[str, ...]) -> Guard:
    return AnchoringGuard.of(model, tasks, by.strength)


def project(gradients: Sequence[tf.Tensor], protected: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """`g - (⟨g, p⟩ / ⟨p, p⟩) p` where `⟨g, p⟩ < 0`, else g; each list is one vector.

    Args:
        gradients: g, tensors of any shapes.
        protected: p, tensors of the same shapes. Where all are 0, the result is g.

    Example:

    >>> g, p = [tf.constant([1.0]), tf.constant([1.0])], [tf.constant([-3.0]), tf.constant([1.0])]
    >>> [float(each[0]) for each in project(g, p)]  # not [0, 1], as one tensor at a time
    [0.3999999761581421, 1.2000000476837158]
    """
    along = _product(gradients, protected)
    share = tf.math.divide_no_nan(tf.minimum(along, 0.0), _product(protected, protected))
    return [g - share * p for g, p in zip(gradients, protected, strict=True)]


def softened_divergence(target, output, temperature: float) -> tf.Tensor:
    """`T² KL(q_T ‖ p_T)` of distributions softened by T: `(..., classes)` twice → `(...)`.

    Logits are, up to a constant, the logarithms of probabilities: `q_T ∝ q^(1/T)`.
    """
    log_target, log_output = (
        tf.nn.log_softmax(tf.math.log(tf.maximum(each, SMALLEST)) / temperature)
        for each in (target, output)
    )
    terms = tf.exp(log_target) * (log_target - log_output)
    return temperature**2 * tf.reduce_sum(terms, axis=-1)


def _check_tasks(model, tasks: Sequence[str]) -> None:
    if isinstance(tasks, str):
        raise InputError(f"protect takes a list of tasks. Received: {tasks!r}; give [{tasks!r}]")
    known = ", ".join(model.tasks)
    for name in tasks:
        if name not in model.tasks:
            raise InputError(f"protect: there is no task {name!r}; there are {known}")
    if set(tasks) == set(model.tasks):
        raise InputError(f"protect: with all of {known} protected none would learn; protect fewer")


def _gradient(tape, losses: Sequence[tf.Tensor], weights) -> list[tf.Tensor]:
    zero = tf.UnconnectedGradients.ZERO
    found = tape.gradient(losses, weights, unconnected_gradients=zero)
    return _summed([_dense(gradient) for gradient in found], weights)


def _summed(gradients: Sequence, weights) -> list:
    """Over all replicas. Shapes are told: only what has one is packed with others."""
    for gradient, weight in zip(gradients, weights, strict=True):
        if isinstance(gradient, tf.Tensor):
            gradient.set_shape(weight.shape)
    return replicas.total(gradients)


def _dense(gradient) -> tf.Tensor:
    """Sums the rows of a table's gradient that belong to one token."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows = gradient.dense_shape[0]
    return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, rows)


def _product(first: Sequence[tf.Tensor], second: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([tf.reduce_sum(a * b) for a, b in zip(first, second, strict=True)])


def _binary_divergence(target, output) -> tf.Tensor:  # (batch, labels), probabilities
    # Keras computes from the logits behind `output`, so that it keeps its gradient near 0 and 1.
    entropy = keras.ops.binary_crossentropy(target, target)
    return keras.ops.binary_crossentropy(target, output) - entropy
