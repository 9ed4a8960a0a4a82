"""Sets a stage up: freezes, compiles and protects the model, makes features and batches."""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from mtl_keras.distribution import replicas
from mtl_keras.models.frozen_prefix import frozen_prefix
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.optimizers import LayerwiseOptimizer, layerwise_adamw
from mtl_keras.plans.freeze_plan import FreezePlan, Trainability, backbone_trains
from mtl_keras.plans.stage import Stage
from mtl_keras.training.checkpointing import Progress
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_batches import StageBatches
from mtl_keras.training.xla import AUTO, PLAIN, Compilation, choose


@dataclass(frozen=True, kw_only=True, eq=False)
class StageSetup:
    """All that the loop over a stage's steps reads; its model is ready for `fit`.

    Args:
        materials: the materials that all stages share.
        index: index of the stage.
        frozen: the frozen layer groups.
        groups: the trainability table as the stage begins.
        compilation: how the steps run.
        features_seconds: seconds that computing the frozen layers' features took.
        batches: the stage's batches.
        training_batches: those of an epoch; with `steps_per_epoch` of all epochs, endlessly.
        steps: number of steps of an epoch.
        validation_batches: validation batches of all tasks.
    """

    materials: Materials
    index: int
    frozen: tuple[str, ...]
    groups: Trainability
    compilation: Compilation
    features_seconds: float
    batches: StageBatches
    training_batches: tf.data.Dataset
    steps: int
    validation_batches: tf.data.Dataset

    @property
    def stage(self) -> Stage:
        """The stage that is set up, as the recipe has it on this model."""
        return self.materials.stages[self.index]

    def batches_from(self, progress: Progress) -> tf.data.Dataset:
        """Returns the remaining training batches of the epoch, or of all remaining epochs."""
        done = progress.step
        if self.stage.steps_per_epoch:
            done += (progress.epoch - progress.first_epoch) * self.steps
        return self.training_batches.skip(done) if done else self.training_batches


