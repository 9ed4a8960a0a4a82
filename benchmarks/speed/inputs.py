"""What both sides read: the texts as plain files, and encoders in Hugging Face's format."""

import gzip
import itertools
import json
import random
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import work
from safetensors.numpy import save_file

from mtl_keras.errors import InputError
from mtl_keras.storage.writing import write_whole

sys.path.append(str(Path(__file__).parents[1]))
import learning_data

READY = "ready"
CORPUS = "corpus/enwiki_sentences.txt.gz"
SENTENCES_A_TEXT = 8  # sentences to tokenize for each text of a task
TEXTS_TO_ANSWER = 2 / 3  # for each text of a task
TOKENIZER_FILES = (
    "vocab.txt",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
SHAPE = {
    "architectures": ["BertModel"],
    "model_type": "bert",
    "vocab_size": 30522,
    "hidden_size": 128,
    "num_hidden_layers": 10,
    "num_attention_heads": 2,
    "intermediate_size": 512,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": work.DROPOUT,
    "attention_probs_dropout_prob": work.DROPOUT,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
}


def prepare(shared: Path, minilm: Path, folder: Path, num_texts: int) -> None:
    """Writes all inputs into a folder, once.

    `data`: for each task `<task>.train.jsonl` and, every tenth text, `<task>.validation.jsonl`,
    `labels.json`, `texts.txt` to answer and `sentences.txt` to tokenize, one a line. `minilm` and
    `l10_h128`: the encoders, the second with random weights: only its shape matters.

    Args:
        shared: folder with `data/` and `corpus/`.
        minilm: all-MiniLM-L6-v2 in Hugging Face's format.
        folder: where they go.
        num_texts: of each task.
    """
    check_shared(shared)
    if (folder / READY).exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "data"
    data.mkdir(parents=True)
    texts = [text for task in work.TASKS for text in _write_task(shared, data, task, num_texts)]
    labels = {task: _labels(data, task) for task in work.TASKS}
    (data / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    random.Random(0).shuffle(texts)
    _write_lines(data / "texts.txt", texts[: round(num_texts * TEXTS_TO_ANSWER)])
    _write_lines(data / "sentences.txt", _sentences(shared / CORPUS, num_texts * SENTENCES_A_TEXT))
    write_encoders(minilm, folder)
    write_whole(folder / READY, Path.touch)


def write_encoders(minilm: Path, folder: Path) -> None:
    """A copy of MiniLM, and a BERT of 10 blocks of width 128 with random weights."""
    trained, random_weights = (folder / encoder.folder for encoder in work.ENCODERS)
    shutil.copytree(minilm, trained)
    shutil.copytree(minilm, random_weights, ignore=_all_but_tokenizer)
    (random_weights / "config.json").write_text(json.dumps(SHAPE), encoding="utf-8")
    generator = np.random.default_rng(0)
    tensors = {
        name: _random_tensor(generator, name, shape) for name, shape in _shapes(SHAPE).items()
    }
    save_file(tensors, random_weights / "model.safetensors", metadata={"format": "pt"})


def _write_task(shared: Path, data: Path, task: str, num_texts: int) -> list[str]:
    """The texts of a task, their rows written; a text that spans lines cannot be a line."""
    rows, _ = learning_data.READERS[task](shared / "data")
    rows = [row for row in rows if "\n" not in row[0]]
    chosen = random.Random(0).sample(rows, min(num_texts, len(rows)))
    held_out = chosen[:: work.VALIDATION_SHARE]
    rest = [row for place, row in enumerate(chosen) if place % work.VALIDATION_SHARE]
    for split, part in (("train", rest), ("validation", held_out)):
        lines = (json.dumps({"text": text, "label": label}) for text, label in part)
        _write_lines(data / f"{task}.{split}.jsonl", lines)
    return [str(text) for text, _ in chosen]


def _labels(data: Path, task: str) -> list[str]:
    lines = (data / f"{task}.train.jsonl").read_text(encoding="utf-8").splitlines()
    return sorted({json.loads(line)["label"] for line in lines})


def _sentences(corpus: Path, count: int) -> list[str]:
    with gzip.open(corpus, "rt", encoding="utf-8", newline="\n") as lines:
        return [line.removesuffix("\n") for line in itertools.islice(lines, count)]


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _all_but_tokenizer(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name not in TOKENIZER_FILES]


def _shapes(config: dict) -> dict[str, tuple[int, ...]]:
    """Tensor → shape of a `BertModel`, pooler included."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    norm: dict[str, tuple[int, ...]] = {"weight": (hidden,), "bias": (hidden,)}
    parts: dict[str, dict[str, tuple[int, ...]]] = {
        "embeddings.word_embeddings": {"weight": (config["vocab_size"], hidden)},
        "embeddings.position_embeddings": {"weight": (config["max_position_embeddings"], hidden)},
        "embeddings.token_type_embeddings": {"weight": (config["type_vocab_size"], hidden)},
        "embeddings.LayerNorm": norm,
        "pooler.dense": _dense(hidden, hidden),
    }
    for block in (f"encoder.layer.{index}" for index in range(config["num_hidden_layers"])):
        for part in ("query", "key", "value"):
            parts[f"{block}.attention.self.{part}"] = _dense(hidden, hidden)
        parts[f"{block}.attention.output.dense"] = _dense(hidden, hidden)
        parts[f"{block}.attention.output.LayerNorm"] = norm
        parts[f"{block}.intermediate.dense"] = _dense(inner, hidden)
        parts[f"{block}.output.dense"] = _dense(hidden, inner)
        parts[f"{block}.output.LayerNorm"] = norm
    return {
        f"{part}.{name}": shape for part, shapes in parts.items() for name, shape in shapes.items()
    }


def _dense(rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {"weight": (rows, columns), "bias": (rows,)}


def _random_tensor(generator, name: str, shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) == 2:
        return generator.normal(0.0, 0.02, shape).astype(np.float32)
    return np.full(shape, float(name.endswith("LayerNorm.weight")), np.float32)


def check_shared(shared: Path) -> None:
    """Raises `InputError` where the public data is not there."""
    for name in ("data", CORPUS):
        if not (shared / name).exists():
            raise InputError(
                f"{shared / name}: no such file; give the folder of the public data with --shared"
            )
