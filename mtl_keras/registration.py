"""`keras.saving.load_model` knows this package's classes once `mtl_keras` is imported.

Neither Keras nor the classes are imported for that: Keras gets stand-ins when it is loaded, each of
which loads its class when a file asks for it.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PACKAGE = "mtl_keras"
# Module → those of its classes that Keras may meet in a file.
CLASSES = {
    "encoders.tokenizers.byte_pair": ("BytePairTokenizer",),
    "encoders.tokenizers.normalization": (
        "FastNormalization",
        "TfHubNormalization",
        "BertNormalization",
    ),
    "encoders.tokenizers.sentence_piece": ("SentencePieceTokenizer",),
    "encoders.tokenizers.wordpiece": ("WordpieceTokenizer",),
    "encoders.transformer.keras_hub": ("KerasHubConfig",),
    "encoders.transformer.pooling": ("Pooler", "MeanPooling", "LastPooling"),
    "encoders.transformer.transformer": (
        "EncoderConfig",
        "LayerNorm",
        "Embeddings",
        "TransformerBlock",
    ),
    "models.heads": ("TaskHead", "LevelMix"),
    "models.kinds.multilabel": ("_MicroF1",),
    "models.kinds.regression": ("_MeanAbsoluteError",),
    "models.kinds.spans": ("SpanF1",),
    "models.multi_task_model": ("MultiTaskModel",),
    "models.optimizers": ("FusedAdamW", "LayerwiseOptimizer"),
}


def register_with_keras() -> None:
    """Registers the classes with Keras: now if it is loaded, otherwise as soon as it is."""
    if "keras" not in sys.modules:
        sys.meta_path.insert(0, _OnceKerasIsLoaded())
    elif hasattr(sys.modules["keras"], "saving"):
        _register(sys.modules["keras"])


class _StandIn:
    """A class that is loaded when an attribute of it is asked for."""

    def __init__(self, module: str, name: str):
        self._place = (f"{PACKAGE}.{module}", name)

    def __getattr__(self, attribute: str) -> Any:
        module, name = self._place
        return getattr(getattr(importlib.import_module(module), name), attribute)


class _OnceKerasIsLoaded:
    """Finds Keras as all other finders do, and registers the classes after it was executed."""

    def __init__(self) -> None:
        self._asks_others = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "keras" or self._asks_others:
            return None
        self._asks_others = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asks_others = False
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                _register(module)

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register(keras: ModuleType) -> None:
    known = keras.saving.get_custom_objects()
    for module, names in CLASSES.items():
        for name in names:
            known.setdefault(f"{PACKAGE}>{name}", _StandIn(module, name))
