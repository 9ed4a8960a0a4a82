"""A recipe's data and its model, before anything is trained."""

from collections.abc import Mapping

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.recipes.recipe import Recipe


def open_datasets(recipe: Recipe) -> dict[str, TaskDataset]:
    """Opens the files of every task, and validates what `Recipe.unread` leaves: name → dataset."""
    return {
        task.name: TaskDataset(task, base_folder=recipe.path.parent, unread=recipe.unread(task))
        for task in recipe.tasks
    }


def build_model(recipe: Recipe, datasets: Mapping[str, TaskDataset]) -> MultiTaskModel:
    """The recipe's model, untrained, every stage's plan checked against its layer groups."""
    encoder = TextEncoder.from_pretrained(
        recipe.encoder,
        max_length=recipe.max_length,
        pooling=recipe.pooling,
        dtype=recipe.precision,
        sha256=recipe.sha256,
    )
    model = MultiTaskModel(encoder, [dataset.task for dataset in datasets.values()])
    recipe.plan.stages(list(model.layer_groups))
    return model
