"""Which pass over the data this is: a name from which, with the seed, its order follows."""

import itertools
from collections.abc import Iterator

Pass = tuple[int, int]  # the epoch, and how many passes began in it before


class Passes:
    """Names the passes over a data set as they begin.

    A pass is known by its epoch and its number in it, not by what this process did before, so
    that a training which goes on in another process sees the same batches. (A task with few
    batches is passed over several times in an epoch.)

    Args:
        epoch: in which the next passes begin.

    Example:

    >>> passes = Passes(epoch=2)
    >>> next(passes), next(passes)
    ((2, 0), (2, 1))
    >>> passes.begin(3)
    >>> next(passes)
    (3, 0)
    """

    def __init__(self, epoch: int = 0):
        self.begin(epoch)

    def begin(self, epoch: int) -> None:
        """An epoch begins, perhaps once more."""
        self._epoch, self._numbers = epoch, itertools.count()

    def __iter__(self) -> "Passes":
        return self

    def __next__(self) -> Pass:
        return self._epoch, next(self._numbers)


class OngoingPasses:
    """Names passes that follow each other while epochs, so many steps each, begin and end.

    Each iteration begins with the first again: where a training is follows from its steps alone.

    Args:
        epoch: in which the first pass begins.

    Example:

    >>> passes = OngoingPasses(epoch=2)
    >>> list(itertools.islice(passes, 2)), list(itertools.islice(passes, 1))
    ([(2, 0), (2, 1)], [(2, 0)])
    """

    def __init__(self, epoch: int = 0):
        self._epoch = epoch

    def __iter__(self) -> Iterator[Pass]:
        return zip(itertools.repeat(self._epoch), itertools.count())
