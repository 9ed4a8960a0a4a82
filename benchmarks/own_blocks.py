"""What own blocks cost when a model is served.

    python benchmarks/own_blocks.py [--rounds 9]

Three tasks (two of whole texts, one of words) on all-MiniLM-L6-v2, untrained heads: the time of
`serving_default` on 32 texts of 16 words, of the model in which all blocks are shared and of models
with own blocks, in turn. It prints a Markdown table: medians, the ratio to the shared model, and
the MiB of the weights.
"""

import argparse
import statistics
import time

import tensorflow as tf

import mtl_keras as mtl
from mtl_keras.export.saved_model.signatures import signature_functions

TEXT = "I was charged twice for the blue kettle that never came to Leeds , and nobody answers"
TEXTS = [TEXT] * 32
TASKS = {"topic": "classification", "sentiment": "classification", "entities": "tagging"}
GROUP = mtl.OwnBlocks(2, ["topic", "sentiment"])
SHAPES = {
    "all blocks shared": {},
    "entities owns 2 of 6": {"entities": 2},
    "entities owns 2, the others own 2 together": {"entities": 2, "topic": GROUP},
    "each task owns 1": dict.fromkeys(TASKS, 1),
    "each task owns 2": dict.fromkeys(TASKS, 2),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    models = {name: _model(own) for name, own in SHAPES.items()}
    serving = {
        name: signature_functions(model)["serving_default"] for name, model in models.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in SHAPES}
    texts = tf.constant(TEXTS)
    for _ in range(options.rounds + 1):
        for name, function in serving.items():
            started = time.perf_counter()
            function(texts)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(of[1:]) for name, of in seconds.items()}
    print("| model | ms | ratio | MiB |\n| --- | ---: | ---: | ---: |")
    for name, median in medians.items():
        ratio = median / medians["all blocks shared"]
        mib = 4 * models[name].count_params() / 2**20
        print(f"| {name} | {1000 * median:.0f} | {ratio:.2f} | {mib:.0f} |")


def _model(own_blocks: dict) -> mtl.MultiTaskModel:
    tasks = [
        mtl.Task(name, kind, labels=["a", "b", "c"], own_blocks=own_blocks.get(name))
        for name, kind in TASKS.items()
    ]
    return mtl.MultiTaskModel("all-MiniLM-L6-v2", tasks)


if __name__ == "__main__":
    main()
