"""Chooses learning rates on the validation split, for every model within the same budget."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

from mtl_keras.experiments.budget import Budget
from mtl_keras.experiments.rate_candidates import rate_candidates
from mtl_keras.experiments.trials import Trial
from mtl_keras.plans.training_plan import TrainingPlan

FIRST, LONGER = 1, 3  # epochs of a first trial, and of a second one for the best third
KEPT = 3  # one candidate in three gets a second trial
RunTrial = Callable[[TrainingPlan, float], Trial]
Tried = list[dict]


def choose_rates(
    plan: TrainingPlan,
    budget: Budget,
    run: RunTrial,
    *,
    tried: Sequence[Mapping] = (),
    save: Callable[[dict], None] = lambda record: None,
) -> dict:
    """Tries learning rates in short trainings and chooses those with the best validation score.

    Every candidate trains for one epoch. If the budget also allows two or more candidates to train
    for three epochs, the best third do, and their longer trainings decide: successive halving
    (Jamieson & Talwalkar, 2016, "Non-stochastic best arm identification and hyperparameter
    optimization"). A budget in minutes allows only the first round, which ends before a candidate
    that would exceed it.

    Args:
        plan: the plan whose free rates are chosen.
        budget: limit on the cost of all trials.
        run: trains a plan for a number of epochs.
        tried: trials that an interrupted search has finished.
        save: receives the record after each trial, in the form that is returned.

    Returns:
        `budget`; `candidates`, each with `rates`, `epochs`, `score` and `seconds`; `chosen`, the
        best candidate's rates, empty if the plan's own are best; `epochs` and `seconds` in total.
    """
    search = _Search(plan, budget, run, list(map(dict, tried)), save)
    offered = rate_candidates(plan.free_rates)
    if budget.minutes is None:
        count = most_candidates(budget.epochs)
        first = list(itertools.islice(offered, count))
        if len(first) > 1:
            search.try_all(first, FIRST)
            if survivors := search.best(first, FIRST)[: count // KEPT if count // KEPT > 1 else 0]:
                search.try_all(survivors, LONGER)
    else:
        search.try_for(offered, budget.minutes * 60)
    return search.record(is_over=True)


def most_candidates(epochs: int) -> int:
    """Returns how many candidates a budget in epochs allows.

    Example:

    >>> [most_candidates(epochs) for epochs in (0, 3, 11, 12, 20)]
    [0, 3, 5, 6, 11]
    """

    def cost(count: int) -> int:
        survivors = count // KEPT
        return count * FIRST + (survivors * LONGER if survivors > 1 else 0)

    return max(count for count in range(epochs + 1) if cost(count) <= epochs)


class _Search:
    def __init__(
        self,
        plan: TrainingPlan,
        budget: Budget,
        run: RunTrial,
        tried: Tried,
        save: Callable[[dict], None],
    ):
        self._plan, self._budget, self._run, self._save = plan, budget, run, save
        self._tried = tried

    def try_all(self, candidates: Sequence[Mapping[str, float]], epochs: int) -> None:
        for rates in candidates:
            if self._result(rates, epochs) is None:
                self._try(rates, epochs)

    def try_for(self, candidates: Iterable[Mapping[str, float]], seconds: float) -> None:
        """Tries candidates while a trial as long as the longest so far would still fit."""
        for rates in candidates:
            durations = [trial["seconds"] for trial in self._tried]
            if self._result(rates, FIRST) is not None:
                continue
            if sum(durations) + max(durations, default=0.0) > seconds:
                return
            self._try(rates, FIRST)

    def best(
        self, candidates: Sequence[Mapping[str, float]], epochs: int
    ) -> list[Mapping[str, float]]:
        """Returns the candidates, best first; equal ones keep their order."""
        return sorted(candidates, key=lambda rates: -_score(self._result(rates, epochs)))

    def record(self, *, is_over: bool) -> dict:
        longest = max((trial["epochs"] for trial in self._tried), default=0)
        decisive = [trial for trial in self._tried if trial["epochs"] == longest]
        chosen = max(decisive, key=_score)["rates"] if decisive else {}
        return {
            "budget": str(self._budget),
            "candidates": self._tried,
            "chosen": chosen if is_over else None,
            "epochs": sum(trial["epochs"] for trial in self._tried),
            "seconds": sum(trial["seconds"] for trial in self._tried),
        }

    def _try(self, rates: Mapping[str, float], epochs: int) -> None:
        trial = self._run(self._plan.choosing(rates), epochs)
        of_trial = {"epochs": epochs, "score": trial.score, "seconds": trial.seconds}
        self._tried.append({"rates": dict(rates), **of_trial})
        self._save(self.record(is_over=False))

    def _result(self, rates: Mapping[str, float], epochs: int) -> dict | None:
        of_rates = (trial for trial in self._tried if trial["rates"] == rates)
        return next((trial for trial in of_rates if trial["epochs"] == epochs), None)


def _score(tried: Mapping | None) -> float:
    score = tried["score"] if tried else None
    return float("-inf") if score is None else score
