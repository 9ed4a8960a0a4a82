"""Trains a tiny model under a strategy, and prints what came of it as JSON.

`python train_together.py one|mirrored|workers`; the workers' cluster is in TF_CONFIG.
"""

import hashlib
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

BATCHES, EPOCHS = 7, 2


def strategy_for(kind: str) -> tf.distribute.Strategy:
    if kind == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        halves = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(cpu, halves)
        return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    if kind == "workers":
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.get_strategy()


def make_model(strategy: tf.distribute.Strategy):
    """Without dropout, which each replica draws for itself, and with an Adam that stays smooth.

    Adam divides by the gradient's size: where that is 0 but for rounding, its usual epsilon would
    make steps of rounding.
    """
    import keras

    import mtl_keras as mtl
    from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    from mtl_keras.encoders.transformer.config import EncoderConfig
    from mtl_keras.models.fused_adamw import FusedAdamW
    from mtl_keras.models.optimizers import LayerwiseOptimizer

    keras.utils.set_random_seed(1)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh"]
    config = EncoderConfig(
        vocabulary_size=len(words),
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        dropout=0.0,
    )
    tasks = [
        mtl.Task("topic", labels=["x", "y"]),
        mtl.Task("entities", kind="tagging", labels=["P"]),
        mtl.Task("tone", kind="multilabel", labels=["m", "n"]),
        mtl.Task("price", kind="regression"),
    ]
    with strategy.scope():
        encoder = mtl.TextEncoder(WordpieceTokenizer(words, lowercase=True), config)
        model = mtl.MultiTaskModel(encoder, tasks, head_dropout=0.0)
        adam = FusedAdamW(learning_rate=0.1, epsilon=1.0, weight_decay=0.01)
        model.compile(LayerwiseOptimizer(adam))
    return model


def make_batches() -> tf.data.Dataset:
    """Batches of one task and of two, of any length; the last has fewer rows than replicas."""
    generator = np.random.default_rng(0)

    def batch(number: int):
        rows = 1 if number == BATCHES - 1 else 8
        mask = np.arange(6) < generator.integers(2, 7, rows)[:, None]
        x = {
            "token_ids": generator.integers(4, 12, (rows, 6)).astype(np.int32) * mask,
            "padding_mask": mask,
        }
        labels = {
            "topic": generator.integers(0, 2, rows).astype(np.int32),
            "entities": generator.integers(0, 3, (rows, 6)).astype(np.int32),
            "tone": generator.integers(0, 2, (rows, 2)).astype(np.float32),
            "price": generator.normal(size=rows).astype(np.float32),
        }
        every = np.ones(rows, np.float32)
        weights = {
            "topic": every * (number % 3 == 0),
            "entities": mask.astype(np.float32) * (number % 3 == 1),
            "tone": every * (number % 3 == 2),
            "price": every * (number % 3 != 1),
        }
        return x, labels, weights

    batches = [batch(number) for number in range(BATCHES)]
    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), batches[0]
    )
    dataset = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)
    return dataset.apply(tf.data.experimental.assert_cardinality(BATCHES))


def dropouts(strategy: tf.distribute.Strategy) -> list[str]:
    """What each replica here keeps of 64 numbers."""
    from mtl_keras.encoders.transformer.dropout import Dropout

    with strategy.scope():
        layer = Dropout(0.5)
    kept = strategy.run(tf.function(lambda: layer(tf.ones(64), training=True)))
    return [
        "".join(str(int(value > 0)) for value in values.numpy())
        for values in strategy.experimental_local_results(kept)
    ]


def main(kind: str) -> None:
    strategy = strategy_for(kind)
    model = make_model(strategy)
    batches = make_batches()
    history = model.fit(batches, validation_data=batches, epochs=EPOCHS, verbose=0).history
    from mtl_keras.distribution.clusters import Cluster
    from mtl_keras.models.variables import metric_variables, values

    measured = values(metric_variables(model)) if Cluster.of_environment().is_chief else {}
    weights = b"".join(weight.numpy().tobytes() for weight in model.weights)
    result = {
        "history": {name: [float(value) for value in values] for name, values in history.items()},
        "weights": hashlib.sha256(weights).hexdigest(),
        "measured": {name: value.tolist() for name, value in measured.items()},
        "dropout": dropouts(strategy),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