def set_up(
    materials: Materials,
    index: int,
    *,
    first_epoch: int = 0,
    compilation: Compilation | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> StageSetup:
    """Freezes, compiles and protects the model for a stage, and computes frozen layers' features.

    Args:
        materials: the materials that all stages share.
        index: index of the stage.
        first_epoch: the stage's first epoch, counted over all stages.
        compilation: how the steps run, if the stage has begun before; None: as the recipe says,
            or as measured if it says `auto`.
        report: receives lines on the stage, its warnings, and what is computed.
    """
    model, stage = materials.model, materials.stages[index]
    frozen = stage.frozen(list(model.layer_groups))
    groups = FreezePlan.of(frozen).apply(model)
    for line in _announcement(materials, index, groups):
        report(line)
    features_seconds = materials.features.prepare(materials.levels(index), report)
    batches = StageBatches(materials, stage, first_epoch)
    validation_batches = batches.validation()
    steps = _compile(materials, stage, batches, compilation or _declared(materials, batches))
    idle = stage.idle_tasks(tuple(model.tasks))
    model.balance(
        combine=stage.combine,
        weighting=stage.weighting,
        tasks=stage.trained_tasks(tuple(model.tasks)),
        seed=materials.recipe.seed,
    )
    model.protect(idle if backbone_trains(model) else (), stage.protect)
    if materials.recipe.jit_compile == AUTO and compilation is None and not stage.solve:
        steps = _cheaper(materials, stage, batches, steps, report)
        batches.begin_epoch(first_epoch)
    return StageSetup(
        materials=materials,
        index=index,
        frozen=frozen,
        groups=groups,
        compilation=steps.compilation,
        features_seconds=features_seconds,
        batches=batches,
        training_batches=steps.batches,
        steps=steps.in_epoch,
        validation_batches=validation_batches,
    )


@dataclass(frozen=True, eq=False)
class _Steps:
    """The model's compilation, its batches, and the number of steps of an epoch."""

    compilation: Compilation
    batches: tf.data.Dataset
    in_epoch: int


def _announcement(materials: Materials, index: int, groups: Trainability) -> list[str]:
    """Describes the stage, with a line for everything in it that has no effect."""
    stage, model = materials.stages[index], materials.model
    first = f"stage {index + 1} of {len(materials.stages)}: {_in_words(stage, groups)}"
    warnings = stage.warnings(list(model.layer_groups))
    if stage.protect and not stage.idle_tasks(tuple(model.tasks)):
        warnings.append("protect has no effect: every task has batches in this stage")
    is_alone = len(stage.trained_tasks(tuple(model.tasks))) < 2
    if stage.combine.combines and (is_alone or not backbone_trains(model)):
        warnings.append("combine has no effect: no weights that tasks share train in this stage")
    lines = [first, *(f"warning: {warning}" for warning in warnings)]
    frozen = stage.frozen(list(model.layer_groups))
    if stage.steps_per_epoch and materials.recipe.cache and frozen_prefix(model, frozen):
        lines.append("with steps_per_epoch, what frozen layers make of a text is not kept")
    return lines


def _in_words(stage: Stage, groups: Trainability) -> str:
    trains = sum(row.parameters for row in groups if row.trains)
    total = sum(row.parameters for row in groups)
    words = f"freeze {stage.freeze}, "
    words += "heads solved, " if stage.solve else f"epochs {stage.epochs}, "
    if stage.steps_per_epoch:
        words += f"{stage.steps_per_epoch:,} steps each, "
    if stage.tasks:
        words += f"tasks {', '.join(stage.tasks)}, "
    if not trains:
        return words + "everything is frozen: nothing will learn"
    return words + f"{trains:,} of {total:,} parameters train"


def _declared(materials: Materials, batches: StageBatches) -> Compilation:
    """Returns the recipe's setting of XLA; `auto` begins plain. A TPU always compiles."""
    jit_compile = materials.recipe.jit_compile is True
    if not jit_compile and not replicas.compile_shapes(materials.model.distribute_strategy):
        return PLAIN
    return Compilation(jit_compile, batches.static_widths())


def _cheaper(
    materials: Materials,
    stage: Stage,
    batches: StageBatches,
    plain: _Steps,
    report: Callable[[str], None],
) -> _Steps:
    """Times plain and compiled steps, and compiles the model for the cheaper ones."""
    chosen = choose(
        materials.model,
        materials.trained_groups,
        batches,
        plain.batches,
        stage.epochs * plain.in_epoch,
        report,
    )
    if chosen == plain.compilation:
        return plain
    return _compile(materials, stage, batches, chosen)


def _compile(
    materials: Materials, stage: Stage, batches: StageBatches, compilation: Compilation
) -> _Steps:
    """Compiles the model with a new optimizer; layers that keep training keep their state."""
    model = materials.model
    training_batches = batches.training(compilation.widths)
    in_epoch = stage.steps_per_epoch or int(training_batches.cardinality())
    optimizer = _optimizer(model, stage, steps=stage.epochs * in_epoch)
    if model.compiled:
        optimizer.take_over(model.optimizer, model.trainable_variables)
    else:
        optimizer.build(model.trainable_variables)
    model.compile(
        optimizer,
        loss_weights=materials.recipe.loss_weights,
        jit_compile=compilation.jit_compile,
    )
    return _Steps(compilation, training_batches, in_epoch)


def _optimizer(model: MultiTaskModel, stage: Stage, steps: int) -> LayerwiseOptimizer:
    rates = stage.learning_rate
    return layerwise_adamw(
        model,
        head_lr=rates.heads,
        backbone_lr=rates.backbone,
        decay=rates.decay,
        group_lrs=rates.groups,
        weight_decay=stage.weight_decay,
        schedule=rates.schedule,
        steps=steps,
    )
