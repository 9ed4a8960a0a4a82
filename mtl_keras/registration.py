"""Lets `keras.saving.load_model` find this package's classes after `import mtl_keras`.

This imports neither Keras nor the classes. When Keras is loaded, it gets a stand-in for each class;
a stand-in loads its class when a file needs it.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

PACKAGE = "mtl_keras"
# Module → its classes that a Keras file may name.
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
    "encoders.transformer.keras_model": ("KerasModelConfig",),
    "encoders.transformer.pooling": ("Pooler", "MeanPooling", "LastPooling"),
    "encoders.transformer.transformer": (
        "EncoderConfig",
        "LayerNorm",
        "Embeddings",
        "TransformerBlock",
    ),
    "models.fused_adamw": ("FusedAdamW",),
    "models.heads": ("TaskHead", "LevelMix"),
    "models.kinds.multilabel": ("_MicroF1",),
    "models.kinds.regression": ("_MeanAbsoluteError",),
    "models.kinds.spans": ("SpanF1",),
    "models.multi_task_model": ("MultiTaskModel",),
    "models.optimizers": ("LayerwiseOptimizer",),
}


def register_with_keras() -> None:
    """Registers the classes with Keras: now if it is loaded, otherwise as soon as it is."""
    if "keras" not in sys.modules:
        sys.meta_path.insert(0, _OnceKerasIsLoaded())
    elif hasattr(sys.modules["keras"], "saving"):
        _register(sys.modules["keras"])


class _StandIn:
    """Stands for a class, and loads it when one of its attributes is read."""

    def __init__(self, module: str, name: str):
        self._place = (f"{PACKAGE}.{module}", name)

    def __getattr__(self, attribute: str) -> Any:
        module, name = self._place
        return getattr(getattr(importlib.import_module(module), name), attribute)


class _OnceKerasIsLoaded:
    """An import finder: lets the others find Keras, and registers the classes afterwards."""

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
    registered = keras.saving.get_custom_objects()
    for module, names in CLASSES.items():
        for name in names:
            registered.setdefault(f"{PACKAGE}>{name}", _StandIn(module, name))
