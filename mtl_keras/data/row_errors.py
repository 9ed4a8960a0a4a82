"""Restores the error of a streamed row, which TensorFlow replaces with its own."""

import contextlib
from collections.abc import Iterable, Iterator

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError, WorkError


@contextlib.contextmanager
def row_errors(datasets: Iterable[TaskDataset]) -> Iterator[None]:
    """Inside this context, raises a streamed row's error in place of TensorFlow's.

    Raises:
        InputError: the row's error, with file and line.
    """
    datasets = list(datasets)
    try:
        yield
    except (InputError, WorkError):
        raise
    except Exception:
        fault = next((dataset.fault for dataset in datasets if dataset.fault), None)
        if fault is None:
            raise
        raise fault from None
