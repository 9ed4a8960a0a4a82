"""The materials that all stages of a training share: recipe, data, model and features."""

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mtl_keras.data.batching import MEASURED_TEXTS, text_lengths
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.tokenizers.wordpiece import Tokenizer
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.stage import Stage
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.training.features.cache import FeatureCache, RunPasses, run_passes
from mtl_keras.training.features.levels import Levels

Lengths = Callable[[str, str], Counter[int]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Materials:
    """The objects from which every stage of a training is set up.

    Args:
        recipe: plan, schedule, batch size and seed.
        datasets: task name → its dataset.
        model: the model that trains.
        features: cache of the frozen layers' features.
        lengths: task and split → number of word pieces → how many texts have it.
    """

    recipe: Recipe
    datasets: Mapping[str, TaskDataset]
    model: MultiTaskModel
    features: FeatureCache
    lengths: Lengths

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        datasets: Mapping[str, TaskDataset],
        model: MultiTaskModel,
        run: RunPasses = run_passes,
    ) -> "Materials":
        """Returns the materials of a recipe; `run` runs the frozen layers' passes over texts."""
        return cls(
            recipe=recipe,
            datasets=datasets,
            model=model,
            features=FeatureCache(model, datasets, run=run),
            lengths=lengths_of(recipe, datasets, model.encoder.tokenizer),
        )

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The recipe's stages on this model."""
        return self.recipe.plan.stages_of_used(list(self.model.layer_groups))

    @functools.cached_property
    def trained_groups(self) -> list[str]:
        """The layer groups that train in any stage, lowest first."""
        groups = list(self.model.layer_groups)
        return [
            group for group in groups if any(group not in s.frozen(groups) for s in self.stages)
        ]

    def levels(self, index: int) -> Levels:
        """Returns the levels at which a stage, and those after it, read cached features."""
        return Levels.of(self.model, self.stages[index:] if self.recipe.cache else ())


def lengths_of(
    recipe: Recipe, datasets: Mapping[str, TaskDataset], tokenizer: Tokenizer
) -> Lengths:
    """Task and split → number of word pieces → texts that have it; counted once, when asked for.

    A token budget needs those of all texts; else those of a file's first are enough.
    """
    at_most = None if recipe.max_tokens else MEASURED_TEXTS
    return functools.cache(
        lambda task, split: text_lengths(datasets[task], split, tokenizer, at_most)
    )
