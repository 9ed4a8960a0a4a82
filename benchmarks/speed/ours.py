"""Our side: `mtl_keras.train` on a recipe, and the SavedModel that `export_saved_model` writes."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import measure
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  the SavedModel's tokenizer
import work
from work import Job

import mtl_keras as mtl
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.experiments.step_costs import StepCosts
from mtl_keras.training.train_recipe import train as train_recipe

CHUNK_SIZE = 1024
SHAPES = ((4096, 4096, 4096), (4096, 384, 1536), (1024, 384, 1536))  # of the products for the peak


def train(job: Job, callbacks: Sequence = ()) -> dict[str, float]:
    """A recipe's file → the run's folder, as `mtl-keras train` does it."""
    recipe = Path(job.scratch, "recipe.yaml")
    recipe.write_text(json.dumps(_recipe(job)), encoding="utf-8")
    run = train_recipe(
        mtl.load_recipe(recipe),
        Path(job.scratch, "run"),
        report=lambda line: None,
        verbose=0,
        callbacks=callbacks,
    )
    metrics = run.read_json("metrics.json")["validation"]
    return {task: metrics[task]["accuracy"] for task in work.TASKS}


def export(job: Job) -> None:
    """Writes the SavedModel that answers; its heads are untrained, which costs as much."""
    folder = Path(job.exports, "saved_model")
    shutil.rmtree(folder, ignore_errors=True)
    mtl.export_saved_model(_model(job), folder)


def answer(job: Job) -> measure.Answer:
    """Strings → every task's label and score, from `serving_default`."""
    loaded = tf.saved_model.load(str(Path(job.exports, "saved_model")))
    signature = loaded.signatures["serving_default"]

    def answers(texts: Sequence[str]) -> list[dict]:
        outputs = {name: tensor.numpy() for name, tensor in signature(tf.constant(texts)).items()}
        by_task = {
            task: [
                {"label": label.decode(), "score": score}
                for label, score in zip(
                    outputs[f"{task}/label"], outputs[f"{task}/score"].tolist(), strict=True
                )
            ]
            for task in work.TASKS
        }
        return [dict(zip(by_task, row, strict=True)) for row in zip(*by_task.values(), strict=True)]

    return answers


def tokenize(job: Job, sentences: Sequence[str]) -> Callable[[], int]:
    """Strings → padded batches, in `tf.data`, 1,024 texts a call, as training does."""
    vocabulary = Path(job.encoder, "vocab.txt").read_text(encoding="utf-8").removesuffix("\n")
    tokenizer = WordpieceTokenizer(
        vocabulary.split("\n"), lowercase=True, max_length=work.MAX_LENGTH
    )
    dataset = tf.data.Dataset.from_tensor_slices(tf.constant(sentences)).batch(CHUNK_SIZE)
    ragged = dataset.map(
        lambda texts: tokenizer(texts).token_ids, num_parallel_calls=tf.data.AUTOTUNE
    )
    padded = ragged.flat_map(_cut).prefetch(tf.data.AUTOTUNE)
    return lambda: int(padded.reduce(np.int64(0), _add_rows))


def operations(job: Job) -> int:
    """Products of the job's training and validation, of real word pieces alone, no padding."""
    model = _model(job)
    groups, lengths = (
        list(model.layer_groups),
        {
            (task, split): _lengths(model, job, task, split)
            for task in work.TASKS
            for split in ("train", "validation")
        },
    )
    total = 0
    for stage in job.stages:
        frozen = mtl.FreezePlan(_freeze(stage)).frozen(groups)
        for (task, split), of_split in lengths.items():
            costs = StepCosts(config=model.encoder.config, tasks=[model.tasks[task]], frozen=frozen)
            total += stage.epochs * sum(_text_flops(costs, split, length) for length in of_split)
    return total


def peak(job: Job) -> float:
    """Operations a second of the best of ten products, of large squares or of MiniLM's layers."""
    return max(_product_speed(*shape) for shape in SHAPES)


def _product_speed(rows: int, inner: int, columns: int) -> float:
    left, right = tf.random.normal((rows, inner)), tf.random.normal((inner, columns))
    product = tf.function(lambda: tf.matmul(left, right))
    best = min(measure.timed(lambda: product().numpy())[0] for _ in range(10))
    return 2 * rows * inner * columns / best


def settings(job: Job) -> dict:
    """The recipe that was trained, or how it answered."""
    versions = measure.versions("tensorflow", "keras", "tensorflow-text", "numpy")
    common = {"versions": versions, "cores": measure.num_cores()}
    if job.kind == work.TRAIN:
        named = replace(job, data="data", encoder=Path(job.encoder).name)  # wherever they are
        return common | {"face": "mtl_keras.train", "recipe": _recipe(named)}
    if job.kind in work.INFERENCE:
        return common | {"face": "serving_default of the SavedModel"}
    return common | {"face": f"WordpieceTokenizer in tf.data, {CHUNK_SIZE} texts a call"}


def _recipe(job: Job) -> dict:
    rates = work.LEARNING_RATES
    return {
        "encoder": job.encoder,
        "max_length": work.MAX_LENGTH,
        "tasks": {task: {"files": _files(job, task)} for task in work.TASKS},
        "training": {
            "batch_size": work.BATCH_SIZE,
            "weight_decay": work.WEIGHT_DECAY,
            "learning_rate": {"heads": rates["heads"], "backbone": rates["encoder"]},
            "stages": [{"freeze": _freeze(stage), "epochs": stage.epochs} for stage in job.stages],
        },
    }


def _files(job: Job, task: str) -> dict[str, str]:
    return {
        split: str(Path(job.data, f"{task}.{split}.jsonl")) for split in ("train", "validation")
    }


def _freeze(stage: work.Stage) -> str:
    """The stage's freeze plan."""
    if stage.top is None:
        return "none"
    return f"top:{stage.top}" if stage.top else "backbone"


def _model(job: Job) -> mtl.MultiTaskModel:
    encoder = mtl.TextEncoder.from_pretrained(job.encoder, max_length=work.MAX_LENGTH)
    return mtl.MultiTaskModel(
        encoder, [mtl.Task(task, labels=measure.labels(job, task)) for task in work.TASKS]
    )


def _lengths(model: mtl.MultiTaskModel, job: Job, task: str, split: str) -> list[int]:
    texts, _ = measure.read(job, task, split)
    return model.encoder.tokenizer(tf.constant(texts)).token_ids.row_lengths().numpy().tolist()


def _text_flops(costs: StepCosts, split: str, length: int) -> int:
    backward = costs.backward_flops((1, length)) if split == "train" else 0
    return costs.forward_flops((1, length)) + backward


def _cut(token_ids: tf.RaggedTensor) -> tf.data.Dataset:
    starts = tf.data.Dataset.range(0, token_ids.nrows(), work.BATCH_SIZE)
    return starts.map(lambda start: _padded(token_ids[start : start + work.BATCH_SIZE]))


def _padded(token_ids: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
    return token_ids.to_tensor(), tf.sequence_mask(token_ids.row_lengths())


def _add_rows(count: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    return count + tf.shape(batch[0], out_type=tf.int64)[0]


if __name__ == "__main__":
    measure.main(
        {
            work.TRAIN: train,
            work.ANSWER: answer,
            work.TOKENIZE: tokenize,
            work.EXPORT: export,
            work.OPERATIONS: operations,
            work.PEAK: peak,
        },
        settings,
    )
