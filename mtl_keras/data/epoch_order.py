"""Names the passes over the data. The order of a pass depends only on its name and the seed."""

import itertools
from collections.abc import Iterator

Pass = tuple[int, int]  # the epoch, and how many earlier passes began in it


class Passes:
    """Names the passes over a data set as they begin.

    A name is the epoch and the pass's number in it, whatever this process did before. So a training
    that another process resumes sees the same batches. (A task with few batches has several passes
    in an epoch.)

    Args:
        epoch: the one in which the next passes begin.

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
        """Begins an epoch; it may have begun before."""
        self._epoch, self._numbers = epoch, itertools.count()

    def __iter__(self) -> "Passes":
        return self

    def __next__(self) -> Pass:
        return self._epoch, next(self._numbers)


class OngoingPasses:
    """Names passes that do not end with the epochs, for epochs of a fixed number of steps.

    Each iteration starts again with the first pass, so the position in the data depends only on the
    number of steps.

    Args:
        epoch: the one in which the first pass begins.

    Example:

    >>> passes = OngoingPasses(epoch=2)
    >>> list(itertools.islice(passes, 2)), list(itertools.islice(passes, 1))
    ([(2, 0), (2, 1)], [(2, 0)])
    """

    def __init__(self, epoch: int = 0):
        self._epoch = epoch

    def __iter__(self) -> Iterator[Pass]:
        return zip(itertools.repeat(self._epoch), itertools.count())
