"""Keras's `fit`, `evaluate` and `predict`, with their arguments checked before work begins."""

import contextlib
import functools
import importlib.util
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from mtl_keras.data.task import Task
from mtl_keras.distribution.fitting import DistributedFit
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError, first_line, listed, nearest, shown
from mtl_keras.models import labelled_arrays
from mtl_keras.models.inference import are_texts, encoded, holds_arrays
from mtl_keras.models.metrics import metric_directions
from mtl_keras.models.prediction import BATCH_SIZE, answer

# The least value of each whole number; None lets Keras choose.
_LEAST = {"epochs": 0, "initial_epoch": 0} | dict.fromkeys(
    ("batch_size", "steps_per_epoch", "validation_steps", "validation_batch_size", "steps"), 1
)
_IN_BATCHES = "is part of a dataset's batches (x, labels, weights); leave it out"


class CheckedCalls(DistributedFit):
    """Mix this into a `MultiTaskModel`."""

    tasks: Mapping[str, Task]
    encoder: TextEncoder
    compiled: bool
    in_stages: Any
    _task_metrics: Mapping[str, Sequence[keras.metrics.Metric]]

    def fit_batches(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Runs Keras's `fit`, which computes frozen layers in every batch; `fit` is often faster.

        Raises:
            InputError: an argument of another form, or one that a model of several tasks cannot
                have.
        """
        given = self._checked("fit", args, kwargs)
        if given.get("validation_data") is not None:
            given["validation_data"] = self._checked_validation(given["validation_data"])
        self.in_stages = None
        with _refused_data():
            return super().fit(**given)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; `x` may also be strings.

        Raises:
            InputError: as `fit`.
        """
        given = self._checked("evaluate", args, kwargs)
        with _refused_data():
            return super().evaluate(**given)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras.

        Raises:
            InputError: as `fit`.
        """
        self.in_stages = None
        return super().train_on_batch(**self._checked("train_on_batch", args, kwargs))  # type: ignore[misc]

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras.

        Raises:
            InputError: as `fit`.
        """
        return super().test_on_batch(**self._checked("test_on_batch", args, kwargs))  # type: ignore[misc]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; the input may also be a list of strings.

        Raises:
            InputError: an item of the list is no text.
        """
        if args and are_texts(args[0]):
            args = (encoded(args[0], self.encoder.tokenizer), *args[1:])
        return super().__call__(*args, **kwargs)  # type: ignore[misc]

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Returns every task's answers for a list of strings, or outputs for arrays, as in Keras.

        Returns:
            Of strings, a dict a text, as `mtl_keras.answer`. Else task → outputs, of the shapes in
            `TaskHead`.

        Raises:
            InputError: what is neither texts nor arrays by name; an item that is no text is named.
        """
        given = arguments_of("predict", args, kwargs)
        x = given.get("x")
        if x is None or (holds_arrays(x) and not isinstance(x, Mapping)):
            for name in ("steps", "callbacks"):
                if given.get(name) is not None:
                    raise InputError(f"{name}: strings are answered without; leave it out")
            return answer(self, x, batch_size=given.get("batch_size") or BATCH_SIZE)  # type: ignore[arg-type]
        if isinstance(x, Mapping):
            labelled_arrays.check_inputs(x)
            if not len(x["padding_mask"]):
                return self.predict_on_batch(x)
        with _refused_data():
            return super().predict(**given)  # type: ignore[misc]

    def predict_on_batch(self, x: Any) -> dict[str, np.ndarray]:
        """As in Keras; `x` may also be a list of strings. Returns outputs by task.

        Raises:
            InputError: as `predict`.
        """
        x = encoded(x, self.encoder.tokenizer)
        labelled_arrays.check_inputs(x)
        return super().predict_on_batch(x)  # type: ignore[misc]

    def quantize(self, *args: Any, **kwargs: Any) -> None:
        """Not supported: Keras quantizes only some layers and does not compare the answers.

        Raises:
            InputError: always.
        """
        raise InputError(
            "quantize: export the run with --format onnx or litert and --precision int8 instead, "
            "which compares the answers"
        )

    def save(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """As in Keras, to a `.keras` file.

        Raises:
            InputError: a name of another ending.
        """
        if Path(filepath).suffix != ".keras":
            raise InputError(f"{filepath}: a model is saved to a file whose name ends in .keras")
        super().save(filepath, *args, **kwargs)  # type: ignore[misc]

    def load_weights(self, filepath: Any, *args: Any, **kwargs: Any) -> None:
        """As in Keras.

        Raises:
            InputError: a file that is absent, damaged, or of a model of other tasks or shape.
        """
        try:
            super().load_weights(filepath, *args, **kwargs)  # type: ignore[misc]
        except (ValueError, OSError, KeyError) as error:
            raise InputError(
                f"{filepath}: its weights do not fit this model ({first_line(error)}); give those "
                "of a model of the same encoder and tasks"
            ) from error

    def _checked(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the arguments of a call by name, checked, with strings encoded."""
        given = arguments_of(name, args, kwargs)
        if not self.compiled:
            raise InputError(f"{name}: the model is not compiled; call compile() first")
        if given.get("class_weight") is not None:
            raise InputError(
                "class_weight: the tasks have classes of their own; weight examples instead: "
                "sample_weight={task: weights}, or batches (x, labels, weights)"
            )
        if "callbacks" in given:
            given["callbacks"] = checked_callbacks(given["callbacks"], self.metric_directions)
        return given | self._checked_data(given)

    def _checked_data(self, given: Mapping[str, Any]) -> dict[str, Any]:
        x, y, weights = (given.get(name) for name in ("x", "y", "sample_weight"))
        if x is None:
            raise InputError("x is absent; give batches, as interleave makes them")
        if not holds_arrays(x):
            for name in ("y", "sample_weight"):
                if given.get(name) is not None:
                    raise InputError(f"{name} {_IN_BATCHES}")
            if given.get("validation_split"):
                raise InputError("validation_split: give a dataset as validation_data instead")
            return {}
        x = encoded(x, self.encoder.tokenizer)
        labelled_arrays.check_arrays(x, y, weights, self.tasks)
        labelled = {"y": y} if weights is None else {"y": y, "sample_weight": weights}
        return {"x": x} | {name: labelled_arrays.as_arrays(of) for name, of in labelled.items()}

    def _checked_validation(self, data: Any) -> Any:
        if not isinstance(data, tuple | list):
            return data
        x, y, weights = keras.utils.unpack_x_y_sample_weight(tuple(data))
        x = encoded(x, self.encoder.tokenizer)
        labelled_arrays.check_arrays(x, y, weights, self.tasks)
        return keras.utils.pack_x_y_sample_weight(x, y, weights)

    @property
    def metric_directions(self) -> dict[str, str]:
        """Name in the logs → which is better, `min` or `max`; absent if unknown."""
        own = dict.fromkeys(("loss", "padding"), "min")
        return own | metric_directions(self.tasks, self._task_metrics)


def arguments_of(name: str, args: Iterable[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the arguments of a method of `keras.Model`, by name.

    Raises:
        InputError: an argument that it does not have, or a number that makes no sense.
    """
    signature = _signature(getattr(keras.Model, name))
    internal = {key: value for key, value in kwargs.items() if key.startswith("_")}
    kwargs = {key: value for key, value in kwargs.items() if key not in internal}
    for argument in kwargs:
        if argument not in signature.parameters:
            raise InputError(
                f"{name} has no argument {argument!r}{nearest(argument, signature.parameters)}"
            )
    try:
        given = dict(signature.bind(None, *args, **kwargs).arguments)
    except TypeError as error:
        raise InputError(f"{name}: {first_line(error)}") from None
    given.pop("self")
    for argument, least in _LEAST.items():
        _check_whole(argument, given.get(argument), least)
    return given | internal  # by which Keras's `fit` calls `evaluate`


def checked_callbacks(callbacks: Any, directions: Mapping[str, str]) -> Any:
    """Returns the callbacks; those that watch a metric in mode `auto` get its direction.

    Keras asks only metrics that its own `compile` has made for it.

    Args:
        callbacks: as `fit` takes them.
        directions: name of a metric → `min` or `max`.

    Raises:
        InputError: an item is not a callback; a monitored metric does not exist or has no
            direction; a package that a callback needs is not installed.
    """
    if callbacks is None or isinstance(callbacks, keras.callbacks.CallbackList):
        members = getattr(callbacks, "callbacks", [])
    else:
        members = callbacks if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in members:
        if not isinstance(callback, keras.callbacks.Callback):
            raise InputError(f"callbacks takes Keras callbacks. Received: {shown(callback)}")
        if isinstance(callback, keras.callbacks.TensorBoard) and _is_absent("tensorboard"):
            raise InputError("callbacks: TensorBoard is not installed; pip install tensorboard")
        if getattr(callback, "mode", None) == "auto" and getattr(callback, "save_best_only", True):
            _set_direction(callback, directions)
    return callbacks


def _set_direction(callback: Any, directions: Mapping[str, str]) -> None:
    watched = callback.monitor.removeprefix("val_")
    if watched not in directions:
        raise InputError(
            f"{type(callback).__name__}: monitor {callback.monitor!r} is not measured, or does not "
            f"say if more is better (mode='max'); there are {listed(directions, limit=20)}"
            f"{nearest(watched, directions)}"
        )
    callback.mode = directions[watched]


@contextlib.contextmanager
def _refused_data() -> Iterator[None]:
    """Raises `InputError` for data that Keras cannot read batches from."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("Unrecognized data type"):
            raise
        raise InputError(
            f"x: {first_line(error)}; give a tf.data.Dataset, arrays by name, or strings"
        ) from error


def _is_absent(package: str) -> bool:
    return importlib.util.find_spec(package) is None


@functools.cache
def _signature(method: Callable) -> inspect.Signature:
    """Returns the signature without `**kwargs`, which Keras's `evaluate` has for old names."""
    signature = inspect.signature(method)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    return signature.replace(parameters=named)


def _check_whole(name: str, value: Any, least: int) -> None:
    if value is None or (
        isinstance(value, int | np.integer) and not isinstance(value, bool) and value >= least
    ):
        return
    raise InputError(f"{name} must be a whole number from {least}. Received: {shown(value)}")
