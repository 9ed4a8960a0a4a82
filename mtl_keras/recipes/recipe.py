"""A validated recipe, from a YAML file or from Python values. It does not load TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from mtl_keras.data.schedules import Proportional, Schedule, parse_schedule
from mtl_keras.data.splits import SPLITS
from mtl_keras.data.task import Task, checked_tasks
from mtl_keras.data.task_names import name_fault
from mtl_keras.encoders.pretrained.sources import RUN, located
from mtl_keras.errors import InputError
from mtl_keras.plans.stage import MEAN, Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.faults import Where, described
from mtl_keras.recipes.located_yaml import LocatedYaml
from mtl_keras.recipes.overrides import Override, with_overrides
from mtl_keras.recipes.plain import as_plain, check_files, dumped
from mtl_keras.recipes.schema import RecipeSchema

# The places of labels, which are read as text.
LABELS = (
    ("tasks", None, "labels"),
    ("tasks", None, "columns", "label_names"),
    *(("tasks", None, "columns", split, "label_names") for split in SPLITS),
)
BUNDLED = Path(__file__).parents[1] / "samples"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Declares a whole training: read from a file (`load_recipe`), or made in Python.

    Args:
        encoder: source of the encoder, as in `TextEncoder.from_pretrained`.
        sha256: checksum that the encoder's weights must have; None checks nothing.
        max_length: longest input, in word pieces.
        pooling: how the sentence embedding is made, instead of the source's own way.
        tasks: what to predict, and from which files or data.
        stages: the stages of the training; give these or `plan`.
        plan: a training plan, or the name of one.
        schedule: which task trains next.
        loss_weights: task → factor of its loss.
        batch_size: examples in a batch; give this or `max_tokens`.
        max_tokens: positions in a batch, padding included.
        seed: of initial heads, order and dropout.
        precision: Keras dtype policy.
        strategy: which devices and machines train together (`strategy_of`).
        jit_compile: whether XLA compiles the step; `auto` measures whether that is cheaper.
        deterministic: whether to use only operations that give the same bits each time, on GPUs
            too.
        cache: whether the outputs of frozen layers are computed once and kept.
        checkpoint_minutes: time between two checkpoints, from which a training can be resumed.
        restore: whose best weights on the validation split the run ends with: a task's, those of
            the `mean`, or None for the last weights.
        start_from: folder of a finished run, whose weights the encoder, and the heads of tasks of
            the same name and labels, begin with.
        path: the file it was read from; the tasks' files are relative to its folder.
        written: the YAML that it was made from.
        reads_at: task → the place in the recipe of its `reads`, for messages.
        starts_at: the place in the recipe of `start_from`.

    Raises:
        InputError: a value is invalid, or values contradict each other.

    Example:

    >>> recipe = Recipe(
    ...     encoder="all-MiniLM-L6-v2",
    ...     tasks=[Task("topic", files={"train": "train.csv"})],
    ...     stages=[Stage(epochs=2)],
    ... )
    >>> print(recipe.to_yaml(), end="")
    encoder: all-MiniLM-L6-v2
    tasks:
      topic:
        files:
          train: train.csv
    training:
      stages:
      - epochs: 2
    """

    encoder: str
    tasks: Sequence[Task]
    stages: InitVar[Sequence[Stage] | None] = None
    plan: TrainingPlan = None  # type: ignore[assignment]  # made from stages then
    sha256: str | None = None
    max_length: int = 128
    pooling: str | None = None
    schedule: Schedule = field(default_factory=Proportional)
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    batch_size: int | None = 32
    max_tokens: int | None = None
    seed: int = 0
    precision: str = "float32"
    strategy: str = "auto"
    jit_compile: bool | Literal["auto"] = False
    deterministic: bool = False
    cache: bool = True
    checkpoint_minutes: float = 5.0
    restore: str | None = MEAN
    start_from: str | Path | None = None
    path: Path = field(default_factory=lambda: Path("recipe.yaml").absolute())
    written: bytes | None = field(default=None, compare=False, repr=False)
    reads_at: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    starts_at: str = field(default="start_from", compare=False, repr=False)

    def __post_init__(self, stages: Sequence[Stage] | None) -> None:
        if self.written is not None:
            return
        object.__setattr__(self, "tasks", tuple(checked_tasks(self.tasks)))
        object.__setattr__(self, "plan", _plan(stages, self.plan))
        if isinstance(self.schedule, str):
            object.__setattr__(self, "schedule", parse_schedule(self.schedule))
        if self.max_tokens is not None:
            object.__setattr__(self, "batch_size", None)
        _validated(as_plain(vars(self)), _place_in_value, chooses_names=True)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], *, folder: str | Path = ".") -> "Recipe":
        """The recipe with this content.

        Args:
            content: `encoder`, `tasks` and `training`, as in a file.
            folder: what relative paths are relative to.

        Raises:
            InputError: names the first fault and its key.
        """
        if not isinstance(content, Mapping):
            raise InputError("a recipe is a mapping of keys (encoder, tasks, training)")
        schema = _validated(content, _place_in_value, chooses_names=True)
        path = Path(folder).resolve() / "recipe.yaml"
        return _of_schema(schema, path, _place_in_value, dumped(content).encode())

    def to_yaml(self) -> str:
        """The recipe as YAML, with relative paths unchanged.

        Raises:
            InputError: a task's data are in memory.
        """
        check_files(tuple(self.tasks))
        return dumped(as_plain(vars(self)))

    @property
    def as_written(self) -> bytes:
        """The YAML that a run keeps: that of the file, or else `to_yaml`'s."""
        return dumped(as_plain(vars(self))).encode() if self.written is None else self.written

    def unread(self, task: Task) -> tuple[str, ...]:
        """The splits of a task whose files need not be read before training begins.

        This is `train` if an epoch is always a number of steps, the task's labels are listed (so it
        is not a regression, whose scale must be found), it has validation files, and the schedule
        does not depend on the tasks' sizes.
        """
        stages = self.plan.given or (self.plan.template,)
        is_needed = (
            not all(stage.steps_per_epoch for stage in stages)
            or not (task.labels and {"train", "validation"} <= set(task.files))
            or (self.schedule.needs_counts and len(self.tasks) > 1)
        )
        return () if is_needed else ("train",)


