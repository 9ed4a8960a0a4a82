"""What a search for the cheapest plan tries: depth × frozen prefix × learning rates."""

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
    """A way to train: heads are solved on so many blocks, then the upper ones of these train.

    Args:
        blocks: of the encoder, from the lowest; heads read the last of them.
        frozen: of these blocks, from the lowest, with the embeddings; 0: nothing is frozen, all of
            them: only heads learn.
        rates: in the place of those that are free (`LearningRates.choosing`).

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
        """Whether the encoder stays as it is."""
        return self.frozen == self.blocks

    @property
    def trained_blocks(self) -> int:
        """How many blocks train: what a step costs grows with it."""
        return self.blocks - self.frozen

    def trained(self, template: Stage) -> TrainingPlan:
        """The training after the heads are solved: one stage, of the blocks not frozen."""
        freeze = FreezePlan.lowest(self.frozen) if self.frozen else FreezePlan.none()
        stage = replace(template, freeze=freeze, solve=False, tasks=(), protect=None)
        return TrainingPlan.of([stage]).choosing(self.rates)

    def recipe(self, recipe: Recipe, template: Stage, count: int) -> Recipe:
        """The recipe that trains so.

        Args:
            recipe: what is searched for.
            template: epochs and settings of what is trained.
            count: blocks of the whole encoder.
        """
        trained = () if self.trains_heads_only else self.trained(template).given
        reads = LAST if self.blocks == count else f"block_{self.blocks - 1}"
        tasks = (task.at_level(reads) if is_open(task) else task for task in recipe.tasks)
        plan = TrainingPlan.of([solved_heads(), *trained])
        return replace(recipe, tasks=tuple(tasks), plan=plan, written=None)


def is_open(task: Task) -> bool:
    """Whether a search may choose the level that a task's head reads."""
    return task.reads in (LAST, AUTO)


def solved_heads() -> Stage:
    """The stage with which every candidate begins."""
    return Stage(freeze=FreezePlan.backbone(), solve=True)


def search_space(depths: Sequence[int]) -> Iterator[Candidate]:
    """The candidates with the rates that the recipe has by itself, those that cost least first.

    Args:
        depths: numbers of blocks that heads may read.

    Example:

    >>> [(each.blocks, each.frozen) for each in search_space([2, 6])]
    [(2, 1), (6, 5), (2, 0), (6, 4), (6, 3), (6, 0)]
    """
    places = {
        Candidate(blocks, frozen)
        for blocks in depths
        for frozen in {0, blocks // 2, blocks - 2, blocks - 1}
        if 0 <= frozen < blocks
    }
    return iter(sorted(places, key=lambda each: (each.trained_blocks, each.blocks)))
