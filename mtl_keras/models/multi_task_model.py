"""The encoder and the heads as one functional Keras model, and the step that trains it."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.distribution import replicas
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.policy import check_policy
from mtl_keras.models import heads, training_step
from mtl_keras.models.balancing import BalancesTasks
from mtl_keras.models.branches import Branches
from mtl_keras.models.calling import CheckedCalls
from mtl_keras.models.combiners import Losses
from mtl_keras.models.compiling import SavedCompilation, check_compile, checked_optimizer
from mtl_keras.models.frozen_prefix import FEATURES, UpperPart
from mtl_keras.models.guards import Guard, guard_of
from mtl_keras.models.heads import layers_of_heads
from mtl_keras.models.inference import ForwardPass
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.metrics import training_metrics, undefined_without_examples
from mtl_keras.models.optimizers import layerwise_adamw
from mtl_keras.models.task_data import HasTaskData, TaskData
from mtl_keras.models.training_step import Batch, Tensors
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.layer_groups import LayerGroups
from mtl_keras.plans.protection import Protection


@keras.saving.register_keras_serializable("mtl_keras")
class MultiTaskModel(HasTaskData, SavedCompilation, BalancesTasks, CheckedCalls, keras.Model):
    """One encoder, a head per task: a functional Keras model.

    Inputs, by name: `token_ids (batch, length)` int32 and `padding_mask (batch, length)` bool.
    Outputs, by task: see `TaskHead`. `predict` also takes a list of strings.

    `fit` takes batches `(x, labels, weights)`, labels and weights dicts by task, as
    `interleave` makes them; `x` may hold `features` too (see `start_above`). A task whose weights
    are all 0 in a batch is idle: what serves only idle tasks (heads, own blocks, blocks above the
    level that others read) does not move by one bit. Weights may be left out: then every example
    counts for every task.

    Logs and history: `loss`; `padding`, the share of a batch's positions without a word piece; per
    task `<task>_loss` and its metrics (`<task>_accuracy`, …), over its own examples, NaN of none.

    Args:
        encoder: the `TextEncoder` that the tasks share, or its source, as
            `TextEncoder.from_pretrained` takes it; blocks above all heads' levels are left out.
            Tasks with own blocks (`Task.own_blocks`) begin with copies of its top blocks.
        tasks: what to predict. Labels that a task lacks are found in its data.
        head_dropout: rate of dropout before each head, in training.
        has_names: whether the tasks have their names from a file; else they may be refused.

    Raises:
        InputError: no task, one without labels and data, names with two meanings, an unknown level,
            own blocks that the encoder cannot give.
    """

    def __init__(
        self,
        encoder: TextEncoder | str,
        tasks: Sequence[Task],
        *,
        head_dropout: float = 0.1,
        name: str = "multi_task_model",
        has_names: bool = False,
        **kwargs: Any,
    ):
        check_policy(None)
        data = TaskData(tasks)
        tasks = data.completed()
        heads.check_tasks(tasks, has_names=has_names)
        branches = Branches.of(heads.loaded_encoder(encoder), tasks)
        outputs = heads.head_outputs(tasks, branches.encoder_of, head_dropout)
        super().__init__(branches.shared.transformer.input, outputs, name=name, **kwargs)
        self.encoder = branches.shared
        self.branches = branches
        self.tasks = {task.name: task for task in branches.tasks}
        self._data = data
        self.head_dropout = head_dropout
        self._task_losses = {task.name: kind_of(task).loss(task) for task in tasks}
        self._loss_weights = dict.fromkeys(self.tasks, 1.0)
        self._total = keras.metrics.Mean("loss", "float32")
        self._padding = keras.metrics.Mean("padding", "float32")
        self._task_metrics: dict[str, list[keras.metrics.Metric]] = {}
        self._guard = Guard()
        self._upper: UpperPart | None = None
        self.forward_pass = ForwardPass(self)
        self._compiled_for: tuple = ()

    @property
    def layer_groups(self) -> LayerGroups:
        """Layer group → layers, lowest first: `embeddings`, `block_0`, …, `heads/<task>`; a
        task's own blocks are `block_4@<task>`, ….
        """
        used = {id(layer) for layer in self.layers}
        backbone = {
            name: [layer for layer in layers if id(layer) in used]
            for name, layers in self.branches.layer_groups.items()
        }
        return LayerGroups(backbone | layers_of_heads(self.layers, self.tasks))

    def compile(
        self,
        optimizer: str | keras.optimizers.Optimizer | None = None,
        loss: None = None,
        loss_weights: Mapping[str, float] | None = None,
        metrics: Mapping[str, Sequence[keras.metrics.Metric]] | None = None,
        weighted_metrics: None = None,
        *,
        jit_compile: bool | str | None = False,
        **kwargs: Any,
    ) -> None:
        """Configures training; the losses follow from the tasks.

        Args:
            optimizer: any Keras optimizer; every layer gets its own state of it
                (`LayerwiseOptimizer`). None: `layerwise_adamw(model)`.
            loss: not accepted: a task's kind has one.
            loss_weights: task → factor of its loss, 1 where not given.
            metrics: task → Keras metrics, beside those that the task's kind has.
            weighted_metrics: not accepted: `metrics` are weighted.
            jit_compile: whether XLA compiles the training step. It compiles once per batch shape.
            **kwargs: as in `keras.Model.compile` (`run_eagerly`, `steps_per_execution`).

        Raises:
            InputError: an argument of another form, one that a model of several tasks cannot have,
                a task that is not there.
        """
        given = {"loss": loss, "loss_weights": loss_weights, "metrics": metrics} | kwargs
        given |= {"weighted_metrics": weighted_metrics, "jit_compile": jit_compile}
        check_compile(given, self.tasks)
        optimizer = checked_optimizer(optimizer or layerwise_adamw(self))
        optimizer.name_layers(self.layers)
        self._loss_weights = dict.fromkeys(self.tasks, 1.0) | dict(loss_weights or {})
        self._task_metrics = {
            name: training_metrics(task, (metrics or {}).get(name, ()))
            for name, task in self.tasks.items()
        }
        self._compile_arguments = {
            "loss_weights": self._loss_weights,
            "metrics": {name: list(extra) for name, extra in (metrics or {}).items()},
            "jit_compile": jit_compile,
        } | kwargs
        kwargs["auto_scale_loss"] = False  # under mixed_float16 Keras would wrap the optimizer
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)

    def protect(self, tasks: Sequence[str], by: Protection | None) -> None:
        """Keeps tasks whose heads are frozen from drifting while others train the encoder.

        It captures what it needs from the model now. It applies from the next `fit` on, also after
        `compile`, until it is called again, and is not saved. The training `loss` includes its
        penalties; the validation loss does not.

        Args:
            tasks: the protected tasks; none: nothing is protected.
            by: `GradientProjection()`, `Distillation()`, `StartingWeights()`; None: no protection.

        Raises:
            InputError: a task that is not there, or every task; when training starts, a
                protected task whose head is not frozen.
        """
        self._guard = guard_of(self, tasks, by)

    @property
    def level(self) -> str | None:
        """The level at which batches with `features` start; None if they are not used."""
        return self._upper.level if self._upper else None

    def start_above(self, level: str | None) -> None:
        """Makes `fit` and `evaluate` use the `features` in batches as the output of a layer.

        Everything up to that layer is left out, so it must be frozen.

        Args:
            level: a layer group of the encoder, or `sentence_embedding`; None: batches begin with
                token ids.

        Raises:
            InputError: when training starts, a layer group below that trains.
        """
        self._upper = None if level is None else UpperPart.of(self, level)
        self.train_function: Any = None
        self.test_function: Any = None
        self.predict_function: Any = None
        self.forward_pass = ForwardPass(self)

    def make_train_function(self, force: bool = False) -> Any:
        """Traces the step again if something was frozen, thawed or protected since."""
        balance = (self._combiner, self._weigher)
        state = (self._guard, self._upper, *balance, *(v.trainable for v in self.variables))
        if state != self._compiled_for:
            self._guard.check(self)
            self._combiner.check(self._guard)
            if self._upper:
                self._upper.check(self)
            self._compiled_for = state
            force = True
        # Slots made while the step is traced would have it traced twice.
        with self.distribute_strategy.scope():
            self.optimizer.build(self.trainable_variables)
        super().make_train_function(force)
        return self.train_function

    def make_test_function(self, force: bool = False) -> None:
        """A plain graph, even if XLA compiles the step: a compilation would not pay for itself."""
        compiled: bool = self.jit_compile  # type: ignore[has-type]
        self.jit_compile = False
        super().make_test_function(force)
        self.jit_compile = compiled

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One update from a batch of one task, or of several."""
        batch = training_step.unpack(data, self.tasks)
        with tf.GradientTape(persistent=self._needs_two_gradients) as tape:
            outputs = self._forward(batch.x, training=True)
            sums = training_step.sums_of_weights(batch.weights)
            losses = training_step.losses_by_task(self._task_losses, batch, outputs, sums)
            given = self._weighted(losses)
            weighted = self._weigher.weighted(given, sums, self._step)
            penalties = self._guard.penalties(self, batch.x, outputs)
            total = tf.add_n([*weighted.values(), *penalties])
        if variables := self.trainable_variables:
            gradients = self._combined(tape, Losses(weighted, penalties, total))
            with tf.control_dependencies([total]):  # if no batch came, nothing moves
                active = training_step.active_layers(sums, self.branches.readers)
                self.optimizer.apply(gradients, variables, active=active)
            self._look_again(given, lambda: self._weighted(self._losses_of(batch, sums)))
        return self._measure(batch, outputs, losses, total)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Losses and metrics of a batch."""
        batch = training_step.unpack(data, self.tasks)
        outputs = self._forward(batch.x, training=False)
        losses = training_step.answerable_losses(self._task_losses, batch, outputs, self.tasks)
        total = tf.add_n(list(self._weighted(losses).values()))
        return self._measure(batch, outputs, losses, total)

    def predict_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Every task's outputs for a batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return self._forward(x, training=False)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The mean loss and padding, then each task's loss and metrics."""
        of_tasks = (metric for of_task in self._task_metrics.values() for metric in of_task)
        return [self._total, self._padding, *of_tasks]

    def get_metrics_result(self) -> dict[str, tf.Tensor]:
        """As in Keras; NaN for what a task has without an example since the last reset."""
        return undefined_without_examples(super().get_metrics_result(), self._task_metrics)

    def get_config(self) -> dict:
        """Encoder and tasks as plain values, and which layer groups are frozen."""
        return {
            "encoder": self.branches.deepest.get_config(),
            "tasks": [task.get_config() for task in self.tasks.values()],
            "head_dropout": self.head_dropout,
            "name": self.name,
            "frozen": self.layer_groups.frozen,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None, **making: Any
    ) -> "MultiTaskModel":
        """As in Keras; further arguments as in `TextEncoder.from_config`."""
        config = dict(config)
        frozen = config.pop("frozen")
        config["encoder"] = TextEncoder.from_config(config["encoder"], **making)
        config["tasks"] = [Task.from_config(task) for task in config["tasks"]]
        model = cls(**config, has_names=True)
        FreezePlan.of(frozen).apply(model)
        return model

    def _forward(self, x: Tensors, *, training: bool) -> dict[str, tf.Tensor]:
        run = self._upper if self._upper and FEATURES in x else self
        return run(x, training=training)

    def _losses_of(self, batch: Batch, sums: Tensors) -> dict[str, tf.Tensor]:
        outputs = self._forward(batch.x, training=True)
        return training_step.losses_by_task(self._task_losses, batch, outputs, sums)

    def _measure(
        self, batch: Batch, outputs: Tensors, losses: Tensors, total: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        total, *of_tasks = replicas.total([total, *losses.values()])
        updates: list[replicas.Update] = [
            (self._total, (total,), tf.constant(1.0 / replicas.count())),
            training_step.padding_update(self._padding, batch.x["padding_mask"]),
            *training_step.task_updates(self._task_metrics, batch, outputs, of_tasks),
        ]
        replicas.measure(updates)
        return replicas.as_logs(self.get_metrics_result())
