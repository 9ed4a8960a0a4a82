"""Several text tasks, one compact transformer, every freezing plan.

A name is loaded when it is first used, so `import mtl_keras` does not load TensorFlow. Each room's
`__init__.pyi` lists its public names.
"""

import lazy_loader

from mtl_keras.registration import register_with_keras
from mtl_keras.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

register_with_keras()
