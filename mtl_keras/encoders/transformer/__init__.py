"""Word pieces in, vectors out: a functional Keras model with one layer per block."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
