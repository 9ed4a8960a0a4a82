"""A recipe's data and its model, before anything is trained."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.recipes.recipe import Recipe

if TYPE_CHECKING:
    from mtl_keras.models.multi_task_model import MultiTaskModel


def open_datasets(
    recipe: Recipe,
    *,
    read_all: bool = False,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, TaskDataset]:
    """Opens the files of every task: name → dataset.

    Args:
        recipe: whose tasks they are.
        read_all: whether all files are read and validated; else those that `Recipe.unread` names
            are left to the training.
        report: gets what the files hold that deserves a warning, a line at a time.

    Raises:
        InputError: a file is missing, unreadable, or against its format.
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


def build_model(
    recipe: Recipe, datasets: Mapping[str, TaskDataset], *, as_in_0_1_0: bool = False
) -> "MultiTaskModel":
    """The recipe's model, untrained, every stage's plan checked against its layer groups.

    Args:
        recipe: what to train.
        datasets: task → its files.
        as_in_0_1_0: whether the encoder cuts texts as that version did.
    """
    from mtl_keras.encoders.text_encoder import TextEncoder
    from mtl_keras.models.multi_task_model import MultiTaskModel

    encoder = TextEncoder.from_pretrained(
        recipe.encoder,
        max_length=recipe.max_length,
        pooling=recipe.pooling,
        dtype=recipe.precision,
        sha256=recipe.sha256,
    )
    if as_in_0_1_0:
        encoder.tokenizer = encoder.tokenizer.as_in_0_1_0()
    model = MultiTaskModel(encoder, [dataset.task for dataset in datasets.values()])
    recipe.plan.stages(list(model.layer_groups))
    return model
