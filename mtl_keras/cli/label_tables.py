"""How often each label occurs: one row per label, one column per split."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mtl_keras.cli.console import print_table
from mtl_keras.display import show

if TYPE_CHECKING:
    from mtl_keras.data.task_dataset import TaskDataset

MOST_LABELS = 50  # that are printed for a task


def label_counts(datasets: Mapping[str, "TaskDataset"]) -> dict[str, dict[str, dict[str, int]]]:
    """Task → label → split → count. Includes labels that do not occur in training."""
    return {
        name: {
            label: {split: counts[label] for split, counts in dataset.label_counts.items()}
            for label in _labels_of(dataset)
        }
        for name, dataset in datasets.items()
        if dataset.task.label_kind.has_labels
    }


def print_label_counts(datasets: Mapping[str, "TaskDataset"]) -> None:
    """Prints one table per task, with at most `MOST_LABELS` rows."""
    for name, by_label in label_counts(datasets).items():
        rows: list[dict[str, Any]] = [
            {f"label of {name}": label} | by_split for label, by_split in by_label.items()
        ]
        show("")
        print_table(rows[:MOST_LABELS], intfmt=",", disable_numparse=[0])
        if len(rows) > MOST_LABELS:
            show(f"… and {len(rows) - MOST_LABELS:,} more")


def _labels_of(dataset: "TaskDataset") -> Iterator[str]:
    yield from dataset.task.labels
    more = (label for labels in dataset.more_labels.values() for label in labels)
    yield from dict.fromkeys(more)
