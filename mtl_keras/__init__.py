"""Several text tasks, one compact transformer, every freezing plan.

A name is loaded when it is first used, so that `import mtl_keras` needs no TensorFlow; what each
room hands on stands in its `__init__.pyi`. The room `serving` is reached as `mtl_keras.serving`.
"""

import importlib
from typing import Any

import lazy_loader

from mtl_keras.registration import register_with_keras
from mtl_keras.version import __version__ as __version__

_public_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "serving":
        return importlib.import_module(f"{__name__}.serving")
    return _public_name(name)


register_with_keras()
