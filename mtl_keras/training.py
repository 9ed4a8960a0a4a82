"""Runs the stages of a recipe: freeze, compile, fit, evaluate, write the run."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import tensorflow as tf

from mtl_keras.datasets import TaskDataset
from mtl_keras.evaluation import evaluate
from mtl_keras.freezing import trainability
from mtl_keras.model import MultiTaskModel
from mtl_keras.optimizers import layerwise_adamw
from mtl_keras.preprocessing import batches
from mtl_keras.recipes import Recipe
from mtl_keras.runs import HISTORY, METRICS, MODEL, RECIPE, RECORD, Run
from mtl_keras.schedules import Proportional, interleave
from mtl_keras.stages import Stage
from mtl_keras.text_encoder import TextEncoder


def train(
    recipe: Recipe,
    folder: str | Path,
    datasets: Mapping[str, TaskDataset] | None = None,
    *,
    report: Callable[[str], None] = print,
    verbose: int | str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Run:
    """Trains a recipe and writes the run folder.

    Args:
        recipe: what to train.
        folder: where the run goes; new or empty.
        datasets: task name → its files, where they are open already.
        report: told what happens, a line at a time.
        verbose: progress of `fit`, as in Keras.
        callbacks: Keras callbacks for every stage.

    Raises:
        InputError: data, encoder or plan do not fit.
        WorkError: the run cannot be written.
    """
    Run(folder).check_free()
    keras.utils.set_random_seed(recipe.seed)
    datasets = datasets or open_datasets(recipe)
    training = Training(recipe, datasets, build_model(recipe, datasets))
    run = Run.create(folder)
    stages = [
        training.run_stage(index, report=report, verbose=verbose, callbacks=callbacks)
        for index in range(len(recipe.stages))
    ]
    training.write(run, stages)
    return run


def open_datasets(recipe: Recipe) -> dict[str, TaskDataset]:
    """Opens and validates the files of every task: task name → dataset."""
    return {task.name: TaskDataset(task, base_folder=recipe.path.parent) for task in recipe.tasks}


def build_model(recipe: Recipe, datasets: Mapping[str, TaskDataset]) -> MultiTaskModel:
    """The recipe's model, untrained, every stage's plan checked against its layer groups."""
    encoder = TextEncoder.from_pretrained(
        recipe.encoder, max_length=recipe.max_length, dtype=recipe.precision
    )
    model = MultiTaskModel(encoder, [dataset.task for dataset in datasets.values()])
    for stage in recipe.stages:
        stage.freeze.frozen(list(model.layer_groups))
    return model


def evaluate_all(
    model: MultiTaskModel, datasets: Mapping[str, TaskDataset], split: str
) -> dict[str, dict]:
    """Task name → its metrics (see `evaluate`), for the tasks that have this split."""
    return {
        name: evaluate(model, dataset, split)
        for name, dataset in datasets.items()
        if split in dataset.counts
    }


def plan_table(recipe: Recipe, model: MultiTaskModel) -> list[dict]:
    """What each stage does to each layer group, lowest group first.

    Returns:
        Rows of `group`, `parameters` (a count) and `stages`: the learning rate in each stage,
        None where the group is frozen.
    """
    groups = list(model.layer_groups)
    frozen = [stage.freeze.frozen(groups) for stage in recipe.stages]
    rates = [stage.learning_rate.by_group(groups) for stage in recipe.stages]
    return [
        {
            "group": row.group,
            "parameters": row.parameters,
            "stages": [
                None if row.group in cold else by_group[row.group]
                for cold, by_group in zip(frozen, rates, strict=True)
            ],
        }
        for row in trainability(model)
    ]


@dataclass(frozen=True)
class Training:
    """A model on its way through the stages of a recipe.

    Args:
        recipe: the stages, schedule, batch size and seed.
        datasets: task name → its files.
        model: what is trained.
    """

    recipe: Recipe
    datasets: Mapping[str, TaskDataset]
    model: MultiTaskModel

    def run_stage(
        self,
        index: int,
        *,
        report: Callable[[str], None] = print,
        verbose: int | str = "auto",
        callbacks: Sequence[keras.callbacks.Callback] = (),
    ) -> dict:
        """Trains one stage.

        Returns:
            `freeze`, `seconds`, `history` (name → a value an epoch), `learning_rates` by layer
            and `groups`, the trainability table.
        """
        stage = self.recipe.stages[index]
        first_epoch = sum(each.epochs for each in self.recipe.stages[:index])
        stage.freeze.apply(self.model)
        self._compile(stage)
        report(f"stage {index + 1} of {len(self.recipe.stages)}: {self._in_words(stage)}")
        started = time.perf_counter()
        history = self.model.fit(
            self._training_batches(first_epoch),
            validation_data=self._validation_batches(),
            initial_epoch=first_epoch,
            epochs=first_epoch + stage.epochs,
            verbose=verbose,
            callbacks=list(callbacks),
        )
        return {
            "freeze": stage.freeze.rule,
            "seconds": time.perf_counter() - started,
            "history": history.history,
            "learning_rates": self.model.optimizer.rates,
            "groups": [asdict(row) for row in trainability(self.model)],
        }

    def write(self, run: Run, stages: Sequence[Mapping]) -> None:
        """Evaluates the model and writes the run's files, `run.json` last."""
        run.write(RECIPE, lambda path: path.write_bytes(self.recipe.path.read_bytes()))
        run.write_json(HISTORY, {"stages": list(stages)})
        metrics = {
            split: evaluate_all(self.model, self.datasets, split)
            for split in ("validation", "test")
        }
        run.write_json(METRICS, metrics)
        run.write(MODEL, self.model.save)
        record = {
            "recipe_folder": str(self.recipe.path.parent),
            "tasks": {name: each.task.get_config() for name, each in self.datasets.items()},
            "examples": {name: dict(each.counts) for name, each in self.datasets.items()},
            "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        }
        run.write_json(RECORD, record)

    def _compile(self, stage: Stage) -> None:
        """A new optimizer with the stage's rates; layers that go on training keep their state."""
        rates = stage.learning_rate
        optimizer = layerwise_adamw(
            self.model, head_lr=rates.heads, backbone_lr=rates.backbone, decay=rates.decay
        )
        if self.model.compiled:
            optimizer.take_over(self.model.optimizer, self.model.trainable_variables)
        self.model.compile(
            optimizer,
            loss_weights=self.recipe.loss_weights,
            jit_compile=self.recipe.jit_compile,
        )

    def _training_batches(self, first_epoch: int) -> tf.data.Dataset:
        return interleave(
            self._batches("train", seed=self.recipe.seed + first_epoch),
            self.recipe.schedule,
            seed=self.recipe.seed,
            first_epoch=first_epoch,
            epochs=self.recipe.epochs,
        )

    def _validation_batches(self) -> tf.data.Dataset:
        return interleave(self._batches("validation", seed=0), Proportional())

    def _batches(self, split: str, seed: int) -> dict[str, tf.data.Dataset]:
        tokenizer = self.model.encoder.tokenizer
        return {
            name: batches(dataset, split, tokenizer, batch_size=self.recipe.batch_size, seed=seed)
            for name, dataset in self.datasets.items()
        }

    def _in_words(self, stage: Stage) -> str:
        rows = trainability(self.model)
        trains = sum(row.parameters for row in rows if row.trains)
        total = sum(row.parameters for row in rows)
        said = f"freeze {stage.freeze.rule}, epochs {stage.epochs}, "
        if not trains:
            return said + "everything is frozen: nothing will learn"
        return said + f"{trains:,} of {total:,} parameters train"
