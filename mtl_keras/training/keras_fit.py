"""Keras's `fit` of a model of several tasks: frozen layers are computed once per text."""

from collections.abc import Mapping
from typing import Any

import keras

from mtl_keras.data.text_sources import Sources, sources_of
from mtl_keras.display import show
from mtl_keras.models.calling import arguments_of
from mtl_keras.models.frozen_prefix import frozen_prefix
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.training.features.cache import FeatureCache
from mtl_keras.training.features.levels import Levels
from mtl_keras.training.features.texts import CACHED_SPLITS


def fit(model: MultiTaskModel, *args: Any, **kwargs: Any) -> keras.callbacks.History:
    """As in Keras; `x` may also be strings. Callbacks of mode `auto` know the metrics.

    If the lowest layer groups are frozen and `x` comes from `interleave` of `batches`, their
    outputs for training and validation texts are computed once, without dropout, and the layers
    above train from them. With `steps_per_epoch`, or if `x` was changed since (`take`, `map`),
    every epoch computes them.

    Under a `tf.distribute` strategy each replica takes its rows of every batch: the same training
    as on one device, except for dropout, which each draws for itself.

    Raises:
        InputError: an argument of another form, or one that a model of several tasks cannot have.
    """
    given = arguments_of("fit", args, kwargs)
    levels, sources = _levels(model, given), sources_of(given.get("x"))
    if levels.first is None or not _are_cached(model, sources):
        return model.fit_batches(**given)
    cache = FeatureCache(model, {name: source.dataset for name, source in sources.items()})
    try:
        cache.prepare(levels, show if given.get("verbose", "auto") else _silent)
        given["x"] = cache.attach(given["x"])
        if _is_same_data(sources, sources_of(given.get("validation_data"))):
            given["validation_data"] = cache.attach(given["validation_data"])
        return model.fit_batches(**given)
    finally:
        model.start_above(None)


def _levels(model: MultiTaskModel, given: Mapping[str, Any]) -> Levels:
    """Returns where the frozen prefix ends; nowhere if the caller has features, or counts steps."""
    prefix = frozen_prefix(model, model.layer_groups.frozen)
    if prefix is None or model.level is not None or given.get("steps_per_epoch") is not None:
        return Levels()
    return Levels((prefix,), given.get("epochs", 1) - given.get("initial_epoch", 0))


def _are_cached(model: MultiTaskModel, sources: Sources) -> bool:
    """Returns whether the cache will hold these texts as the model's tokenizer splits them."""
    return bool(sources) and all(
        source.split in CACHED_SPLITS and source.tokenizer is model.encoder.tokenizer
        for source in sources.values()
    )


def _is_same_data(training: Sources, validation: Sources) -> bool:
    """Returns whether validation reads a cached split of the data that training reads."""
    return bool(validation) and all(
        name in training
        and source.dataset is training[name].dataset
        and source.tokenizer is training[name].tokenizer
        and source.split in CACHED_SPLITS
        for name, source in validation.items()
    )


def _silent(line: str) -> None:
    """Discards progress."""
