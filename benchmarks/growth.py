"""How cost grows with the batch, the length, the tasks, and the texts.

    python benchmarks/growth.py [--rounds 9] [--output benchmarks/growth]

all-MiniLM-L6-v2; every figure is the median of all rounds, in which the sizes take turns:

* answering (`serving_default`) and training (a step, nothing frozen) over texts a batch, word
  pieces a text, and tasks;
* training heads alone for ten epochs, from files to the trained model, over the number of texts,
  beside one epoch of it: what is frozen is computed once.

Writes `<output>.json` and `<output>.svg`.
"""

import argparse
import functools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.ticker import FuncFormatter, LogLocator

import mtl_keras as mtl
from mtl_keras.export.saved_model.signatures import signature_functions
from mtl_keras.reports.drawing import (
    INK,
    PALE,
    WIDTH,
    add_panel,
    blank_figure,
    house_style,
    to_svg,
)
from mtl_keras.storage.writing import write_whole
from mtl_keras.training.train_recipe import train

BATCHES, LENGTHS, TASKS, TEXTS = (1, 4, 16, 32, 64), (8, 32, 64, 128), (1, 2, 5), (250, 1000)
BATCH, LENGTH = 32, 32  # where the other grows
WORD = "fine "  # one word piece
MAX_LENGTH = 128

Times = dict[str, dict[int, float]]  # name of a line → size → seconds


def main() -> None:
    """Measures, draws, and writes both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/growth"))
    options = parser.parse_args()
    result = {
        "texts a batch": _of_batches(options.rounds),
        "word pieces a text": _of_lengths(options.rounds),
        "tasks": _of_tasks(options.rounds),
        "texts": _of_texts(),
    }
    for ending, text in (
        (".json", json.dumps(result, indent=1) + "\n"),
        (".svg", to_svg(picture(result))),
    ):
        path = options.output.with_suffix(ending)
        write_whole(path, functools.partial(_write_text, text=text))


def _of_batches(rounds: int) -> Times:
    model = _model(2)
    return _sides(model, [(size, size, LENGTH) for size in BATCHES], rounds)


def _of_lengths(rounds: int) -> Times:
    return _sides(_model(2), [(length, BATCH, length) for length in LENGTHS], rounds)


def _of_tasks(rounds: int) -> Times:
    calls = {count: _calls(_model(count), BATCH, LENGTH) for count in TASKS}
    return _by_side(calls, rounds)


def _of_texts() -> Times:
    """Seconds from files to a trained model."""
    result: Times = {"1 epoch": {}, "10 epochs": {}}
    for count in TEXTS:
        for name, epochs in (("1 epoch", 1), ("10 epochs", 10)):
            with tempfile.TemporaryDirectory() as folder:
                recipe = mtl.load_recipe(_recipe(Path(folder), count, epochs))
                started = time.perf_counter()
                train(recipe, Path(folder, "run"), report=lambda line: None, verbose=0)
                result[name][count] = time.perf_counter() - started
    return result


def _sides(model: mtl.MultiTaskModel, sizes: Sequence[tuple[int, int, int]], rounds: int) -> Times:
    """Both lines over sizes `(size, texts, word pieces)`."""
    return _by_side({size: _calls(model, *shape) for size, *shape in sizes}, rounds)


def _by_side(calls: Mapping[int, Mapping[str, Callable[[], object]]], rounds: int) -> Times:
    names = next(iter(calls.values()))
    return {
        name: _in_turn({size: call[name] for size, call in calls.items()}, rounds) for name in names
    }


def _in_turn(calls: Mapping[int, Callable[[], object]], rounds: int) -> dict[int, float]:
    """Size → median seconds of its call."""
    seconds: dict[int, list[float]] = {size: [] for size in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for size, call in calls.items():
            started = time.perf_counter()
            call()
            seconds[size].append(time.perf_counter() - started)
    return {size: statistics.median(durations) for size, durations in seconds.items()}


def _calls(model: mtl.MultiTaskModel, texts: int, length: int) -> dict[str, Callable[[], object]]:
    """Answers a batch of this many texts and word pieces each; trains a step on it."""
    text = tf.constant([(WORD * (length - 2)).strip()] * texts)
    serve = _serving(model)
    ids = model.encoder.tokenizer(text).token_ids.to_tensor()
    assert ids.shape == (texts, length)
    inputs = {"token_ids": ids, "padding_mask": tf.ones(ids.shape, tf.bool)}
    labels = dict.fromkeys(model.tasks, tf.zeros(texts, tf.int32))
    weights = dict.fromkeys(model.tasks, tf.ones(texts))
    batch = tf.data.Dataset.from_tensors((inputs, labels, weights)).repeat()
    iterator = iter(batch)
    step = model.make_train_function()
    return {
        "answering": lambda: [tensor.numpy() for tensor in serve(text).values()],
        "training": lambda: float(step(iterator)["loss"]),
    }


@functools.cache
def _serving(model: mtl.MultiTaskModel) -> Callable:
    return signature_functions(model)["serving_default"]


@functools.cache
def _model(tasks: int) -> mtl.MultiTaskModel:
    keras.utils.set_random_seed(0)
    encoder = mtl.TextEncoder.from_pretrained("all-MiniLM-L6-v2", max_length=MAX_LENGTH)
    names = [f"task_{number}" for number in range(tasks)]
    model = mtl.MultiTaskModel(encoder, [mtl.Task(name, labels=["a", "b"]) for name in names])
    model.compile(mtl.layerwise_adamw(model))
    return model


def _recipe(folder: Path, count: int, epochs: int) -> Path:
    random = np.random.default_rng(0)
    words = ["fine", "broken", "late", "parcel", "account", "city", "paid", "twice"]
    rows = [f"{i} {' '.join(random.choice(words, LENGTH - 4))},{'ab'[i % 2]}" for i in range(count)]
    Path(folder, "data.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    stages = [{"freeze": "backbone", "epochs": epochs}]
    recipe = {
        "encoder": "all-MiniLM-L6-v2",
        "tasks": {"one": {"files": {"train": "data.csv"}}},
        "training": {"stages": stages},
    }
    path = Path(folder, "recipe.yaml")
    path.write_text(json.dumps(recipe), encoding="utf-8")
    return path


@house_style()
def picture(times_of: Mapping[str, Times]):
    """A panel for each thing that grows: seconds over its size, both axes logarithmic."""
    panel, gap = 84, 42
    figure = blank_figure(24 + len(times_of) * (panel + gap), "Seconds as it grows")
    for row, (size, lines) in enumerate(reversed(times_of.items())):
        axes = add_panel(figure, 36, 30 + row * (panel + gap), WIDTH - 36 - 62, panel)
        axes.set(xscale="log", yscale="log", xlabel=size)
        for (name, times), style in zip(lines.items(), ("o-", "s--"), strict=True):
            sizes = [int(time) for time in times]
            axes.plot(sizes, list(times.values()), style, color=INK, markersize=3.5)
            axes.annotate(
                name, (sizes[-1], times[list(times)[-1]]), (5, 0), textcoords="offset points",
                va="center", annotation_clip=False,
            )  # fmt: skip
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
        axes.minorticks_off()
        axes.tick_params(colors=PALE)
    return figure


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
