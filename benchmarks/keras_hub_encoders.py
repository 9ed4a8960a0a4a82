"""The tables of KerasHub's encoders in the pages: sizes, what plans freeze, distance from KerasHub.

`python benchmarks/keras_hub_encoders.py [NAME …]`, with KerasHub installed. Each is built in the
shape of its preset; the parity error is that of a small random preset, written and answered by
KerasHub (`tests/presets.py`).
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras_hub
import numpy as np
import tensorflow as tf

from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.keras_hub import KerasHubConfig, as_transformer

sys.path += [str(Path(__file__).parent), str(Path(__file__).parent.parent / "tests")]

from encoders import BASE, shares
from support.presets import LENGTH, write_preset

SMALL = {"hidden_dim": 256, "num_layers": 12, "num_heads": 4, "intermediate_dim": 1024}


@dataclass(frozen=True)
class Row:
    """An encoder: its name, preset, licence, backbone in `keras_hub.models`, and shape."""

    name: str
    preset: str
    licence: str
    kind: str
    shape: dict


ROWS = (
    Row("RoBERTa base", "roberta_base_en", "MIT", "Roberta",
        BASE | {"vocabulary_size": 50265}),
    Row("XLM-R base", "xlm_roberta_base_multi", "MIT", "XLMRoberta",
        BASE | {"vocabulary_size": 250002}),
    Row("DeBERTa-v3 small", "deberta_v3_small_en", "MIT", "DebertaV3",
        BASE | {"num_layers": 6, "vocabulary_size": 128100}),
    Row("ELECTRA small", "electra_small_discriminator_uncased_en", "Apache-2.0", "Electra",
        SMALL | {"vocab_size": 30522, "embedding_dim": 128}),
    Row("ALBERT base", "albert_base_en_uncased", "Apache-2.0", "Albert",
        BASE | {"vocabulary_size": 30000, "embedding_dim": 128}),
)  # fmt: skip

HEADER = (
    "| encoder | source | licence | parameters | embeddings | `lowest:<half>` freezes | "
    "`top:2` freezes | parity |"
)


def cells(row: Row) -> Iterator[str]:
    """The row's cells, from left to right."""
    assert row.preset in keras_hub.models.Backbone.presets, row.preset
    backbone = getattr(keras_hub.models, f"{row.kind}Backbone")(**row.shape)
    config = KerasHubConfig.of(backbone)
    yield from (row.name, f"`keras_hub://{row.preset}`", row.licence)
    yield from shares(as_transformer(backbone, config), config.num_layers)
    yield f"{parity(row.kind):.0e}"


def parity(kind: str) -> float:
    """The largest error of a token vector of a small random preset."""
    with tempfile.TemporaryDirectory() as folder:
        preset = str(write_preset(keras_hub, kind, Path(folder, kind)))
        encoder = TextEncoder.from_pretrained(preset, max_length=LENGTH)
        backbone = keras_hub.models.Backbone.from_preset(preset)
    texts = ["Naïve café, crème brûlée: déjà vu!", "a", "the quick brown fox " * 40]
    names = ("sequence_output", "token_ids", "padding_mask")
    ours = encoder.encode(texts, names)
    inputs = {tensor.name: ours.get(tensor.name, np.zeros_like(ours["token_ids"]))
              for tensor in backbone.inputs}  # fmt: skip
    theirs = backbone(inputs)
    theirs = theirs["sequence_output"] if isinstance(theirs, dict) else theirs
    error = np.abs(np.array(theirs) - ours["sequence_output"])
    return float(error[ours["padding_mask"]].max())


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(2)
    print(HEADER)
    print("|" + " --- |" * 3 + " ---: |" * 5)
    chosen = [row for row in ROWS if not sys.argv[1:] or row.name in sys.argv[1:]]
    for row in chosen:
        print("| " + " | ".join(cells(row)) + " |", flush=True)


if __name__ == "__main__":
    main()
