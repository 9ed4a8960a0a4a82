"""A learning rate, and an optimizer state, for every layer."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mtl_keras.stages import LearningRates

NOT_DECAYED = ("bias", "gamma", "beta")
# Keras's 1e-7, which it adds before the bias correction, slows weights of small gradients.
EPSILON = 1e-8


@keras.saving.register_keras_serializable("mtl_keras")
class LayerwiseOptimizer(keras.optimizers.Optimizer):
    """Any Keras optimizer, once for every layer: own rate, own state, own step count.

    So a layer without a gradient of its own stays as it is to the last bit (a shared Adam would
    move it by its momentum), a frozen layer takes no memory, and a layer that thaws starts
    afresh while the others keep their state. Weight decay leaves out biases and layer norms.

    `learning_rate` is the highest of the layers' rates; setting it, by hand, callback or
    schedule, scales all of them.

    Args:
        optimizer: what every layer gets a copy of.
        rates: layer name (the first part of its variables' paths) → learning rate. Layers not
            named, or all when None, learn at `optimizer`'s own rate.

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
        name: str = "layerwise",
        **kwargs,
    ):
        rates = dict(rates or {})
        learning_rate = kwargs.pop("learning_rate", None)
        if learning_rate is None:
            learning_rate = max(rates.values()) if rates else optimizer._learning_rate
        if isinstance(learning_rate, keras.Variable):
            learning_rate = float(learning_rate)
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self._template = keras.optimizers.serialize(optimizer)
        highest = max(rates.values(), default=1.0)
        self._factors = {layer: rate / highest for layer, rate in rates.items()}
        self.of_layer: dict[str, keras.optimizers.Optimizer] = {}

    @property
    def rates(self) -> dict[str, float]:
        """Layer name → its learning rate now."""
        names = self._factors or self.of_layer
        return {layer: float(self.learning_rate) * self._factor(layer) for layer in names}

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes the state of layers that have none yet; what others have stays."""
        for layer, members in _by_layer(variables).items():
            if layer not in self.of_layer:
                self.of_layer[layer] = self._copy(layer)
                self.of_layer[layer].build(members)
        self.built = True

    def take_over(self, previous: "LayerwiseOptimizer", variables: Sequence) -> None:
        """Takes over the previous stage's state of the layers that go on training."""
        for layer in _by_layer(variables):
            if layer in previous.of_layer:
                self.of_layer[layer] = previous.of_layer[layer]
        self.build(variables)

    def apply(self, grads, trainable_variables=None, active: Mapping[str, tf.Tensor] | None = None):
        """One step. Layers whose `active` is false (a scalar bool tensor) are left untouched."""
        variables = list(trainable_variables)
        self.build(variables)
        gradient_of = {variable.path: grad for variable, grad in zip(variables, grads, strict=True)}
        for layer, members in _by_layer(variables).items():
            optimizer = self.of_layer[layer]
            optimizer.learning_rate.assign(self.learning_rate * self._factor(layer))
            gradients = [gradient_of[variable.path] for variable in members]
            _apply_if((active or {}).get(layer), optimizer, gradients, members)
        self.iterations.assign_add(1)

    def get_config(self):
        highest = float(max(self.rates.values(), default=1.0))
        rates = {layer: factor * highest for layer, factor in self._factors.items()}
        learning_rate = super().get_config()["learning_rate"]
        config = {"optimizer": self._template, "rates": rates, "learning_rate": learning_rate}
        return config | {"name": self.name}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        for key in ("optimizer", "learning_rate"):
            config[key] = keras.saving.deserialize_keras_object(config[key])
        return cls(**config)

    def _factor(self, layer: str) -> float:
        return self._factors.get(layer, 1.0)

    def _copy(self, layer: str) -> keras.optimizers.Optimizer:
        config = self._template["config"] | {"name": f"{layer}_optimizer", "learning_rate": 0.0}
        optimizer = keras.optimizers.deserialize(self._template | {"config": config})
        optimizer.exclude_from_weight_decay(var_names=list(NOT_DECAYED))
        return optimizer


def layerwise_adamw(
    model,
    *,
    head_lr: float = 1e-3,
    backbone_lr: float = 5e-5,
    decay: float = 1.0,
    weight_decay: float = 0.01,
) -> LayerwiseOptimizer:
    """AdamW with a learning rate for every layer group of a model.

    Loshchilov & Hutter, 2019, "Decoupled weight decay regularization".

    Args:
        model: a `MultiTaskModel`, or anything with `layer_groups`.
        head_lr: rate of the heads.
        backbone_lr: rate of the top block.
        decay: factor from each block to the one below.
        weight_decay: of kernels and tables; biases and layer norms are left out.
    """
    rates = LearningRates(heads=head_lr, backbone=backbone_lr, decay=decay)
    by_group = rates.by_group(list(model.layer_groups))
    by_layer = {
        layer.name: by_group[group]
        for group, layers in model.layer_groups.items()
        for layer in layers
    }
    adamw = keras.optimizers.AdamW(weight_decay=weight_decay, epsilon=EPSILON)
    return LayerwiseOptimizer(adamw, by_layer)


def _by_layer(variables: Sequence[keras.Variable]) -> dict[str, list[keras.Variable]]:
    layers = defaultdict(list)
    for variable in variables:
        layers[variable.path.split("/")[0]].append(variable)
    return dict(layers)


def _apply_if(active, optimizer, gradients, variables) -> None:
    def step():
        optimizer.apply(gradients, variables)
        return 0

    if active is None:
        step()
    else:
        tf.cond(active, step, lambda: 0)
