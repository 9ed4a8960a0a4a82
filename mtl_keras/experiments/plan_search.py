"""Successive halving over training plans, for `mtl-keras search`."""

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
KEPT = 3  # one candidate in three survives a round
RATES = 3  # rates tried with each freezing, the recipe's own first
# The share of the budget that may be spent by the end of each round.
ROUNDS = (0.5, 0.7, 1.0)
MARGIN = 1.1  # factor on the expected time of a training
RunCandidate = Callable[[Candidate, float], Trial]  # candidate, epochs → trial


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of one training of a candidate.

    Args:
        candidate: the candidate.
        epochs: epochs that it trained after its heads were solved; 0 if it trains heads only.
        score: mean of the tasks' metrics on the validation split; None if training diverged.
        seconds: duration of the training.
    """

    candidate: Candidate
    epochs: float
    score: float | None
    seconds: float

    @property
    def rank(self) -> float:
        """The score; minus infinity if it is undefined."""
        return -math.inf if self.score is None else self.score


class Halving:
    """Successive halving over freezings, depths and rates within a budget of seconds.

    Jamieson & Talwalkar, 2016, "Non-stochastic best arm identification and hyperparameter
    optimization". In the first round every depth and frozen prefix trains for a short time at the
    recipe's rates. In the second the best third tries other rates. In the third the best candidate,
    then the best of those that train fewer and fewer blocks, train for the recipe's epochs. A
    training that would exceed the budget is left out.

    Args:
        epochs: the recipe's number of epochs.
        run: trains a candidate for a number of epochs.
        solved: results of the candidates that train heads only.
        free: names of the learning rates that may be chosen.
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
        """The duration of all trainings so far."""
        return sum(result.seconds for result in (*self.solved, *self.results))

    def time_full(self, blocks: int) -> float:
        """Trains all blocks for a short time; returns the estimated seconds of a whole training."""
        self._try(Candidate(blocks, 0), self._short)
        return self.results[-1].seconds * self._epochs / self._short

    def search(self, limit: float) -> list[Result]:
        """Runs the rounds.

        Args:
            limit: budget in seconds, including those already spent.

        Returns:
            The results to choose from: candidates that trained to the end.

        Raises:
            InputError: no candidate trains to the end within the budget.
        """
        depths = sorted({result.candidate.blocks for result in self.solved})
        self._round(list(search_space(depths)), self._short, limit * ROUNDS[0])
        if self.results:
            self._round(self._with_rates(), self._short, limit * ROUNDS[1])
            self._round(self._finalists(), self._epochs, limit * ROUNDS[2])
        whole = [result for result in self.results if result.epochs == self._epochs]
        if not whole:
            raise InputError(
                f"no candidate trains to the end within a budget of {limit:,.0f} s: solving heads "
                f"and short trainings took {self.seconds:,.0f} s; set a larger budget"
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
        """Returns the best candidate, then the best of those that train fewer blocks, and so on."""
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
        """Estimates a training's seconds by a line through past ones, over the trained blocks."""
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
    """Returns the index of the cheapest result whose score is within `points` of the best.

    Args:
        results: results to choose from.
        costs: cost of each result, in any unit.
        points: allowed distance from the best score; a point is 0.01.

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
    """Returns the indices of results that no other beats in both cost and score, cheapest first."""
    points = {
        str(n): (cost, result.score)
        for n, (result, cost) in enumerate(zip(results, costs, strict=True))
        if result.score is not None
    }
    return [int(name) for name in pareto_front(points, higher=True)]
