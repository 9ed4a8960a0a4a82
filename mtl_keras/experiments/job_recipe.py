"""The recipe of one job of a comparison: its plan, its tasks, its seed, its learning rates."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mtl_keras.data.own_blocks import narrowed
from mtl_keras.data.task import Task
from mtl_keras.experiments.compared_plans import Job, compared_plan
from mtl_keras.plans.layer_groups import owners_of, tasks_of
from mtl_keras.plans.stage import MEAN, watchable
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import Recipe


def recipe_of(recipe: Recipe, job: Job, rates: Mapping[str, float] | None = None) -> Recipe:
    """A comparison's recipe, without what it says of other tasks than the job's.

    Args:
        recipe: that of the comparison.
        job: what of it is run.
        rates: that were chosen for it (`LearningRates.choosing`).
    """
    tasks = tuple(
        task.with_own_blocks(narrowed(task.own_blocks, job.tasks))
        for task in recipe.tasks
        if task.name in job.tasks
    )
    training = compared_plan(recipe, job.plan).training
    return replace(
        recipe,
        tasks=tasks,
        seed=job.seed,
        plan=_narrowed(training or recipe.plan, tasks).choosing(rates or {}),
        loss_weights={k: v for k, v in recipe.loss_weights.items() if k in job.tasks},
        restore=recipe.restore if recipe.restore in (*job.tasks, None) else MEAN,
    )


def _narrowed(plan: TrainingPlan, tasks: Sequence[Task]) -> TrainingPlan:
    """A named plan without what its template says of other tasks than these."""
    template, rates = plan.template, plan.template.learning_rate
    names = {task.name for task in tasks}
    owners = {task.name for task in tasks if task.own_blocks}
    groups = {
        group: rate
        for group, rate in rates.groups.items()
        if names.issuperset(tasks_of([group])) and owners.issuperset(owners_of(group))
    }
    watch = template.watch if template.watch in watchable(tasks) else MEAN
    return replace(
        plan,
        template=replace(template, learning_rate=replace(rates, groups=groups), watch=watch),
    )
