"""An export in this process, asked as a function."""

from collections.abc import Sequence
from pathlib import Path

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
)
from mtl_keras.export.saved_model.served_answers import SERVING

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
