"""Optimizers with a learning rate and a state for every layer."""

import dataclasses
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.distribution import replicas
from mtl_keras.errors import InputError
from mtl_keras.models.fused_adamw import FusedAdamW
from mtl_keras.plans.layer_groups import Grouped
from mtl_keras.plans.stage import LearningRates, RateSchedule

NOT_DECAYED = ("bias", "gamma", "beta")
# Keras's 1e-7, which it adds before the bias correction, slows weights of small gradients.
EPSILON = 1e-8


@keras.saving.register_keras_serializable("mtl_keras")
class LayerwiseOptimizer(keras.optimizers.Optimizer):
    """Any Keras optimizer, once for every layer: own rate, own state, own step count.

    So a layer without a gradient of its own does not change by one bit (a shared Adam would move
    it by its momentum), a frozen layer takes no memory, and a layer that thaws starts
    afresh while the others keep their state. Weight decay leaves out biases and layer norms.

    `learning_rate` is the highest of the layers' rates, at the schedule's peak; setting it, by
    hand, callback or Keras schedule, scales all of them. `rates` are the layers' rates now.

    Args:
        optimizer: the optimizer of which every layer gets a copy.
        rates: layer name → learning rate. Layers not named, or all if None, learn at `optimizer`'s
            own rate. A variable's path begins with the name of its layer, or `name_layers` says
            otherwise.
        schedule: how the rates rise and fall over `steps`; None: they are constant.
        steps: how many steps the schedule spans.

    Raises:
        InputError: a schedule without the number of steps that it spans.

    Example:

    >>> optimizer = LayerwiseOptimizer(keras.optimizers.SGD(), {"a": 0.1, "b": 0.01})
    >>> optimizer.learning_rate = 0.2
    >>> {name: round(rate, 3) for name, rate in optimizer.rates.items()}
    {'a': 0.2, 'b': 0.02}
    """

    def __init__(
        self,
        optimizer: keras.optimizers.Optimizer,
        rates: Mapping[str, float] | None = None,
        *,
        schedule: RateSchedule | None = None,
        steps: int | None = None,
        name: str = "layerwise",
        **kwargs: Any,
    ):
        schedule = schedule or RateSchedule()
        if schedule != RateSchedule() and not steps:
            raise InputError(
                f"the schedule {schedule.shape!r} needs steps, the number of steps it spans. "
                f"Received: {steps}"
            )
        rates = dict(rates or {})
        learning_rate = kwargs.pop("learning_rate", None)
        if learning_rate is None:
            learning_rate = max(rates.values()) if rates else optimizer._learning_rate
        if isinstance(learning_rate, keras.Variable):
            learning_rate = float(learning_rate.numpy())
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.schedule, self.steps = schedule, steps
        self._template = keras.optimizers.serialize(optimizer)
        highest = max(rates.values(), default=1.0)
        self._factors = {layer: rate / highest for layer, rate in rates.items()}
        self.of_layer: dict[str, keras.optimizers.Optimizer] = {}
        self._to_restore: tuple[str, ...] = ()
        self._layer_of: dict[str, str] = {}

    def name_layers(self, layers: Iterable[keras.layers.Layer]) -> None:
        """Names the layers of variables whose paths begin otherwise: with a layer inside it."""
        self._layer_of = {_outermost(v): layer.name for layer in layers for v in layer.weights}

    @property
    def stateful(self) -> list[str]:
        """The names of the layers that have a state, or had one when the optimizer was saved."""
        return list(dict.fromkeys((*self._to_restore, *self.of_layer)))

    @property
    def rates(self) -> dict[str, float]:
        """Layer name → its learning rate now."""
        names = self._factors or self.of_layer
        now = float(self._rate_now())
        return {layer: now * self._factor(layer) for layer in names}

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes the state of layers that have none yet; the others keep theirs."""
        for layer, members in self._by_layer(variables).items():
            if layer not in self.of_layer:
                self.of_layer[layer] = self._copy(layer)
                self.of_layer[layer].build(members)
        self.built = True

    def take_over(self, previous: "LayerwiseOptimizer", variables: Sequence) -> None:
        """Takes over the previous stage's state of the layers that keep training.

        Layers are in the order of the variables, whatever the previous order.
        """
        for layer, members in self._by_layer(variables).items():
            if layer in previous.of_layer:
                self.of_layer[layer] = previous.of_layer[layer]
                self.of_layer[layer].weight_decay = self._template["config"].get("weight_decay")
            self.build(members)

    def apply(
        self,
        grads: Sequence[tf.Tensor | tf.IndexedSlices | None],
        trainable_variables: Sequence[keras.Variable] | None = None,
        active: Mapping[str, tf.Tensor] | None = None,
    ) -> None:
        """One step. Layers whose `active` is false (a scalar bool tensor) are left untouched."""
        variables = list(trainable_variables or ())
        self.build(variables)
        rate = self._rate_now()
        gradient_of = {variable.path: grad for variable, grad in zip(variables, grads, strict=True)}
        for layer, members in self._by_layer(variables).items():
            optimizer = self.of_layer[layer]
            replicas.assign(optimizer.learning_rate, rate * self._factor(layer))
            gradients = [gradient_of[variable.path] for variable in members]
            _apply_if((active or {}).get(layer), optimizer, gradients, members)
        replicas.assign(self.iterations, tf.convert_to_tensor(self.iterations) + 1)

    def get_config(self) -> dict:
        peak = float(self.learning_rate.numpy())
        rates = {layer: factor * peak for layer, factor in self._factors.items()}
        learning_rate = super().get_config()["learning_rate"]
        config = {"optimizer": self._template, "rates": rates, "learning_rate": learning_rate}
        schedule = {"schedule": dataclasses.asdict(self.schedule), "steps": self.steps}
        return config | schedule | {"name": self.name, "stateful": list(self.of_layer)}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> "LayerwiseOptimizer":
        config = dict(config)
        for key in ("optimizer", "learning_rate"):
            config[key] = keras.saving.deserialize_keras_object(config[key])
        config["schedule"] = RateSchedule(**config["schedule"])
        stateful = config.pop("stateful", ())
        optimizer = cls(**config)
        optimizer._to_restore = tuple(stateful)
        return optimizer

    def _by_layer(self, variables: Sequence[keras.Variable]) -> dict[str, list[keras.Variable]]:
        layers = defaultdict(list)
        for variable in variables:
            name = _outermost(variable)
            layers[self._layer_of.get(name, name)].append(variable)
        return dict(layers)

    def _rate_now(self) -> tf.Tensor:
        """Returns the highest of the layers' rates at this step."""
        if not self.steps:
            return tf.convert_to_tensor(self.learning_rate)
        return self.learning_rate * rate_factor(self.schedule, self.iterations, self.steps)

    def _factor(self, layer: str) -> float:
        return self._factors.get(layer, 1.0)

    def _copy(self, layer: str) -> keras.optimizers.Optimizer:
        config = self._template["config"] | {"name": f"{layer}_optimizer", "learning_rate": 0.0}
        optimizer = keras.optimizers.deserialize(self._template | {"config": config})
        optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
        return optimizer


