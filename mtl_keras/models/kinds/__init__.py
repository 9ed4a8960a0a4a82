"""What a task's kind means for heads, losses, metrics and answers: one value for each kind."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
