"""How a model balances its tasks: weights of their losses, and one gradient from several."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.models.branches import Branches
from mtl_keras.models.combiners import Combiner, Losses, combiner_of
from mtl_keras.models.guards import Gradients, Guard
from mtl_keras.models.heads import check_task_names
from mtl_keras.models.weightings import EqualWeigher, Weigher, weigher_of
from mtl_keras.plans.combination import SUM, Combination
from mtl_keras.plans.weighting import EQUAL, Weighting, check_balance


class BalancesTasks:
    """Mix this into a `MultiTaskModel`: it weights losses and combines gradients."""

    tasks: Mapping[str, Any]
    branches: Branches
    layers: Sequence[keras.layers.Layer]
    trainable_variables: Sequence[keras.Variable]
    distribute_strategy: tf.distribute.Strategy
    optimizer: Any
    _guard: Guard
    _loss_weights: Mapping[str, float]

    _weigher: Weigher = EqualWeigher(EQUAL, ())
    _combiner: Combiner = Combiner()

    def balance(
        self,
        *,
        combine: Combination = SUM,
        weighting: Weighting = EQUAL,
        tasks: Collection[str] = (),
        seed: int = 0,
    ) -> None:
        """Sets how the tasks' gradients of shared weights become one, and how losses are weighted.

        It applies from the next `fit` on, also after `compile`, until it is called again, and is
        not saved. Gradients are combined in steps that have examples of several tasks, as those
        of the schedule `joint`.

        Args:
            combine: such as `PCGrad()`; `Sum()` adds the gradients.
            weighting: such as `Uncertainty()`; `Equal()` leaves the losses as they are.
            tasks: those that train; all if empty.
            seed: of random orders and weights.

        Raises:
            InputError: no combination or weighting, a task that is not there; when training
                starts, a combination with a protection by `GradientProjection`.
        """
        check_balance(combine, weighting)
        check_task_names("tasks", tasks, self.tasks)
        trained = [name for name in self.tasks if name in (tasks or self.tasks)]
        with self.distribute_strategy.scope():
            self._combiner = combiner_of(combine, trained, seed)
            self._weigher = weigher_of(weighting, trained, seed)

    @property
    def loss_weights(self) -> dict[str, float]:
        """Task → factor of its loss."""
        return dict(self._loss_weights)

    @property
    def balancing_state(self) -> list[keras.Variable]:
        """What combination and weighting have learned, which a step changes."""
        return [*self._combiner.state.values(), *self._weigher.state.values()]

    @property
    def _needs_two_gradients(self) -> bool:
        return self._combiner.combines or self._guard.two_gradients

    def _combined(self, tape: tf.GradientTape, losses: Losses) -> Gradients:
        """Returns the gradients of the weights that train."""
        variables = self.trainable_variables
        layer_of = {id(weight): layer.name for layer in self.layers for weight in layer.weights}
        readers = self.branches.readers
        of_weights = [frozenset(readers.get(layer_of[id(v)], self.tasks)) for v in variables]
        values = [variable.value for variable in variables]
        return self._combiner.gradients(self._guard, tape, losses, values, of_weights, self._step)

    def _look_again(self, before: Mapping[str, tf.Tensor], again: Callable[[], Mapping]) -> None:
        """Shows the weigher the losses after the step, if it learns from them."""
        if self._weigher.looks_again:
            self._weigher.look_again(before, again())

    def _weighted(self, losses: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {name: self._loss_weights[name] * loss for name, loss in losses.items()}

    def _step(self) -> tf.Tensor:
        """Reads the number of the step."""
        return tf.convert_to_tensor(self.optimizer.iterations)
