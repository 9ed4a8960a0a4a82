"""How well a model does a task, and how far a task has drifted whose head was frozen."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
