"""Merges the tasks' batches into one dataset, in the order of a schedule.

Every batch of the merged dataset has the same structure, whichever task it belongs to:
`(x, labels by task, weights by task)`. The weights of all other tasks are zero.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mtl_keras.data.epoch_order import OngoingPasses, Pass
from mtl_keras.data.multi_task_batches import mapped, spread_over
from mtl_keras.data.schedules import RoundRobin, Schedule, parse_schedule
from mtl_keras.data.text_sources import Sources, sources_of, with_sources
from mtl_keras.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf


def interleave(
    datasets: Mapping[str, tf.data.Dataset],
    schedule: str | Schedule = "proportional",
    *,
    seed: int = 0,
    passes: Iterable[Pass] | None = None,
    epochs: int = 1,
    tasks: Sequence[str] = (),
    steps_per_epoch: int | None = None,
    num_batches: Mapping[str, int] | None = None,
) -> tf.data.Dataset:
    """Merges the tasks' batches into the one dataset that `MultiTaskModel.fit` takes.

    With `steps_per_epoch` (give `fit` the same), each epoch continues where the last one ended.
    Without it, `fit` computes what frozen layers make of the texts of `mtl_keras.batches` once.

    Args:
        datasets: task name → batches `(x, labels, weights)` of that task, of known cardinality.
        schedule: a schedule or its name.
        seed: of the order of tasks.
        passes: names the iterations (`Passes`); the order of tasks depends on the name and the
            seed. When None, each iteration is the next epoch. With `steps_per_epoch`, give
            `OngoingPasses`.
        epochs: of the whole training; `annealed` spreads over them.
        tasks: those that train; all when empty. The others are idle.
        steps_per_epoch: steps of an epoch, if it is not a whole pass; the tasks' batches must then
            be `endless`.
        num_batches: task → batches in a pass, for schedules that need them when batches are
            endless.

    Raises:
        InputError: there is no such schedule, or it needs `num_batches` and they are missing.

    Returns:
        Dataset of `(x, {task: labels}, {task: weights})`.
    """
    chosen = parse_schedule(schedule) if isinstance(schedule, str) else schedule
    specs = {name: dataset.element_spec for name, dataset in datasets.items()}
    spread = [mapped(datasets[name], spread_over(name, specs)) for name in tasks or datasets]
    if steps_per_epoch is not None:
        if len(spread) == 1 and chosen.needs_counts:
            chosen = RoundRobin()
        return chosen.merge_endless(
            spread,
            _sizes(chosen, tasks or list(datasets), num_batches or {}),
            steps_per_epoch=steps_per_epoch,
            seed=seed,
            passes=OngoingPasses() if passes is None else passes,
            epochs=epochs,
        ).prefetch(2)
    named = zip(itertools.count(), itertools.repeat(0)) if passes is None else iter(passes)
    merged = chosen.merge(spread, seed=seed, passes=named, epochs=epochs).prefetch(2)
    return with_sources(merged, _sources([datasets[name] for name in tasks or datasets]))


def _sources(merged: Iterable[tf.data.Dataset]) -> Sources:
    """The sources of all texts; none if those of some batches are not known."""
    by_batches = [sources_of(batches) for batches in merged]
    if not all(by_batches):
        return {}
    return dict(itertools.chain.from_iterable(sources.items() for sources in by_batches))


def _sizes(schedule: Schedule, tasks: Sequence[str], num_batches: Mapping[str, int]) -> list[int]:
    missing = [name for name in tasks if name not in num_batches]
    if schedule.needs_counts and missing:
        raise InputError(
            f"the schedule {schedule} depends on the number of batches of each task; give "
            f"num_batches for {', '.join(missing)}"
        )
    return [num_batches.get(name, 0) for name in tasks]
