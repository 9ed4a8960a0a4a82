"""The table of `docs/how-to/encoders.md`: sizes, what plans freeze, speed, parity.

`python benchmarks/encoders.py [NAME …]` prints it in Markdown. Every encoder is built in its real
shape with random weights, which take the same time; the parity error is the largest of any token
vector of `tests/checkpoints`, small models of the same family that their own libraries wrote.
"""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from mtl_keras.encoders.pretrained.families import (
    DISTILBERT,
    ELECTRA,
    GPT_2,
    GPT_NEO,
    HF_BERT,
    TF_HUB_BERT,
)
from mtl_keras.encoders.pretrained.family import Family
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.encoders.transformer.transformer import (
    build_transformer,
    layer_groups,
)
from mtl_keras.plans.freeze_plan import FreezePlan

CHECKPOINTS = Path(__file__).parent.parent / "tests/checkpoints"
BATCH, LENGTH, TEXTS = 32, 32, 1000
PASSES = 12
BASE = {"hidden_dim": 768, "num_layers": 12, "num_heads": 12, "intermediate_dim": 3072}
SIX = BASE | {"num_layers": 6}
MINILM = {"hidden_dim": 384, "num_layers": 6, "num_heads": 12, "intermediate_dim": 1536}
SMALL = {"hidden_dim": 128, "num_layers": 10, "num_heads": 2, "intermediate_dim": 512}
POOLER = {"pooler": True}
LOCAL = {"attention_windows": [0, 256] * 6, "max_position": 2048}


@dataclass(frozen=True)
class Row:
    """An encoder: its name, source, licence, family, shape, and the small model of its family."""

    name: str
    source: str
    licence: str
    family: Family
    vocabulary_size: int
    shape: dict
    checkpoint: str | None

    def config(self) -> EncoderConfig:
        """Its real shape."""
        settings = {**self.family.settings, **self.shape}
        return EncoderConfig(vocabulary_size=self.vocabulary_size, **settings)


HUB_HANDLE = "tensorflow/bert (TF Hub)"
ROWS = (
    Row("all-MiniLM-L6-v2", "its package", "Apache-2.0", HF_BERT, 30522, MINILM, None),
    Row("BERT L-10 H-128", HUB_HANDLE, "Apache-2.0", TF_HUB_BERT, 30522, SMALL | POOLER, None),
    Row("DistilBERT", "hf://distilbert/distilbert-base-uncased", "Apache-2.0", DISTILBERT, 30522,
        SIX, "distilbert"),
    Row("FinBERT", "hf://ProsusAI/finbert", "none stated", HF_BERT, 30522, BASE | POOLER,
        "finbert"),
    Row("BioBERT", "hf://dmis-lab/biobert-v1.1", "none stated", HF_BERT, 28996, BASE | POOLER,
        "biobert"),
    Row("GPT-2", "hf://openai-community/gpt2", "MIT", GPT_2, 50257, BASE | {"max_position": 1024},
        "gpt2"),
    Row("GPT-Neo 125M", "hf://EleutherAI/gpt-neo-125M", "MIT", GPT_NEO, 50257, BASE | LOCAL,
        "gpt_neo"),
    Row("ELECTRA base", "hf://google/electra-base-discriminator", "Apache-2.0", ELECTRA, 30522,
        BASE, "electra"),
)  # fmt: skip
HEADER = (
    "| encoder | source | licence | parameters | embeddings | `lowest:<half>` freezes | "
    "`top:2` freezes | 1,000 texts | parity |"
)


def cells(row: Row) -> Iterator[str]:
    """The row's cells, from left to right."""
    yield from (row.name, f"`{row.source}`" if "://" in row.source else row.source, row.licence)
    transformer = build_transformer(row.config())
    yield from shares(transformer, row.config().num_layers)
    yield f"{seconds(transformer):.1f} s"
    yield f"{parity(row.checkpoint):.0e}" if row.checkpoint else "see above"


def shares(transformer, num_layers: int) -> Iterator[str]:
    """Parameters, the embeddings' share of them, and that of what plans freeze."""
    sizes = {
        name: sum(weight.value.shape.num_elements() for layer in layers for weight in layer.weights)
        for name, layers in layer_groups(transformer).items()
    }
    total = sum(sizes.values())
    groups = [*sizes, "heads/task"]
    yield f"{total / 1e6:.1f} M"
    yield f"{sizes['embeddings'] / total:.0%}"
    half = num_layers // 2
    for plan, shown in ((FreezePlan.lowest(half), f"k = {half}: "), (FreezePlan.top(2), "")):
        if num_layers == 1:
            yield "one block"
            continue
        frozen = sum(sizes[group] for group in plan.frozen(groups))
        yield f"{shown}{frozen / total:.0%}"


def seconds(transformer) -> float:
    """For 1,000 texts of 32 tokens, by the fastest of some batches of 32."""
    inputs = {
        "token_ids": tf.ones((BATCH, LENGTH), tf.int32),
        "padding_mask": tf.ones((BATCH, LENGTH), tf.bool),
    }
    forward = tf.function(transformer, autograph=False)
    times = []
    for _ in range(PASSES):
        begin = time.perf_counter()
        forward(inputs)["sentence_embedding"].numpy()
        times.append(time.perf_counter() - begin)
    return min(times) * TEXTS / BATCH


def parity(checkpoint: str) -> float:
    """The largest error of a token vector of the family's small model."""
    folder = CHECKPOINTS / checkpoint
    texts = json.loads((folder / "expected.json").read_text(encoding="utf-8"))["texts"]
    arrays = np.load(folder / "expected.npz")
    expected = np.split(arrays["sequence"], np.cumsum(arrays["lengths"])[:-1])
    encoder = TextEncoder.from_pretrained(str(folder), max_length=48)
    result = encoder.encode(texts, ("sequence_output",))["sequence_output"]
    pairs = zip(result, expected, strict=False)
    return max(float(np.abs(row[: len(expected)] - expected).max()) for row, expected in pairs)


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(2)
    print(HEADER)
    print("|" + " --- |" * 3 + " ---: |" * 6)
    chosen = [row for row in ROWS if not sys.argv[1:] or row.name in sys.argv[1:]]
    for row in chosen:
        print("| " + " | ".join(cells(row)) + " |", flush=True)


if __name__ == "__main__":
    main()
