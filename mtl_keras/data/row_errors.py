"""What was wrong with a row that was streamed, if TensorFlow reports an error of its own."""

import contextlib
from collections.abc import Iterable, Iterator

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError, WorkError


@contextlib.contextmanager
def row_errors(datasets: Iterable[TaskDataset]) -> Iterator[None]:
    """Tells what was wrong with a row that was streamed, where TensorFlow tells of its own error.

    Raises:
        InputError: the row's error, with file and line.
    """
    datasets = list(datasets)
    try:
        yield
    except (InputError, WorkError):
        raise
    except Exception:
        fault = next((each.fault for each in datasets if each.fault), None)
        if fault is None:
            raise
        raise fault from None
