"""Solved heads beside scikit-learn's logistic regression, on the same features of a frozen encoder.

    python benchmarks/solved_heads.py WORK [--examples 1000] [--tasks topic sentiment …]

Needs `../shared/data`. It writes the tasks' files into WORK (`learning_data.py`), solves a head for
each task on every level of all-MiniLM-L6-v2, and prints a Markdown table: the level that `reads:
auto` chooses and the score of its head on the test split; the best score of any level there; that
of scikit-learn's `LogisticRegressionCV` (C from 1e-4 to 1e4, five folds, features scaled, as for
the head) on the features of the chosen level; the seconds that encoding took, and solving all
levels. Scores are accuracy, of entities and slots the F1 of spans. Seeds play no part but in the
folds.
"""

import argparse
import time
import warnings
from pathlib import Path

import learning_data
import numpy as np
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mtl_keras as mtl
from mtl_keras.encoders.levels import levels_of
from mtl_keras.models.kinds.probabilities import class_probabilities
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.training.solving.depth import best_block, solve_levels
from mtl_keras.training.solving.rows import Rows

SHARED = Path(__file__).parents[2] / "shared"
COLUMNS = (
    "task",
    "examples",
    "level",
    "solved",
    "best level",
    "scikit-learn",
    "encoding",
    "solving",
)


def main() -> None:
    """Prints the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--tasks", nargs="+", default=list(learning_data.TASKS))
    parser.add_argument("--shared", type=Path, default=SHARED)
    options = parser.parse_args()
    learning_data.write(options.shared, options.work, num_examples=options.examples)
    encoder = mtl.TextEncoder.from_pretrained("all-MiniLM-L6-v2", max_length=96)
    print("|", " | ".join(COLUMNS), "|\n|", " | ".join("---" for _ in COLUMNS), "|", flush=True)
    for name in options.tasks:
        print("|", " | ".join(row(encoder, options.work, name)), "|", flush=True)


def row(encoder: mtl.TextEncoder, work: Path, name: str) -> list[str]:
    """The table's cells for a task."""
    kind = "tagging" if name in learning_data.TAGGING else "classification"
    files = {split: learning_data.path(work, name, split) for split in learning_data.SPLITS}
    dataset = mtl.TaskDataset(mtl.Task(name, kind, files=files))
    started, levels = time.perf_counter(), levels_of(encoder)
    train, validation, test = (
        Rows.of(encoder, dataset, split, levels) for split in learning_data.SPLITS
    )
    encoded = time.perf_counter()
    solutions = {head.level: head for head in solve_levels(train, validation, levels, seed=0)}
    solved = time.perf_counter()
    chosen = best_block(list(solutions.values()), dataset.task)
    scores = {
        level: score(test, kind_of(test.task).link.outputs(solution.head(test.levels[level])))
        for level, solution in solutions.items()
    }
    best = max(scores, key=scores.__getitem__)
    cells = [
        f"{scores[chosen]:.3f}",
        f"{scores[best]:.3f} ({best})",
        f"{score(test, peer(train, test, chosen)):.3f}",
        f"{encoded - started:.1f} s",
        f"{solved - encoded:.1f} s",
    ]
    return [name, f"{dataset.counts['train']:,}", chosen, *cells]


def peer(train: Rows, test: Rows, level: str) -> np.ndarray:
    """The probabilities that scikit-learn's classifier gives the test rows, `(rows, classes)`."""
    classifier = LogisticRegressionCV(Cs=10, cv=5, max_iter=1000)
    model = make_pipeline(StandardScaler(), classifier)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rare classes are in few folds
        model.fit(train.levels[level], train.labels)
    return class_probabilities(model, test.levels[level], test.task.num_outputs)


def score(rows: Rows, outputs: np.ndarray) -> float:
    """The task's metric of these outputs."""
    return kind_of(rows.task).measured(rows.task, rows.scored(outputs))[rows.task.metric]


if __name__ == "__main__":
    main()
