"""What a comparison runs: its plans, and for each plan and seed the jobs that it needs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mtl_keras.data.levels import AUTO, LAST, check_level
from mtl_keras.data.own_blocks import OwnBlocks
from mtl_keras.errors import InputError
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.protection import Protection
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import EXPLICIT, TrainingPlan
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.recipes.values import PROTECTIONS

# Nothing of these trains: scikit-learn's linear models are fitted on
FEATURES = "features"  # what the frozen encoder gives,
STATIC = "static"  # means of the vectors in its token table,
TFIDF = "tfidf"  # or the words themselves.
REFERENCES = (FEATURES, STATIC, TFIDF)
HEAD_FROZEN, WITH = "head_frozen:", "+"  # head_frozen:topic+distillation, or +own:2
READING = "@"  # linear_probe@auto
OWN = "own:"  # own:2, everything trains, with two blocks of its own for each task
RUNS = "runs"
START_SCORE = "score.json"  # of the single-task model that others begin with
PATIENCE = 3  # evaluations, where the recipe says nothing


@dataclass(frozen=True)
class ComparedPlan:
    """A way to train that a comparison tries.

    Args:
        name: as it is asked for and reported.
        training: what trains when; None: nothing does, and linear models are fitted (`REFERENCES`).
        protects: the task whose head stays frozen, and whose best single-task model the training
            begins with; None if there is none.
        reads: the level of the encoder that every head reads; None: the one that the recipe says.
        own_blocks: how many top blocks each task but the protected one has for itself; None: those
            of the recipe.
    """

    name: str
    training: TrainingPlan | None
    protects: str | None = None
    reads: str | None = None
    own_blocks: int | None = None

    @property
    def alone(self) -> str | None:
        """The name of the plan of the single-task models beside it.

        It is the same one, but `full` if this one lists its stages or names tasks. None if there
        are no such models, as the tasks share nothing that trains.
        """
        if self.training is None:
            return None
        if not (self.training.given or self.training.tasks or self.own_blocks):
            return self.name
        return f"full{READING}{self.reads}" if self.reads else "full"

    def reading(self, recipe: Recipe) -> Recipe:
        """The recipe with heads that read where the plan says, and its own blocks."""
        tasks, places = recipe.tasks, recipe.reads_at
        if self.reads is not None:
            tasks, places = tuple(task.at_level(self.reads) for task in tasks), {}
        if self.own_blocks is not None:
            own = OwnBlocks(self.own_blocks)
            tasks = tuple(
                task if task.name == self.protects else task.with_own_blocks(own) for task in tasks
            )
        return replace(recipe, tasks=tasks, reads_at=places)

    def seeds(self, seeds: int) -> range:
        """Its seeds, of that many: only the first if no chance is in it."""
        return range(seeds if self.training else 1)

    def judged(self, tasks: Sequence[str]) -> tuple[str, ...]:
        """The tasks whose mean chooses rates and best weights: all but the protected one."""
        return tuple(name for name in tasks if name != self.protects)


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
        return f"{self._of_plan}/seed-{self.seed}/{'+'.join(self.tasks)}"

    @property
    def search_file(self) -> str:
        """Where the learning rates of its plan and tasks are, which all seeds share."""
        return f"{self._of_plan}/rates/{'+'.join(self.tasks)}.json"

    def start_folder(self, task: str) -> str:
        """Where the best single-task model of a task is, from which plans that protect it begin."""
        return f"{RUNS}/best/seed-{self.seed}/{task}"

    @property
    def _of_plan(self) -> str:
        return f"{RUNS}/{self.plan.replace(':', '-')}"


def default_plans(recipe: Recipe) -> tuple[str, ...]:
    """The references, then frozen: the backbone, one head, the lowest half, gradual, nothing.

    The head is that of the first task, alone and with each remedy against its drift. If heads read
    the last level, another row has them read the one that suits each best.
    """
    frozen = _head_frozen_plans(recipe) if len(recipe.tasks) > 1 else []
    if any(task.reads == LAST for task in recipe.tasks):
        frozen = [f"linear_probe{READING}{AUTO}", *frozen]
    return (*REFERENCES, "linear_probe", *frozen, "lowest_half", "gradual", "full")


def compared_plan(recipe: Recipe, name: str) -> ComparedPlan:
    """The plan of this name, with the recipe's settings.

    Raises:
        InputError: there is no such plan, or no such task, remedy or level in it.
    """
    plan, at, level = name.partition(READING)
    if not at:
        return _named(recipe, name)
    check_level(f"plan {name}", level)
    compared = _named(recipe, plan)
    if compared.training is None or compared.protects or compared.own_blocks:
        raise InputError(
            f"plan {name}: a level is given to plans that train every head; without it: {plan}"
        )
    return replace(compared, name=name, reads=level)


def needed_jobs(plans: Sequence[ComparedPlan], seeds: int, tasks: tuple[str, ...]) -> list[Job]:
    """Every training and fit that a comparison needs, seed by seed, each once.

    Plans that begin with the best single-task model of a task come after the others.

    Example:

    >>> full = ComparedPlan("full", TrainingPlan("full"))
    >>> [str(job) for job in needed_jobs([full], 1, ("topic", "tone"))]
    ['full, seed 0, topic + tone', 'full, seed 0, topic', 'full, seed 0, tone']
    """
    jobs: list[Job] = []
    for seed in range(seeds):
        protecting: list[Job] = []
        for plan in (plan for plan in plans if seed in plan.seeds(seeds)):
            (protecting if plan.protects else jobs).append(Job(plan.name, seed, tasks))
            if len(tasks) > 1 and plan.alone:
                jobs += [Job(plan.alone, seed, (task,)) for task in tasks]
        jobs += protecting
    return list(dict.fromkeys(jobs))


def _named(recipe: Recipe, name: str) -> ComparedPlan:
    if name in REFERENCES:
        return ComparedPlan(name, None)
    if name.startswith(HEAD_FROZEN):
        return _head_frozen(recipe, name)
    if name == EXPLICIT and recipe.plan.given:
        return ComparedPlan(name, recipe.plan.stopping_after(PATIENCE))
    if own_blocks := _own_blocks(name):
        _check_several(recipe, name)
        plan = TrainingPlan("full", recipe.plan.as_template()).stopping_after(PATIENCE)
        return ComparedPlan(name, plan, own_blocks=own_blocks)
    try:
        plan = TrainingPlan(name, recipe.plan.as_template())
    except InputError as error:
        with_remedies = f"{HEAD_FROZEN}<task>{WITH}<remedy>"
        others = ", ".join((with_remedies, f"{OWN}<k>", *REFERENCES))
        raise InputError(f"{error}; or {others}") from None
    return ComparedPlan(name, plan.stopping_after(PATIENCE))


def _head_frozen_plans(recipe: Recipe) -> list[str]:
    plain = f"{HEAD_FROZEN}{recipe.tasks[0].name}"
    remedies = [
        name
        for name, remedy in PROTECTIONS.items()
        if recipe.batch_size or not remedy.replays  # a replayed batch has a number of examples
    ]
    return [plain, *(f"{plain}{WITH}{name}" for name in remedies)]


def _head_frozen(recipe: Recipe, name: str) -> ComparedPlan:
    """Solves the heads of the other tasks, then trains all but the protected head on them."""
    task, _, remedy = name.removeprefix(HEAD_FROZEN).partition(WITH)
    _check_head_frozen(recipe, name, task, remedy)
    others = tuple(other.name for other in recipe.tasks if other.name != task)
    template, head = recipe.plan.as_template(), FreezePlan.head(task)
    own_blocks = _own_blocks(remedy)
    if own_blocks:  # what the task shares with others is frozen
        template, head = replace(template, protect=None), head | FreezePlan.trunk()
    elif remedy:
        template = replace(template, protect=_remedy(template, remedy))
    trained = replace(template, freeze=head, tasks=others, solve=False)
    solved = Stage(freeze=FreezePlan.backbone() | head, tasks=others, solve=True)
    stages = [trained] if template.solve is False else [solved, trained]
    plan = TrainingPlan.of(stages).stopping_after(PATIENCE)
    return ComparedPlan(name, plan, protects=task, own_blocks=own_blocks)


def _own_blocks(name: str) -> int | None:
    """How many top blocks `own:<k>` gives to each task; None if a name is another."""
    match = re.fullmatch(f"{OWN}([1-9][0-9]{{0,3}})", name)
    return int(match[1]) if match else None


def _remedy(template: Stage, name: str) -> Protection:
    """The remedy as the recipe sets it, if it has this one; else as it is by itself."""
    kind = PROTECTIONS[name]
    remedy: Protection = template.protect if isinstance(template.protect, kind) else kind()
    return remedy


def _check_several(recipe: Recipe, name: str) -> None:
    if len(recipe.tasks) == 1:
        raise InputError(f"plan {name}: there is no other task that would train")


def _check_head_frozen(recipe: Recipe, name: str, task: str, remedy: str) -> None:
    tasks = [task.name for task in recipe.tasks]
    if task not in tasks:
        raise InputError(f"plan {name}: there is no task {task!r}; there are {', '.join(tasks)}")
    _check_several(recipe, name)
    if _own_blocks(remedy):
        return
    if (remedy or name.endswith(WITH)) and remedy not in PROTECTIONS:
        remedies = ", ".join((*PROTECTIONS, f"{OWN}<k>"))
        raise InputError(f"plan {name}: a remedy is one of {remedies}. Received: {remedy!r}")
    if remedy and PROTECTIONS[remedy].replays and not recipe.batch_size:
        raise InputError(f"plan {name}: it joins batches; give the recipe batch_size")
