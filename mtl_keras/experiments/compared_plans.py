"""What a comparison runs: its plans, and for each plan and seed the jobs that it needs."""

from collections.abc import Sequence
from dataclasses import dataclass

from mtl_keras.errors import InputError
from mtl_keras.plans.training_plan import EXPLICIT, TrainingPlan
from mtl_keras.recipes.recipe import Recipe

# Nothing of these trains: scikit-learn's linear models are fitted on
FEATURES = "features"  # what the frozen encoder gives,
STATIC = "static"  # means of the vectors in its token table,
TFIDF = "tfidf"  # or the words themselves.
REFERENCES = (FEATURES, STATIC, TFIDF)
RUNS = "runs"


@dataclass(frozen=True)
class ComparedPlan:
    """A way to train that a comparison tries.

    Args:
        name: as it is asked for and reported.
        training: what trains when; None: nothing does, and linear models are fitted (`REFERENCES`).
    """

    name: str
    training: TrainingPlan | None

    @property
    def alone(self) -> str | None:
        """The name of the plan of the single-task models beside it.

        It is the same one, but `full` if this one lists its stages or names tasks. None if there
        are no such models, as the tasks share nothing that trains.
        """
        if self.training is None:
            return None
        return "full" if self.training.given or self.training.tasks else self.name

    def seeds(self, seeds: int) -> range:
        """Those of so many that it is run with: the first alone if no chance is in it."""
        return range(seeds if self.training else 1)


@dataclass(frozen=True)
class Job:
    """One training of a comparison: a plan, a seed, and the tasks of its model."""

    plan: str
    seed: int
    tasks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.plan}, seed {self.seed}, {' + '.join(self.tasks)}"

    @property
    def file(self) -> str:
        """Where its results are, in the comparison's folder."""
        return f"{self.folder}.json"

    @property
    def folder(self) -> str:
        """Where it keeps what it needs to be resumed."""
        plan = self.plan.replace(":", "-")
        return f"{RUNS}/{plan}/seed-{self.seed}/{'+'.join(self.tasks)}"


def default_plans(recipe: Recipe) -> tuple[str, ...]:
    """The references, then frozen: the backbone, each head, the lowest half, gradual, nothing."""
    heads = [f"head_frozen:{task.name}" for task in recipe.tasks] if len(recipe.tasks) > 1 else []
    return (*REFERENCES, "linear_probe", *heads, "lowest_half", "gradual", "full")


def compared_plan(recipe: Recipe, name: str) -> ComparedPlan:
    """The plan of this name, with the recipe's settings.

    Raises:
        InputError: there is no such plan, or no such task in it.
    """
    if name in REFERENCES:
        return ComparedPlan(name, None)
    if name == EXPLICIT and recipe.plan.given:
        return ComparedPlan(name, recipe.plan)
    try:
        plan = TrainingPlan(name, recipe.plan.as_template())
    except InputError as error:
        raise InputError(f"{error}; or {', '.join(REFERENCES)}") from None
    tasks = [task.name for task in recipe.tasks]
    for task in plan.tasks:
        if task not in tasks:
            raise InputError(
                f"plan {name}: there is no task {task!r}; there are {', '.join(tasks)}"
            )
    return ComparedPlan(name, plan)


def needed_jobs(plans: Sequence[ComparedPlan], seeds: int, tasks: tuple[str, ...]) -> list[Job]:
    """Every training and fit that a comparison needs, seed by seed, each once.

    Example:

    >>> full = ComparedPlan("full", TrainingPlan("full"))
    >>> [str(job) for job in needed_jobs([full], 1, ("topic", "tone"))]
    ['full, seed 0, topic + tone', 'full, seed 0, topic', 'full, seed 0, tone']
    """
    jobs = []
    for seed in range(seeds):
        for plan in (plan for plan in plans if seed in plan.seeds(seeds)):
            jobs.append(Job(plan.name, seed, tasks))
            if len(tasks) > 1 and plan.alone:
                jobs += [Job(plan.alone, seed, (task,)) for task in tasks]
    return list(dict.fromkeys(jobs))
