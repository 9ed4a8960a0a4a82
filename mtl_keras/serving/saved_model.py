"""An export in this process, asked as a function."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mtl_keras.encoders.length_sorting import length_sorted_batches
from mtl_keras.encoders.texts import checked_texts
from mtl_keras.errors import InputError, shown
from mtl_keras.export.saved_model.loading import (
    GRAPH,
    answering,
    export_in,
    forms_of,
    labels_of,
    load_signatures,
    tasks_of,
)
from mtl_keras.export.saved_model.served_answers import SERVING

if TYPE_CHECKING:
    from mtl_keras.data.task_dataset import TaskDataset
    from mtl_keras.evaluation.task_scores import TaskScores

BATCH_SIZE = 32


class SavedModel:
    """What `mtl_keras.publish` wrote, loaded by TensorFlow and tensorflow-text: no Keras model.

    Args:
        folder: of a version, or of the versions: then the newest.

    Attributes:
        folder: of the version.
        labels: task → its labels, of the tasks that have any.
        forms: task → the form of its answers.

    Raises:
        InputError: there is no export, or it is damaged.

    Example:

        tickets = SavedModel("saved_models/tickets")
        tickets(["I was charged twice."])  # as mtl_keras.answer
    """

    def __init__(self, folder: str | Path):
        export = export_in(Path(folder))
        if export is None:
            problem = "no export here" if Path(folder).is_dir() else "no such folder"
            raise InputError(
                f"{folder}: {problem}; give the folder that 'publish' or 'mtl-keras export' wrote: "
                f"{GRAPH} is in it, or in its numbered folders"
            )
        self.folder = export
        self._signatures = load_signatures(export)  # which go if nobody holds them
        self.labels = labels_of(self._signatures)
        self.forms = forms_of(self._signatures)
        self._answers = answering(self._signatures[SERVING], self.labels)

    def __call__(self, texts: Sequence[str], *, batch_size: int = BATCH_SIZE) -> list[dict]:
        """Every task's answer for each text, as `mtl_keras.answer`, in the order of the texts.

        Texts of similar length share a pass, so that little padding is computed.

        Args:
            texts: any strings.
            batch_size: texts a pass.

        Raises:
            InputError: what is not a list of strings; an item that is no text is named.
        """
        texts = checked_texts(texts)
        if not isinstance(batch_size, int) or batch_size < 1:
            raise InputError(
                f"batch_size must be a whole number from 1. Received: {shown(batch_size)}"
            )
        lengths = np.array([len(text) for text in texts], np.int64)
        answers: list[dict] = [{}] * len(texts)
        for rows in length_sorted_batches(lengths, lambda longest: batch_size):
            answers_of_batch = self._answers([texts[row] for row in rows])
            for row, answer in zip(rows, answers_of_batch, strict=True):
                answers[row] = answer
        return answers

    def evaluate_tasks(
        self, datasets: Mapping[str, "TaskDataset"], split: str = "test"
    ) -> "TaskScores":
        """What the export's answers score on a split of every task that has it.

        Answers say less than a model's outputs: `tagging` has no `ece` and no `loss`,
        `token_labels` and `regression` have no `loss`. All other metrics are the model's.

        Args:
            datasets: task → its data, in any order of labels; labels that the export lacks count
                as wrong.
            split: `train`, `validation` or `test`.

        Raises:
            InputError: the export lacks a task, has it with another kind or with none of the
                labels; or no task has such a split.
        """
        from mtl_keras.evaluation.served_scores import evaluate_served

        tasks = tasks_of(self.folder, self.labels, self.forms)
        return evaluate_served(self, tasks, datasets, split)
