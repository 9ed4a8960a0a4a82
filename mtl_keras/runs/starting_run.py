"""The finished run that a training begins with: its encoder, and the heads of tasks of both."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtl_keras.data.levels import MIX
from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, listed
from mtl_keras.plans.layer_groups import head_group, owners_of
from mtl_keras.recipes.recipe import Recipe
from mtl_keras.runs.run import Run

if TYPE_CHECKING:
    import keras

    from mtl_keras.encoders.text_encoder import TextEncoder
    from mtl_keras.encoders.transformer.config import EncoderConfig
    from mtl_keras.models.multi_task_model import MultiTaskModel


@dataclass(frozen=True)
class StartingRun:
    """A finished run, from which a training takes weights.

    Args:
        run: the run.
        encoder: the source of the training's own encoder.
        place: of the run in the recipe, for messages.
    """

    run: Run
    encoder: str
    place: str

    @classmethod
    def of(cls, recipe: Recipe) -> "StartingRun | None":
        """The run that a recipe starts from; None if it starts from none.

        Raises:
            InputError: the folder holds no finished run.
        """
        if recipe.start_from is None:
            return None
        try:
            return cls(Run.open(recipe.start_from), recipe.encoder, recipe.starts_at)
        except InputError as error:
            raise InputError(f"{recipe.starts_at}: {error}") from None

    def with_scales(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks; numbers of those that the run has too keep the mean and deviation of there.

        Raises:
            InputError: a task has other labels than in the run, or is of another kind.
        """
        before = self.run.tasks
        for task in tasks:
            if task.name in before and (fault := _difference(task, before[task.name])):
                raise self._error(f"task {task.name!r}: {fault}, or give the task another name")
        return [
            task.at_scale(before[task.name].scale) if task.name in before else task
            for task in tasks
        ]

    def fill_encoder(self, encoder: "TextEncoder") -> None:
        """Gives the training's encoder the weights of the run's.

        Blocks that the run left out, and a pooler that it did not use, keep the source's weights.

        Raises:
            InputError: the run has an encoder of another shape or vocabulary.
        """
        trained = self._model.encoder
        blocks = trained.config.num_layers
        if (
            encoder.config.num_layers < blocks
            or _traits(encoder.config, blocks) != _traits(trained.config, blocks)
            or encoder.tokenizer.vocabulary != trained.tokenizer.vocabulary
        ):
            raise self._error(
                f"its encoder, from {trained.source}, is of another shape or vocabulary than the "
                f"recipe's, from {self.encoder}; give the same one, or encoder: "
                f"run:{self.run.folder}"
            )
        pooled = trained.config.pooler and encoder.config.pooler
        _copy(_layers(trained, blocks, pooled), _layers(encoder, blocks, pooled))

    def fill_heads(self, model: "MultiTaskModel") -> None:
        """Gives the heads of tasks that the run has too the weights that they have there.

        Raises:
            InputError: a head reads another level of the encoder than in the run, or vectors that
                are pooled otherwise; a task has other blocks of its own.
        """
        for name in [name for name in model.tasks if name in self._model.tasks]:
            owns, owned = (", ".join(_own(of, name)) or "none" for of in (model, self._model))
            if owns != owned:
                raise self._error(
                    f"task {name!r}: has blocks of its own: {owns}; in the run: {owned}; give it "
                    "the same own_blocks, or another name"
                )
            now, before = (_reading(of, name) for of in (model, self._model))
            for setting, value in before.items():
                if now[setting] != value:
                    raise self._error(
                        f"task {name!r}: {setting} {now[setting]}, in the run {value}; say "
                        f"{setting}: {value}, or give the task another name"
                    )
            for group in (*_own(model, name), head_group(name)):
                layers = (of.layer_groups[group] for of in (self._model, model))
                for layer, into in zip(*layers, strict=True):
                    _copy(layer, into)

    def record(self, model: "MultiTaskModel") -> dict[str, Any]:
        """What the training's own run keeps: the run's folder, and whose heads it began with."""
        heads = [name for name in model.tasks if name in self.run.tasks]
        return {"run": str(self.run.folder), "heads": heads}

    @functools.cached_property
    def _model(self) -> "MultiTaskModel":
        return self.run.model()

    def _error(self, fault: str) -> InputError:
        return InputError(f"{self.place}: {self.run.folder}: {fault}")


def in_words(record: Mapping[str, Any]) -> str:
    """What `StartingRun.record` says, for people.

    Example:

    >>> in_words({"run": "runs/tickets-1", "heads": ["topic", "urgent"]})
    'Begins with the encoder of runs/tickets-1 and its heads of topic, urgent.'
    """
    heads = f" and its heads of {', '.join(record['heads'])}" if record["heads"] else ""
    return f"Begins with the encoder of {record['run']}{heads}."


def _difference(task: Task, before: Task) -> str:
    """What differs between a task and the same one in a run; empty if nothing does."""
    if task.kind != before.kind:
        return f"is a {task.kind}, in the run a {before.kind}; correct its kind"
    if tuple(task.labels) == tuple(before.labels):
        return ""
    cure = f"list the run's in the recipe (labels: [{listed(before.labels)}])"
    new, gone = {*task.labels} - {*before.labels}, {*before.labels} - {*task.labels}
    faults = [f"without {listed(sorted(gone))}"] if gone else []
    faults += [f"with {listed(sorted(new))}"] if new else []
    differs = " and ".join(faults) or "in another order"
    return f"has other labels than in the run, {differs}; {cure}"


def _traits(config: "EncoderConfig", blocks: int) -> "EncoderConfig":
    """What the weights of the lowest blocks depend on."""
    return dataclasses.replace(config.lowest(blocks), pooling="mean", dropout=0.0)


def _layers(encoder: "TextEncoder", blocks: int, pooled: bool) -> "keras.Model":
    """Embeddings and the lowest blocks, and the pooler if it is wanted."""
    import keras

    from mtl_keras.encoders.levels import levels_of, vectors_at

    transformer = encoder.transformer
    outputs = [vectors_at(encoder, levels_of(encoder)[blocks])["sequence_output"]]
    outputs += [transformer.output["pooled_output"]] if pooled else []
    return keras.Model(transformer.input, outputs)


def _copy(layers: "keras.layers.Layer", into: "keras.layers.Layer") -> None:
    from mtl_keras.distribution import replicas

    for weight, other in zip(layers.weights, into.weights, strict=True):
        replicas.put(other, replicas.value_of(weight))


def _own(model: "MultiTaskModel", task: str) -> list[str]:
    """The layer groups of a task's own blocks."""
    return [group for group in model.layer_groups if task in owners_of(group)]


def _reading(model: "MultiTaskModel", name: str) -> dict[str, str]:
    """Which vectors a head reads, in the words of a recipe."""
    from mtl_keras.encoders.levels import levels_of
    from mtl_keras.models.heads import read_levels

    task, encoder = model.tasks[name], model.branches.encoder_of(name)
    levels = read_levels(encoder, [task])[name]
    reading = {"reads": levels[0] if len(levels) == 1 else f"{MIX} of {len(levels)} levels"}
    if task.label_kind.per_word:
        return reading
    is_last = levels[-1] == levels_of(encoder)[-1]
    config = encoder.config if is_last else encoder.config.lowest(1)
    return reading | {"pooling": config.pooling}
