"""Exports a trained model as a verified SavedModel, or in a smaller format."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