def layerwise_adamw(
    model: Grouped,
    *,
    head_lr: float = LearningRates.heads,
    backbone_lr: float = LearningRates.backbone,
    decay: float = 1.0,
    group_lrs: Mapping[str, float] | None = None,
    weight_decay: float = 0.01,
    schedule: RateSchedule | None = None,
    steps: int | None = None,
) -> LayerwiseOptimizer:
    """Returns AdamW with a learning rate for every layer group of a model.

    Loshchilov & Hutter, 2019, "Decoupled weight decay regularization".

    Args:
        model: a `MultiTaskModel`, or anything with `layer_groups`.
        head_lr: rate of the heads.
        backbone_lr: rate of the top block.
        decay: factor from each block to the one below.
        group_lrs: layer group, or range of blocks (`block_0-7`), → its own rate instead.
        weight_decay: weight decay of kernels and tables; biases and layer norms have none.
        schedule: how the rates rise and fall over `steps`.
        steps: how many steps the schedule spans.
    """
    rates = LearningRates(
        heads=head_lr, backbone=backbone_lr, decay=decay, groups=dict(group_lrs or {})
    )
    by_group = rates.by_group(list(model.layer_groups))
    groups = model.layer_groups.items()
    by_layer = {layer.name: by_group[group] for group, layers in groups for layer in layers}
    adamw = FusedAdamW(weight_decay=weight_decay, epsilon=EPSILON)
    optimizer = LayerwiseOptimizer(adamw, by_layer, schedule=schedule, steps=steps)
    optimizer.name_layers(layer for _, layers in groups for layer in layers)
    return optimizer


def rate_factor(schedule: RateSchedule, step: int | tf.Tensor, steps: int) -> tf.Tensor:
    """Returns a schedule's factor of the rates at a step (from 0): a scalar in [0, 1].

    Example:

    >>> linear = RateSchedule(shape="linear", warmup=0.5)
    >>> [round(float(rate_factor(linear, step, 7)), 2) for step in range(7)]
    [0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25]
    """
    progress = (tf.cast(step, tf.float32) + 1) / (steps + 1)
    fallen = tf.clip_by_value((progress - schedule.rise) / (1 - schedule.rise), 0.0, 1.0)
    fall = {
        "constant": tf.ones_like(fallen),
        "linear": 1 - fallen,
        "cosine": (1 + tf.cos(math.pi * fallen)) / 2,
        "slanted_triangular": 1 - fallen,
    }[schedule.shape]
    factor = tf.minimum(fall, progress / schedule.rise) if schedule.rise else fall
    return (1 + 31 * factor) / 32 if schedule.shape == "slanted_triangular" else factor


def _outermost(variable: keras.Variable) -> str:
    """Returns the first part of a variable's path: the layer that made it, or one around that."""
    return variable.path.partition("/")[0]


def _apply_if(
    active: tf.Tensor | None,
    optimizer: keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor | tf.IndexedSlices | None],
    variables: Sequence[keras.Variable],
) -> None:
    def step() -> int:
        optimizer.apply(gradients, variables)
        return 0

    if active is None:
        step()
    else:
        tf.cond(active, step, lambda: 0)
