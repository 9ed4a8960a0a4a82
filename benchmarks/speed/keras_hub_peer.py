"""Stock KerasHub: `BertBackbone` with a head a task, trained by Keras `fit`.

One model with two outputs; every batch holds texts of both tasks, those of the other task with
weight 0, so that the encoder sees each text once an epoch. All batches have one shape, padded to
`max_length` by KerasHub's preprocessor, and Keras decides itself whether XLA compiles them. What
is left of the last batch is filled with texts of weight 0, or XLA would compile a second shape.
"""

from pathlib import Path

import keras
import keras_hub
import measure
import numpy as np
import tensorflow as tf
import work
from work import Job, Stage

METRIC = "accuracy"


def train(job: Job) -> dict[str, float]:
    """Files → a trained model on the disk; validation accuracy by task."""
    keras.utils.set_random_seed(0)
    backbone = keras_hub.models.BertBackbone.from_preset(job.encoder)
    model = _model(job, backbone)
    texts, held_out = _dataset(job, "train"), _dataset(job, "validation")
    best = keras.callbacks.ModelCheckpoint(
        str(Path(job.scratch, "best.weights.h5")), save_best_only=True, save_weights_only=True
    )
    done = 0
    for stage in job.stages:
        _freeze(backbone, stage)
        _compile(model)
        epochs = {"initial_epoch": done, "epochs": done + stage.epochs}
        model.fit(texts, validation_data=held_out, callbacks=[best], verbose=0, **epochs)
        done += stage.epochs
    model.load_weights(best.filepath)
    model.save(Path(job.scratch, "model.keras"))
    result = model.evaluate(held_out, return_dict=True, verbose=0)
    return {task: float(result[f"{task}_{METRIC}"]) for task in work.TASKS}


def settings(job: Job) -> dict:
    """How it was set up."""
    return {
        "model": "BertBackbone.from_preset, mean pooling, dropout, a Dense layer a task",
        "padding": f"to {work.MAX_LENGTH}",
        "jit_compile": "auto",
        "optimizer": f"AdamW, {work.LEARNING_RATES['encoder']}, decay {work.WEIGHT_DECAY}",
        "batch_size": work.BATCH_SIZE,
        "versions": measure.versions("keras-hub", "keras", "tensorflow"),
    }


def _model(job: Job, backbone: keras_hub.models.BertBackbone) -> keras.Model:
    vectors = backbone.output["sequence_output"]
    pooled = keras.layers.GlobalAveragePooling1D()(vectors, mask=backbone.input["padding_mask"])
    dropped = keras.layers.Dropout(work.DROPOUT)(pooled)
    heads = {
        task: keras.layers.Dense(len(measure.labels(job, task)), name=task)(dropped)
        for task in work.TASKS
    }
    return keras.Model(backbone.input, heads)


def _freeze(backbone: keras_hub.models.BertBackbone, stage: Stage) -> None:
    backbone.trainable = True
    if stage.top is not None:
        lowest = backbone.num_layers - stage.top
        thawed = {f"transformer_layer_{index}" for index in range(lowest, backbone.num_layers)}
        for layer in backbone.layers:
            layer.trainable = layer.name in thawed


def _compile(model: keras.Model) -> None:
    """A new optimizer: one that was built while layers were frozen has no state for them."""
    model.compile(
        keras.optimizers.AdamW(work.LEARNING_RATES["encoder"], weight_decay=work.WEIGHT_DECAY),
        loss=dict.fromkeys(
            work.TASKS, keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        ),
        weighted_metrics={task: [METRIC] for task in work.TASKS},
    )


def _dataset(job: Job, split: str) -> tf.data.Dataset:
    """Batches of `(inputs, labels by task, weights by task)`, preprocessed once."""
    texts, labels, owners = _examples(job, split)
    preprocessor = keras_hub.models.BertTextClassifierPreprocessor.from_preset(
        job.encoder, sequence_length=work.MAX_LENGTH
    )
    missing = -len(texts) % work.BATCH_SIZE
    inputs = preprocessor(texts + [""] * missing)
    classes, owner = np.array(labels + [0] * missing), np.array(owners + [-1] * missing)
    own = {task: owner == number for number, task in enumerate(work.TASKS)}
    targets = {task: np.where(mask, classes, 0) for task, mask in own.items()}
    weights = {task: mask.astype("float32") for task, mask in own.items()}
    dataset = tf.data.Dataset.from_tensor_slices((inputs, targets, weights))
    if split == "train":
        dataset = dataset.shuffle(len(owner), seed=0)
    return dataset.batch(work.BATCH_SIZE, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def _examples(job: Job, split: str) -> tuple[list[str], list[int], list[int]]:
    """The texts of both tasks, their classes, and the numbers of their tasks."""
    texts, classes, owners = [], [], []
    for number, task in enumerate(work.TASKS):
        names = measure.labels(job, task)
        result, labels = measure.read(job, task, split)
        texts += result
        classes += [names.index(label) for label in labels]
        owners += [number] * len(result)
    return texts, classes, owners


if __name__ == "__main__":
    measure.main({work.TRAIN: train}, settings)
