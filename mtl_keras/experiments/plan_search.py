"""The cheapest plan that is nearly as good as the best: `mtl-keras search`."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mtl_keras.errors import InputError
from mtl_keras.experiments.fronts import pareto_front
from mtl_keras.experiments.rate_candidates import rate_candidates
from mtl_keras.experiments.search_space import Candidate, search_space
from mtl_keras.experiments.trials import Trial

POINT = 0.01  # of a mean score
KEPT = 3  # one in so many candidates goes on
RATES = 3  # candidates a freezing, the recipe's own rates first
# Shares of the budget: what is spent at most when each round ends.
ROUNDS = (0.5, 0.7, 1.0)
MARGIN = 1.1  # of the time that a training is expected to take
RunCandidate = Callable[[Candidate, float], Trial]  # in so many epochs


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a candidate came to in its longest training.

    Args:
        candidate: which it is.
        epochs: that it trained after its heads were solved; 0 if it trains heads only.
        score: mean of the tasks' metrics on the validation split; None if it diverged.
        seconds: that it took.
    """

    candidate: Candidate
    epochs: float
    score: float | None
    seconds: float

    @property
    def rank(self) -> float:
        """The score, the lowest there is if it is undefined."""
        return -math.inf if self.score is None else self.score


class Halving:
    """Successive halving over freezings, depths and rates within a budget of seconds.

    Jamieson & Talwalkar, 2016, "Non-stochastic best arm identification and hyperparameter
    optimization". In the first round every depth and frozen prefix trains for a short time at the
    recipe's rates; in the second the best third tries other rates; in the third the best of all,
    then the best of those that train fewer and fewer blocks, train as long as the recipe says. A
    training that would not fit into the budget is left out.

    Args:
        epochs: of the recipe.
        run: trains a candidate.
        solved: the candidates whose heads alone learn.
        free: the rates that may be chosen.
    """

    def __init__(
        self,
        epochs: int,
        run: RunCandidate,
        solved: Sequence[Result],
        free: Sequence[str],
    ):
        self._epochs = epochs
        self._short = min(1.0, epochs / KEPT)
        self._run = run
        self._free = free
        self.solved = list(solved)
        self.results: list[Result] = []

    @property
    def seconds(self) -> float:
        """What all trainings so far took."""
        return sum(result.seconds for result in (*self.solved, *self.results))

    def time_full(self, blocks: int) -> float:
        """Trains everything for a short time; returns the seconds of a whole training."""
        self._try(Candidate(blocks, 0), self._short)
        return self.results[-1].seconds * self._epochs / self._short

    def search(self, limit: float) -> list[Result]:
        """Runs the rounds.

        Args:
            limit: seconds, those already spent included.

        Returns:
            What trained to the end: the candidates to choose from.

        Raises:
            InputError: the budget holds no candidate.
        """
        depths = sorted({result.candidate.blocks for result in self.solved})
        self._round(list(search_space(depths)), self._short, limit * ROUNDS[0])
        if self.results:
            self._round(self._with_rates(), self._short, limit * ROUNDS[1])
            self._round(self._finalists(), self._epochs, limit * ROUNDS[2])
        whole = [result for result in self.results if result.epochs == self._epochs]
        if not whole:
            raise InputError(
                f"a budget of {limit:,.0f} s holds no candidate that trains to the end: solving "
                f"heads and short trainings took {self.seconds:,.0f} s; give more"
            )
        return [*self.solved, *whole]

    def _with_rates(self) -> list[Candidate]:
        others = list(itertools.islice(rate_candidates(self._free), 1, RATES))
        return [
            Candidate(best.blocks, best.frozen, rates)
            for best in self._best(len(self.results) // KEPT)
            for rates in others
        ]

    def _finalists(self) -> list[Candidate]:
        """The best, then the best of those in which fewer blocks train, and so on."""
        finalists: list[Candidate] = []
        for candidate in self._best(len(self.results)):
            if not finalists or candidate.trained_blocks < finalists[-1].trained_blocks:
                finalists.append(candidate)
        return finalists

    def _best(self, count: int) -> list[Candidate]:
        ranked = sorted(self.results, key=lambda result: (-result.rank, result.seconds))
        candidates = dict.fromkeys(str(result.candidate) for result in ranked)
        of_name = {str(result.candidate): result.candidate for result in ranked}
        return [of_name[name] for name in list(candidates)[: max(1, count)]]

    def _round(self, candidates: Sequence[Candidate], epochs: float, limit: float) -> None:
        for candidate in candidates:
            if self._is_done(candidate, epochs):
                continue
            if self.seconds + self._expected(candidate, epochs) <= limit:
                self._try(candidate, epochs)

    def _is_done(self, candidate: Candidate, epochs: float) -> bool:
        return any(
            result.candidate == candidate and result.epochs == epochs for result in self.results
        )

    def _expected(self, candidate: Candidate, epochs: float) -> float:
        """About the seconds of a training: those done, as a line over the blocks that train."""
        blocks = [result.candidate.trained_blocks for result in self.results]
        seconds = [result.seconds / result.epochs for result in self.results]
        if not blocks:
            return 0.0
        if len(set(blocks)) == 1:
            an_epoch = max(seconds) * (candidate.trained_blocks + 1) / (blocks[0] + 1)
        else:
            slope, start = np.polyfit(blocks, seconds, 1)
            an_epoch = max(start + slope * candidate.trained_blocks, min(seconds))
        return MARGIN * an_epoch * epochs

    def _try(self, candidate: Candidate, epochs: float) -> None:
        trial = self._run(candidate, epochs)
        self.results.append(
            Result(candidate=candidate, epochs=epochs, score=trial.best, seconds=trial.seconds)
        )


def cheapest_within(results: Sequence[Result], costs: Sequence[float], points: float) -> int:
    """The number of the cheapest result whose score is within so many points of the best.

    Args:
        results: to choose from.
        costs: of each, in any unit.
        points: of 0.01.

    Example:

    >>> def result(score):
    ...     return Result(candidate=Candidate(1, 1), epochs=0, score=score, seconds=1.0)
    >>> cheapest_within([result(0.80), result(0.795), result(0.7)], [9.0, 2.0, 1.0], 1.0)
    1
    """
    best = max(result.rank for result in results)
    near = [n for n, result in enumerate(results) if result.rank >= best - points * POINT - 1e-12]
    return min(near, key=lambda n: (costs[n], -results[n].rank))


def frontier(results: Sequence[Result], costs: Sequence[float]) -> list[int]:
    """The numbers of the results that no other beats both in cost and in score, cheapest first."""
    points = {
        str(n): (cost, result.score)
        for n, (result, cost) in enumerate(zip(results, costs, strict=True))
        if result.score is not None
    }
    return [int(name) for name in pareto_front(points, higher=True)]
