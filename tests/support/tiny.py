"""Tiny encoders, files and recipes."""

from pathlib import Path

import numpy as np

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
VOCABULARY = [*SPECIAL, *"abcdefghijklmnopqrstuvwxyz.!", *(f"##{letter}" for letter in "abcdefg")]


def write_tiny_recipe(tmp_path: Path, tiny_bert: Path) -> Path:
    """Files of two tasks: texts that hold `aaa` are of topic `x`, and `aaa` is an entity."""
    generator = np.random.default_rng(0)
    for split, count in (("train", 200), ("test", 12)):
        words = [
            ["".join(generator.choice(list("bcdefg"), 3)) for _ in range(4)] for _ in range(count)
        ]
        for row, sentence in enumerate(words):
            if row % 2:
                sentence[row % 4] = "aaa"
        rows = [f"{' '.join(w)},{'x' if 'aaa' in w else 'y'}" for w in words]
        (tmp_path / f"{split}.csv").write_text("\n".join(["text,label", *rows]) + "\n")
        tagged = ["\n".join(f"{w}\t{'B-A' if w == 'aaa' else 'O'}" for w in s) for s in words]
        (tmp_path / f"{split}.conll").write_text("\n\n".join(tagged) + "\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(f"""\
encoder: {tiny_bert}
max_length: 16
tasks:
  topic:
    files: {{train: train.csv, test: test.csv}}
  entities:
    kind: tagging
    files: {{train: train.conll, test: test.conll}}
training:
  batch_size: 8
  stages:
    - {{freeze: backbone, epochs: 1, learning_rate: {{heads: 1.0e-2}}}}
    - {{freeze: none, epochs: 2, learning_rate: {{heads: 2.0e-2, backbone: 1.0e-2, decay: 0.9}}}}
""")
    return recipe


def of_one_task(recipe: Path) -> str:
    """The text of such a recipe without its second task."""
    task, rest = recipe.read_text().split("  entities:")
    return f"{task}training:{rest.split('training:')[1]}"


def bert_tensors(config: dict) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    width, wide = config["hidden_size"], config["intermediate_size"]

    def random(*shape: int) -> np.ndarray:
        return generator.normal(0, 0.3, shape).astype(np.float32)

    def norm(name: str) -> dict[str, np.ndarray]:
        return {f"{name}.weight": 1 + random(width), f"{name}.bias": random(width)}

    def dense(name: str, outputs: int, inputs: int) -> dict[str, np.ndarray]:
        return {f"{name}.weight": random(outputs, inputs), f"{name}.bias": random(outputs)}

    tensors = norm("embeddings.LayerNorm") | dense("pooler.dense", width, width)
    tables = {
        "word": config["vocab_size"],
        "position": config["max_position_embeddings"],
        "token_type": config["type_vocab_size"],
    }
    for name, rows in tables.items():
        tensors[f"embeddings.{name}_embeddings.weight"] = random(rows, width)
    for block in range(config["num_hidden_layers"]):
        prefix = f"encoder.layer.{block}"
        for part in ("query", "key", "value"):
            tensors |= dense(f"{prefix}.attention.self.{part}", width, width)
        tensors |= dense(f"{prefix}.attention.output.dense", width, width)
        tensors |= norm(f"{prefix}.attention.output.LayerNorm")
        tensors |= dense(f"{prefix}.intermediate.dense", wide, width)
        tensors |= dense(f"{prefix}.output.dense", width, wide) | norm(f"{prefix}.output.LayerNorm")
    return tensors
