"""Chooses the devices and machines that train together (`tf.distribute`); lets workers agree."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from mtl_keras.distribution import replicas
from mtl_keras.distribution.clusters import TF_CONFIG, Cluster
from mtl_keras.errors import InputError, WorkError, first_line
from mtl_keras.storage.locks import LOCK

AUTO, MIRRORED, MULTI_WORKER, TPU = "auto", "mirrored", "multi_worker", "tpu"
# The errors of a collective operation if another worker has ended.
GONE = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.FailedPreconditionError,
)


def chosen(name: str, cluster: Cluster) -> str | None:
    """The strategy that `auto` stands for on this machine; None for one device.

    It is multi_worker if `TF_CONFIG` names several workers, tpu if `TPU_NAME` holds an address, and
    mirrored if there are several GPUs.
    """
    if name != AUTO:
        return name
    if not cluster.is_alone:
        return MULTI_WORKER
    if os.environ.get("TPU_NAME"):
        return TPU
    return MIRRORED if len(tf.config.list_physical_devices("GPU")) > 1 else None


def strategy_of(name: str = AUTO) -> tf.distribute.Strategy:
    """The `tf.distribute` strategy that a recipe names.

    Args:
        name: `auto`, `mirrored` (the GPUs of this machine), `multi_worker` (the workers of
            `TF_CONFIG`) or `tpu`.

    Raises:
        InputError: the hardware or `TF_CONFIG` is missing, or TensorFlow has already computed.
    """
    cluster = Cluster.of_environment()
    kind = chosen(name, cluster)
    if kind is None:
        return tf.distribute.get_strategy()
    if kind == MIRRORED:
        return tf.distribute.MirroredStrategy()
    if kind == TPU:
        return _tpu_strategy()
    if cluster.is_alone:
        raise InputError(
            f"strategy {MULTI_WORKER}: {TF_CONFIG} names no other worker; set it on each, or give "
            "'mtl-keras train --workers N' for N workers on this machine"
        )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError:
        raise InputError(
            f"strategy {MULTI_WORKER} must be set before TensorFlow is used; start a new process"
        ) from None


class Workers:
    """The processes that train one model together, or this one alone.

    Args:
        strategy: the one they train under.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self.strategy = strategy
        cluster = Cluster.of_environment() if replicas.has_workers(strategy) else Cluster()
        self.count, self.index = len(cluster.addresses), cluster.index
        local = strategy.num_replicas_in_sync // self.count

        def of_replica(values: tf.Tensor) -> tf.Tensor:
            context = tf.distribute.get_replica_context()
            here = tf.identity(values)  # on a device of the replica
            return context.all_reduce(tf.distribute.ReduceOp.SUM, here)

        @tf.function(autograph=False, reduce_retracing=True)
        def add_up(values: tf.Tensor) -> tf.Tensor:
            summed = strategy.run(of_replica, args=(values,))
            return strategy.experimental_local_results(summed)[0] / local

        self._add_up = add_up

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run."""
        return self.index == 0

    def sum(self, values: np.ndarray) -> np.ndarray:
        """The sum over all workers. All must call it, with the same shape."""
        if self.count == 1:
            return values
        with self.strategy.scope():
            return self._add_up(tf.constant(values)).numpy()

    def gather(self, value: int) -> list[int]:
        """The value of each worker; values must be below 2^53."""
        values = np.zeros(self.count, np.float64)
        values[self.index] = value
        return [int(total) for total in self.sum(values)]

    def agree(self, number: int) -> int:
        """The largest value among all workers."""
        return max(self.gather(number))

    def wait(self) -> None:
        """Returns when all workers have called it."""
        self.gather(0)

    def check_same(self, value: str, what: str) -> None:
        """Raises `InputError` on all workers if their values differ."""
        digest = hashlib.sha256(value.encode()).digest()
        of_all = self.gather(int.from_bytes(digest[:6], "big"))
        if len(set(of_all)) > 1:
            raise InputError(f"workers see different {what}; give all the same files and folders")

    @contextlib.contextmanager
    def own_folder(self, folder: str | Path, *, resume: bool) -> Iterator[Path]:
        """The folder itself for the chief; for other workers a copy that is deleted afterwards.

        No worker leaves the context before all are done.
        """
        with contextlib.ExitStack() as stack:
            own = Path(folder)
            if not self.is_chief:
                own = Path(stack.enter_context(tempfile.TemporaryDirectory())) / own.name
                if resume and Path(folder).is_dir():
                    shutil.copytree(folder, own, ignore=shutil.ignore_patterns(LOCK))
            self.wait()
            yield own
            self.wait()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Inside this context, raises `WorkError` if another worker has ended."""
        try:
            yield
        except GONE as error:
            if self.count == 1:
                raise
            lines = [line.strip() for line in str(error.message).splitlines()]
            reason = next((line for line in lines if "abort" in line), lines[0])[:200]
            raise WorkError(
                f"another worker has ended ({reason}); start all of them again with --resume"
            ) from None


def _tpu_strategy() -> tf.distribute.Strategy:
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"strategy {TPU}: no TPU can be reached ({first_line(error)[:200]}); set TPU_NAME, or "
            "leave the strategy out"
        ) from None
