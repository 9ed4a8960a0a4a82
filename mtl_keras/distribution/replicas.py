"""What replicas of a model do alone and what they do together, under any `tf.distribute` strategy.

Each replica computes on its own rows of a batch. Gradients, losses and weights are summed over all
replicas. So each replica can update its own copy of the variables, and all copies stay equal to the
last bit. (Keras's updates wait for the other replicas at each variable, which is not allowed inside
a `tf.cond`.)
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
    """Whether the devices compile a program for each batch shape, as TPUs do."""
    return isinstance(strategy, tf.distribute.TPUStrategy)


def total(values: Sequence[tf.Tensor | None]) -> list[tf.Tensor | None]:
    """The sum of each tensor over all replicas; None stays None."""
    given = [value for value in values if value is not None]
    if count() == 1 or not given:
        return list(values)
    options = tf.distribute.experimental.CommunicationOptions(bytes_per_pack=PACK)
    context = tf.distribute.get_replica_context()
    summed = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, given, options))
    return [None if value is None else next(summed) for value in values]


def assign(variable: keras.Variable, value: tf.types.experimental.TensorLike) -> None:
    """Sets this replica's copy of a variable. The value must be the same in all replicas."""
    value = tf.cast(value, variable.dtype)
    tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=value)


def value_of(variable: keras.Variable) -> np.ndarray:
    """A copy of the variable's value in this process, which equals that in all others.

    Does not wait for other workers. Reading a metric's variable in the usual way would.
    """
    return np.array(copies(variable)[0])


def view_of(variable: keras.Variable) -> np.ndarray:
    """As `value_of`, but read-only and, on a CPU, without a copy. Only for NumPy's own types.

    The view does not change later: TensorFlow gives a variable new memory when it is assigned while
    somebody else holds the old.
    """
    return np.asarray(memoryview(copies(variable)[0].read_value()))


def put(variable: keras.Variable, value: np.ndarray) -> None:
    """Sets all copies of a variable in this process. Does not wait for other workers."""
    for copy in copies(variable):
        copy.assign(value)


def copies(variable: keras.Variable) -> tuple[tf.Variable, ...]:
    """The variable's copies in this process; without a strategy, the variable itself."""
    is_distributed = isinstance(variable.value, tf.distribute.DistributedValues)
    return variable.value.values if is_distributed else (variable.value,)


def measure(updates: Iterable[Update]) -> None:
    """Updates metrics with the values of all replicas.

    With more than one replica, a metric's state must be sums over examples, and its result a ratio
    of them, as for a mean.
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
    """Results that are equal in all replicas, in the form that Keras's `fit` expects of a step.

    With several workers, Keras exchanges each result and averages along its first axis. So only the
    first result is returned, with such an axis.
    """
    if count() == 1 or not has_workers(tf.distribute.get_strategy()):
        return dict(results)
    return {name: tf.reshape(value, (1,)) for name, value in list(results.items())[:1]}


def share(
    dataset: tf.data.Dataset, strategy: tf.distribute.Strategy
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """A dataset that gives each replica its rows of every batch; unchanged for one replica.

    All workers read the same batches and take their own rows. So a batch holds the same examples,
    padded to the same length, on one device as on many.

    Returns:
        A dataset for `fit` under the strategy.
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
    shared._cardinality = dataset.cardinality()  # TensorFlow counts parts, Keras expects steps
    return shared