def load_recipe(
    path: str | Path,
    *,
    folder: str | Path | None = None,
    overrides: Sequence[Override] = (),
) -> Recipe:
    """Reads a recipe file, or the bundled recipe of that name.

    Args:
        path: the YAML file.
        folder: for the recipe of a run, what relative paths are relative to. Names of tasks are
            then not checked, since they can no longer be changed.
        overrides: values that replace the file's.

    Raises:
        InputError: names the first fault and its line.
    """
    path = _find(Path(path))
    located = _located(path)
    content = with_overrides(located.content, overrides)

    def where(place: Sequence[str | int]) -> str:
        for override in overrides:
            if tuple(place[: len(override.place)]) == override.place:
                return f"--set {override.written}"
        return f"{path}:{located.line(place)}: {'.'.join(map(str, place))}"

    schema = _validated(content, where, chooses_names=folder is None)
    place = Path(folder) if folder else path.parent.resolve()
    written = dumped(content).encode() if overrides else path.read_bytes()
    return _of_schema(schema, place / path.name, where, written)


def says_the_same(recipe: bytes, copy: Path) -> bool:
    """Whether a recipe's YAML and a file differ at most in comments, blank lines and key order.

    Raises:
        InputError: one of them cannot be read, or is not YAML.
    """
    text = recipe.decode().replace("\r\n", "\n").replace("\r", "\n")
    return _located(copy, text).content == _located(copy).content


def bundled_recipes() -> dict[str, Path]:
    """Name → file of the recipes that come with the package."""
    return {path.stem: path for path in sorted(BUNDLED.glob("*.yaml"))}


def _find(path: Path) -> Path:
    if path.exists():
        return path
    bundled = bundled_recipes()
    if str(path) in bundled:
        return bundled[str(path)]
    raise InputError(
        f"{path}: no such file; give a recipe file, or the name of a bundled recipe: "
        f"{', '.join(bundled)}"
    )


def _located(path: Path, text: str | None = None) -> LocatedYaml:
    return LocatedYaml(path, as_written=LABELS, text=text)


def _plan(stages: Sequence[Stage] | None, plan: TrainingPlan | str | None) -> TrainingPlan:
    if (stages is None) == (plan is None):
        raise InputError(
            "give either stages (a list) or plan (the name of a training plan). Received: "
            + ("neither" if plan is None else "both")
        )
    if stages is not None:
        return TrainingPlan.of(stages)
    return TrainingPlan(plan) if isinstance(plan, str) else plan  # type: ignore[return-value]


def _place_in_value(place: Sequence[str | int]) -> str:
    return f"recipe: {'.'.join(map(str, place))}"


def _validated(content: Mapping[str, Any], where: Where, *, chooses_names: bool) -> RecipeSchema:
    """Validates a recipe's content; raises `InputError` for the first fault, with its place."""
    try:
        schema = RecipeSchema.model_validate(content)
    except ValidationError as error:
        raise InputError(described(error, where)) from None
    if chooses_names and (fault := name_fault(schema.build_tasks())):
        raise InputError(f"{where(('tasks', fault.task))}: {fault.message}")
    return schema


def _of_schema(schema: RecipeSchema, path: Path, where: Where, written: bytes) -> Recipe:
    training = schema.training
    places = [where(place) for place in training.places()]
    return Recipe(
        path=path,
        encoder=located(schema.encoder, path.parent),
        sha256=schema.sha256,
        max_length=schema.max_length,
        pooling=schema.pooling,
        tasks=schema.build_tasks(),
        plan=replace(training.build(), places=tuple(places)),
        schedule=training.schedule,
        loss_weights=training.loss_weights,
        batch_size=None if training.max_tokens else training.batch_size,
        max_tokens=training.max_tokens,
        seed=training.seed,
        precision=training.precision,
        strategy=training.strategy,
        jit_compile=training.jit_compile,
        deterministic=training.deterministic,
        cache=training.cache,
        checkpoint_minutes=training.checkpoint_minutes,
        restore=training.restore,
        start_from=_folder(training.start_from, path.parent),
        starts_at=where(("training", "start_from")),
        written=written,
        reads_at={name: where(("tasks", name, "reads")) for name in schema.tasks},
    )


def _folder(run: str | None, folder: Path) -> str | None:
    """The folder of a run, from a recipe's folder; `run:`, as in `encoder`, may stand before it."""
    if run is None:
        return None
    return located(f"{RUN}{run.removeprefix(RUN)}", folder).removeprefix(RUN)
