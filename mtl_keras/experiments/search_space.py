"""The candidates of a search for the cheapest plan: depth × frozen prefix × learning rates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mtl_keras.data.levels import AUTO, LAST
from mtl_keras.data.task import Task
from mtl_keras.experiments.rate_candidates import in_words
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import Recipe


@dataclass(frozen=True)
class Candidate:
    """A way to train: solves heads on the lowest blocks, then trains the upper of these blocks.

    Args:
        blocks: number of the encoder's blocks used, from the lowest; heads read the last of them.
        frozen: how many of these blocks, from the lowest, are frozen with the embeddings. With 0
            nothing is frozen; if it equals `blocks`, only heads learn.
        rates: values for the free learning rates (`LearningRates.choosing`).

    Example:

    >>> print(Candidate(4, 2, {"backbone": 1e-4}))
    4 blocks, lowest 2 frozen, backbone 0.0001
    """

    blocks: int
    frozen: int
    rates: Mapping[str, float] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        words = f"{self.blocks} {'block' if self.blocks == 1 else 'blocks'}, "
        if self.trains_heads_only:
            return words + "heads only"
        words += f"lowest {self.frozen} frozen" if self.frozen else "nothing frozen"
        return words + (f", {in_words(self.rates)}" if self.rates else "")

    @property
    def trains_heads_only(self) -> bool:
        """Whether the whole encoder is frozen."""
        return self.frozen == self.blocks

    @property
    def trained_blocks(self) -> int:
        """The number of blocks that train; a step's cost grows with it."""
        return self.blocks - self.frozen

    def trained(self, template: Stage) -> TrainingPlan:
        """Returns the plan after solving the heads: one stage that trains the unfrozen blocks."""
        freeze = FreezePlan.lowest(self.frozen) if self.frozen else FreezePlan.none()
        stage = replace(template, freeze=freeze, solve=False, tasks=(), protect=None)
        return TrainingPlan.of([stage]).choosing(self.rates)

    def recipe(self, recipe: Recipe, template: Stage, count: int) -> Recipe:
        """Returns the recipe that trains this candidate.

        Args:
            recipe: the recipe that the search began with.
            template: epochs and settings of the trained stage.
            count: number of blocks of the whole encoder.
        """
        trained = () if self.trains_heads_only else self.trained(template).given
        reads = LAST if self.blocks == count else f"block_{self.blocks - 1}"
        tasks = (task.at_level(reads) if is_open(task) else task for task in recipe.tasks)
        plan = TrainingPlan.of([solved_heads(), *trained])
        return replace(recipe, tasks=tuple(tasks), plan=plan, written=None)


def is_open(task: Task) -> bool:
    """Returns whether a search may choose the level that the task's head reads."""
    return task.reads in (LAST, AUTO)


def solved_heads() -> Stage:
    """Returns the stage with which every candidate begins."""
    return Stage(freeze=FreezePlan.backbone(), solve=True)


def search_space(depths: Sequence[int]) -> Iterator[Candidate]:
    """Returns the candidates with the recipe's own rates, cheapest first.

    Args:
        depths: the numbers of blocks to try.

    Example:

    >>> [(candidate.blocks, candidate.frozen) for candidate in search_space([2, 6])]
    [(2, 1), (6, 5), (2, 0), (6, 4), (6, 3), (6, 0)]
    """
    candidates = {
        Candidate(blocks, frozen)
        for blocks in depths
        for frozen in {0, blocks // 2, blocks - 2, blocks - 1}
        if 0 <= frozen < blocks
    }
    return iter(sorted(candidates, key=lambda one: (one.trained_blocks, one.blocks)))
