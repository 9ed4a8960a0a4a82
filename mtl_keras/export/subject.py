"""What is exported: a run's model, or one that a program holds, with what its card says of it."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError, shown
from mtl_keras.evaluation.figures import Scores
from mtl_keras.evaluation.scores import evaluate_all
from mtl_keras.export.origin import Origin
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.building import open_datasets
from mtl_keras.runs.run import Run

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model that is exported.

    Args:
        model: itself.
        datasets: task → its data, of those that are there.
        origin: makes what its card says of where it comes from.
        scores: split → task → what these weights score.
    """

    model: MultiTaskModel
    datasets: Mapping[str, TaskDataset]
    origin: Callable[[], Origin]
    scores: Callable[[], Scores]


def subject_of(
    trained: Run | MultiTaskModel,
    datasets: Mapping[str, TaskDataset] | None,
    best: str | None,
    report: Report,
) -> Subject:
    """What is exported of a run, or of a model; the arguments are those of `publish`.

    Raises:
        InputError: neither, or an argument that is of the other one alone.
    """
    if isinstance(trained, Run):
        if datasets is not None:
            raise InputError("datasets: a run has those of its recipe; leave them out")
        return _of_run(trained, best, report)
    if not isinstance(trained, MultiTaskModel):
        raise InputError(f"give a Run or a MultiTaskModel. Received: {shown(trained)}")
    if best is not None:
        raise InputError(
            f"best={shown(best)} is for runs: a model has one set of weights; "
            "fit_stages(…, restore=…) puts the best ones back"
        )
    return _of_model(trained, datasets, report)


def _of_run(run: Run, best: str | None, report: Report) -> Subject:
    """A run; the scores of other weights than those of its end are measured."""
    model, datasets = run.model(best), _datasets(run.recipe, report)
    return Subject(
        model=model,
        datasets=datasets,
        origin=functools.partial(Origin.of_run, run, best),
        scores=lambda: run.scores if best is None else _scores(model, datasets),
    )


def _of_model(
    model: MultiTaskModel, given: Mapping[str, TaskDataset] | None, report: Report
) -> Subject:
    datasets = model.datasets(given)
    if not datasets:
        report("compared on odd texts only: the model's tasks have no data")
    return Subject(
        model=model,
        datasets=datasets,
        origin=functools.partial(Origin.of_model, model, datasets),
        scores=functools.partial(_scores, model, datasets),
    )


def _scores(model: MultiTaskModel, datasets: Mapping[str, TaskDataset]) -> Scores:
    """Split → task → what these weights score, of the splits that are there."""
    scores = {split: evaluate_all(model, datasets, split) for split in ("validation", "test")}
    return {split: of_tasks for split, of_tasks in scores.items() if of_tasks}


def _datasets(recipe: Recipe, report: Report) -> dict[str, TaskDataset]:
    """Task → its files. If they are missing, reports that and returns none."""
    try:
        return open_datasets(recipe)
    except InputError as error:
        report(f"compared on odd texts only: {error}")
        return {}
