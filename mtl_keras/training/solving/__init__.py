"""Heads brought to their optimum on features that are computed once, and the level they read."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
