"""Solves a tiny model's heads on one device and on two that mirror it; prints both as JSON."""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
sys.path.insert(0, str(Path(__file__).parents[1]))

import tensorflow as tf
from support.train_together import strategy_for


def solved(strategy: tf.distribute.Strategy, folder: Path) -> dict[str, list]:
    """Kernel and bias of every head, on every device."""
    import keras
    from support.every_kind import open_every_kind

    import mtl_keras as mtl
    from mtl_keras.distribution.replicas import copies
    from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
    from mtl_keras.encoders.transformer.config import EncoderConfig
    from mtl_keras.training.solving.heads import solve_heads

    datasets = open_every_kind(folder)
    keras.utils.set_random_seed(1)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefgh", *(f"##{c}" for c in "abcdefgh")]
    config = EncoderConfig(
        vocabulary_size=len(words),
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
    )
    with strategy.scope():
        encoder = mtl.TextEncoder(WordpieceTokenizer(words, lowercase=True), config)
        model = mtl.MultiTaskModel(encoder, [dataset.task for dataset in datasets.values()])
        solve_heads(model, datasets, list(datasets))
    return {
        name: [
            [copy.numpy().tolist() for copy in copies(variable)]
            for variable in (head.dense.kernel, head.dense.bias)
        ]
        for name, (head, *_) in model.layer_groups.heads.items()
    }


if __name__ == "__main__":
    mirrored, one = strategy_for("mirrored"), strategy_for("one")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps([solved(strategy, Path(folder)) for strategy in (one, mirrored)]))
