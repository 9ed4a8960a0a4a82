"""What XLA's compilation of a training step costs, in word pieces that could be trained on instead.

    python benchmarks/compilation.py [FREEZE …]

all-MiniLM-L6-v2 with two heads, batches of 32 texts of 32 random word pieces, for each freeze plan
(`none`, `top:2` and `backbone` where none is given) a JSON line: seconds of a plain step, of a
compiled one and of compiling one more shape, the best of several, on the wall and of the processor
(all cores together, which other work on the machine disturbs less), and
`compiled_pieces` = compilation ÷ (compiled step ÷ 1,024), which `COMPILED_PIECES` stands for.
"""

import json
import sys
import time

import numpy as np
import tensorflow as tf

import mtl_keras as mtl

TEXTS, LENGTH, STEPS, SHAPES = 32, 32, 5, 3
TASKS = {"topic": 4, "sentiment": 2}  # → labels


def main() -> None:
    encoder = mtl.TextEncoder.from_pretrained("all-MiniLM-L6-v2", max_length=128)
    tasks = [mtl.Task(name, labels=[*map(str, range(n))]) for name, n in TASKS.items()]
    model = mtl.MultiTaskModel(encoder, tasks)
    for freeze in sys.argv[1:] or ("none", "top:2", "backbone"):
        mtl.FreezePlan(freeze).apply(model)
        plain, _ = _measured(model, jit_compile=False)
        compiled, compilation = _measured(model, jit_compile=True)
        print(
            json.dumps(
                {
                    "freeze": freeze,
                    "clock": ["wall", "processor"],
                    "step_seconds": plain.round(3).tolist(),
                    "compiled_step_seconds": compiled.round(3).tolist(),
                    "compilation_seconds": compilation.round(2).tolist(),
                    "compiled_pieces": (compilation / compiled * TEXTS * LENGTH).round().tolist(),
                }
            ),
            flush=True,
        )


def _measured(model: mtl.MultiTaskModel, *, jit_compile: bool) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of a step, and of what the first of a new shape takes beyond that."""
    model.compile(mtl.layerwise_adamw(model), jit_compile=jit_compile)
    step = model.make_train_function()
    _seconds(step, LENGTH, 1)  # traces it
    best = np.min(_seconds(step, LENGTH, STEPS), axis=0)
    shapes = [LENGTH + 4 * number for number in range(1, SHAPES + 1)]
    firsts = [_seconds(step, length, 1)[0] - best * length / LENGTH for length in shapes]
    return best, np.min(firsts, axis=0)


def _seconds(step, length: int, count: int) -> np.ndarray:
    """Seconds of `count` steps, each on the wall and of the processor `(steps, 2)`."""
    spec = tf.nest.map_structure(_open, _batch(length))
    batches = tf.data.Dataset.from_generator(
        lambda: (_batch(length) for _ in range(count)), output_signature=spec
    )
    iterator, results = iter(batches), []
    for _ in range(count):
        before = np.array([time.perf_counter(), time.process_time()])
        float(step(iterator)["loss"])
        results.append(np.array([time.perf_counter(), time.process_time()]) - before)
    return np.array(results)


def _batch(length: int) -> tuple:
    token_ids = np.random.default_rng(0).integers(1000, 30_000, (TEXTS, length)).astype(np.int32)
    x = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids, bool)}
    labels = {name: np.zeros(TEXTS, np.int32) for name in TASKS}
    return x, labels, {name: np.ones(TEXTS, np.float32) for name in TASKS}


def _open(array: np.ndarray) -> tf.TensorSpec:
    """Of any number of rows, of any length."""
    return tf.TensorSpec([None] * array.ndim, array.dtype)


if __name__ == "__main__":
    main()
