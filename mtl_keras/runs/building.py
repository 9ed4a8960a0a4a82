"""Opens a recipe's data and builds its model, before training."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mtl_keras.data.levels import AUTO, LAST
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import InputError
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.starting_run import StartingRun

if TYPE_CHECKING:
    from mtl_keras.encoders.text_encoder import TextEncoder
    from mtl_keras.models.multi_task_model import MultiTaskModel


def open_datasets(
    recipe: Recipe,
    *,
    read_all: bool = False,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, TaskDataset]:
    """Opens the files of every task: name → dataset.

    Args:
        recipe: the recipe of the tasks.
        read_all: whether to read and validate all files, rather than leave those that
            `Recipe.unread` names to the training.
        report: receives the progress of reading, a line at a time.

    Raises:
        InputError: a file is missing or unreadable, or does not fit its format.
    """
    return {
        task.name: TaskDataset(
            task,
            base_folder=recipe.path.parent,
            unread=() if read_all else recipe.unread(task),
            report=report,
        )
        for task in recipe.tasks
    }


def load_encoder(recipe: Recipe, *, as_in_0_1_0: bool = False) -> "TextEncoder":
    """The recipe's encoder, with its published weights, or those of the run that it starts from.

    Args:
        recipe: names the encoder.
        as_in_0_1_0: whether it splits texts as that version did.
    """
    from mtl_keras.encoders.text_encoder import TextEncoder

    encoder = TextEncoder.from_pretrained(
        recipe.encoder,
        max_length=recipe.max_length,
        pooling=recipe.pooling,
        dtype=recipe.precision,
        sha256=recipe.sha256,
    )
    if as_in_0_1_0:
        encoder.tokenizer = encoder.tokenizer.as_in_0_1_0()
    if start := StartingRun.of(recipe):
        start.fill_encoder(encoder)
    return encoder


def build_model(
    recipe: Recipe,
    datasets: Mapping[str, TaskDataset],
    encoder: "TextEncoder | None" = None,
    levels: Mapping[str, str] | None = None,
    *,
    as_in_0_1_0: bool = False,
) -> "MultiTaskModel":
    """The recipe's model, untrained, every stage's plan checked against its layer groups.

    Args:
        recipe: the recipe.
        datasets: task → its files.
        encoder: the recipe's, if it is loaded already.
        levels: task → the level that its head reads, for tasks with `reads: auto`; the default is
            the last level.
        as_in_0_1_0: whether numbers are learnt without a scale.

    Raises:
        InputError: the encoder lacks a level or a layer group; the run that the recipe starts from
            has another encoder, or a task of the same name with other labels.
    """
    from mtl_keras.models.multi_task_model import MultiTaskModel

    tasks = [_with_level(dataset.task, levels or {}) for dataset in datasets.values()]
    if as_in_0_1_0:
        tasks = [Task.from_config(task.at_scale(None).get_config()) for task in tasks]
    start = StartingRun.of(recipe)
    if start:
        tasks = start.with_scales(tasks)
    encoder = encoder or load_encoder(recipe)
    for task in tasks:
        _check_level(recipe, encoder, task)
    model = MultiTaskModel(encoder, tasks)
    if start:
        start.fill_heads(model)
    check_plan(recipe.plan, encoder, model)
    return model


def _with_level(task: Task, levels: Mapping[str, str]) -> Task:
    if task.reads != AUTO:
        return task
    return task.at_level(levels.get(task.name, LAST))


def _check_level(recipe: Recipe, encoder: "TextEncoder", task: Task) -> None:
    """Raises `InputError`, with the place in the recipe, if the encoder lacks the task's level."""
    from mtl_keras.models.heads import read_levels

    try:
        read_levels(encoder, [task])
    except InputError as error:
        if task.name not in recipe.reads_at:
            raise
        raise InputError(f"{recipe.reads_at[task.name]}: {error}") from None


def check_plan(plan: TrainingPlan, encoder: "TextEncoder", model: "MultiTaskModel") -> None:
    """Raises `InputError` if a plan names a layer group that the model and its encoder lack.

    Blocks that no head reads are left out of the model; a plan may name them.
    """
    used, blocks = list(model.branches.deepest.layer_groups), list(encoder.layer_groups)
    of_tasks = [group for group in model.layer_groups if group not in used]
    plan.stages([*blocks, *of_tasks])
    try:
        plan.stages_of_used(list(model.layer_groups))
    except InputError as error:
        if len(used) == len(blocks):
            raise
        raise InputError(
            f"{error}; of its {len(blocks) - 1} blocks, those above {used[-1]} are left out "
            "because no head reads them"
        ) from None
