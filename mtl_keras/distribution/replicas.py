"""What each replica of a model does alone, and what all do together, under any `tf.distribute`.

Each replica computes on its own rows of a batch. What they add up (gradients, sums of losses and
weights) is the same everywhere, so that each updates its own copy of the variables, and all stay
equal to the last bit. (Keras's own updates wait for the other replicas at each variable, which
they may not inside a `tf.cond`.)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

PACK = 32 * 2**20  # bytes that are summed in one exchange
Update = tuple[keras.metrics.Metric, tuple, tf.Tensor | None]  # values, and their weights


def count() -> int:
    """How many replicas there are, on all machines; 1 without a strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def has_workers(strategy: tf.distribute.Strategy) -> bool:
    """Whether other processes train under the strategy too."""
    resolver = strategy.cluster_resolver
    return resolver is not None and bool(resolver.cluster_spec().jobs)


def compile_shapes(strategy: tf.distribute.Strategy) -> bool:
    """Whether its devices compile a program for each shape of a batch, as TPUs do."""
    return isinstance(strategy, tf.distribute.TPUStrategy)


def total(values: Sequence[tf.Tensor | None]) -> list[tf.Tensor | None]:
    """The sums over all replicas, of tensors or None, in their order."""
    given = [value for value in values if value is not None]
    if count() == 1 or not given:
        return list(values)
    options = tf.distribute.experimental.CommunicationOptions(bytes_per_pack=PACK)
    context = tf.distribute.get_replica_context()
    summed = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, given, options))
    return [None if value is None else next(summed) for value in values]


def assign(variable: keras.Variable, value: tf.types.experimental.TensorLike) -> None:
    """Gives the replica's own copy a value, which must be the same in all of them."""
    value = tf.cast(value, variable.dtype)
    tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=value)


def value_of(variable: keras.Variable) -> np.ndarray:
    """A copy of this process's value, which is that of all, without asking the others.

    To read a metric's variable in the usual way all workers must do so at once.
    """
    return np.array(copies(variable)[0])


def view_of(variable: keras.Variable) -> np.ndarray:
    """As `value_of`, but not copied on a processor; of types that NumPy has itself, read only.

    It stays as it is: TensorFlow gives a variable whose memory is held elsewhere new memory when
    it changes.
    """
    return np.asarray(memoryview(copies(variable)[0].read_value()))


def put(variable: keras.Variable, value: np.ndarray) -> None:
    """Gives all copies of this process a value, without asking the others."""
    for copy in copies(variable):
        copy.assign(value)


def copies(variable: keras.Variable) -> tuple[tf.Variable, ...]:
    """The copies in this process; the variable itself without a strategy."""
    is_distributed = isinstance(variable.value, tf.distribute.DistributedValues)
    return variable.value.values if is_distributed else (variable.value,)


def measure(updates: Iterable[Update]) -> None:
    """Updates metrics with what all replicas saw.

    With more than one replica their states must be sums over examples, and their results ratios
    of these, as those of means are.
    """
    if count() == 1:
        for metric, values, weight in updates:
            metric.update_state(*values, sample_weight=weight)
        return
    added: list[tf.Tensor] = []
    variables: list[keras.Variable] = []
    for metric, values, weight in updates:
        nothing = [tf.zeros(state.shape, state.dtype) for state in metric.variables]
        added += metric.stateless_update_state(nothing, *values, sample_weight=weight)
        variables += metric.variables
    for variable, more in zip(variables, total(added), strict=True):
        assign(variable, tf.convert_to_tensor(variable.value) + more)


def as_logs(results: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Results that are the same in all replicas, as Keras's `fit` can take them from a step.

    Of several workers it exchanges each result, and takes the mean along the first axis; it gets
    the first result alone.
    """
    if count() == 1 or not has_workers(tf.distribute.get_strategy()):
        return dict(results)
    return {name: tf.reshape(value, (1,)) for name, value in list(results.items())[:1]}


def share(
    dataset: tf.data.Dataset, strategy: tf.distribute.Strategy
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """A dataset of which each replica gets its rows of every batch; unchanged for one replica.

    All workers read the same batches and take their rows of them. So a batch holds the same
    examples on one device as on many, and costs each as many padded positions.

    Returns:
        What `fit` takes under the strategy.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return dataset

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        here = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * here

        @tf.autograph.experimental.do_not_convert
        def parts(*batch: Any) -> tf.data.Dataset:
            numbers = tf.data.Dataset.range(first, first + here)
            return numbers.map(tf.autograph.experimental.do_not_convert(lambda i: part(batch, i)))

        def part(batch: Any, number: tf.Tensor) -> Any:
            rows = tf.shape(tf.nest.flatten(batch)[0], tf.int64)[0]
            begin, end = rows * number // replicas, rows * (number + 1) // replicas
            return tf.nest.map_structure(lambda tensor: tensor[begin:end], batch)

        return dataset.flat_map(parts).prefetch(2 * here)

    shared = strategy.distribute_datasets_from_function(of_worker)
    shared._cardinality = dataset.cardinality()  # it counts parts, Keras takes them for steps
    return shared
