"""Compares a converted model with its original: answers, metrics, size and latency."""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.chunks import chunks
from mtl_keras.encoders.tokenizers.tokenizer_files import TOKENIZER
from mtl_keras.errors import WorkError
from mtl_keras.evaluation.latency import milliseconds
from mtl_keras.evaluation.scores import evaluate
from mtl_keras.export.conversion.comparison import Conversion, OfTask
from mtl_keras.export.conversion.formats import FLOAT32
from mtl_keras.export.conversion.process import ConvertedModel
from mtl_keras.export.saved_model.serving_files import MAX_BATCH_SIZE
from mtl_keras.export.saved_model.verification import (
    ODD_TEXTS,
    TOLERANCE,
    company_difference,
    validation_texts,
)
from mtl_keras.models.inference import Batch
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.vectors import unlike
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.prediction import task_outputs

SIZES = (1, MAX_BATCH_SIZE)  # texts per timed call
CHUNK = 512
# How much a score of lower precision may change with the other texts in its batch. Sums in another
# order round 8-bit numbers differently (LiteRT: 0.005 for all-MiniLM-L6-v2). If all texts of a
# batch share their scales, the change is 0.07 there and more elsewhere.
COMPANY = 0.05
IN_COMPANY = 16  # validation texts that are tested like that, besides the odd ones
CUT_ALIKE = 0.99  # least share of texts that the tokenizer's files split like the model


def check_conversion(
    model: MultiTaskModel,
    converted: ConvertedModel,
    file: Path,
    precision: str,
    datasets: Mapping[str, TaskDataset],
) -> Conversion:
    """Compares a converted model with the model on validation texts, odd ones and metrics.

    In float32, every score must be within 1e-5 of the model's (relative if above 1), and may change
    by as much with the other texts in its batch. With lower precision, it may change by `COMPANY`;
    no score may be NaN or infinite, `SAME_ANSWERS` of the labels must be the same, and no metric
    may fall below `KEPT` of the model's by more than its interval explains. The tokenizer's files
    must split `CUT_ALIKE` of the texts as the model does.

    Args:
        model: in float32.
        converted: runs in its own process.
        file: of the converted model.
        precision: of its weights.
        datasets: task → its files; metrics are for the test split, or else for validation.

    Raises:
        WorkError: an answer differs too much, or the process failed.
    """
    odd = _Answers(model, converted, [*ODD_TEXTS])
    usual = _Answers(model, converted, validation_texts(datasets))
    difference = max(odd.difference, usual.difference)
    _check_scores(file, precision, difference)
    beside = [*ODD_TEXTS, *itertools.islice(validation_texts(datasets), IN_COMPANY)]
    in_company = company_difference(model, beside, converted)
    _check_company(file, precision, in_company)
    cut_alike = _cut_alike(model, file.with_name(TOKENIZER), validation_texts(datasets))
    _check_tokenizer(file, cut_alike)
    tasks = {
        name: _of_task(model, converted, datasets.get(name), task, usual.same(name))
        for name, task in model.tasks.items()
    }
    if precision != FLOAT32:
        _check_tasks(file, precision, tasks.values())
    return Conversion(
        file=file.name,
        compared=odd.count + usual.count,
        difference=difference,
        in_company=in_company,
        cut_alike=cut_alike,
        bytes=(4 * model.count_params(), file.stat().st_size),
        milliseconds=_milliseconds(model, converted, datasets),
        tasks=tasks,
    )


def _check_scores(file: Path, precision: str, difference: float) -> None:
    if not np.isfinite(difference) or (precision == FLOAT32 and difference > TOLERANCE):
        raise WorkError(
            f"{file}: a score differs by {difference:.2g} from the model's; expected at most "
            f"{TOLERANCE}"
        )


def _check_company(file: Path, precision: str, in_company: float) -> None:
    most = TOLERANCE if precision == FLOAT32 else COMPANY
    if not in_company <= most:
        raise WorkError(
            f"{file}: a score changes by {in_company:.2g} with the other texts in its batch; "
            f"expected at most {most}; use {FLOAT32}"
        )


def _check_tokenizer(file: Path, cut_alike: float | None) -> None:
    if cut_alike is not None and cut_alike < CUT_ALIKE:
        raise WorkError(
            f"{file}: {TOKENIZER} splits {cut_alike:.1%} of the texts as the model does; expected "
            f"{CUT_ALIKE:.0%}; use --format saved_model, which contains the tokenizer"
        )


def _check_tasks(file: Path, precision: str, tasks: Iterable[OfTask]) -> None:
    for compared in tasks:
        if fault := compared.fault():
            raise WorkError(f"{file}: {precision} changes too much: {fault}; use {FLOAT32}")


def _cut_alike(model: MultiTaskModel, path: Path, texts: Iterable[bytes]) -> float | None:
    """The share of texts that a `tokenizer.json` splits as the model's tokenizer does."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_padding()
    alike = count = 0
    for chunk in chunks(texts, CHUNK):
        wanted = model.encoder.tokenizer(tf.constant(chunk, tf.string)).token_ids.to_list()
        got = tokenizer.encode_batch([text.decode() for text in chunk])
        alike += sum(cut.ids == ids for cut, ids in zip(got, wanted, strict=True))
        count += len(chunk)
    return alike / count if count else None


class _Answers:
    """Compares answers of both: the largest difference of scores, and the share of equal labels."""

    def __init__(self, model: MultiTaskModel, converted: ConvertedModel, texts: Iterable[bytes]):
        self.count, self.difference = 0, 0.0
        self._same = dict.fromkeys(model.tasks, 0)
        self._labels = dict.fromkeys(model.tasks, 0)
        for chunk in chunks(texts, CHUNK):
            self.count += len(chunk)
            self._add(model, converted, chunk)

    def same(self, name: str) -> float | None:
        """The share of a task's labels that are equal; None if there are none."""
        return self._same[name] / self._labels[name] if self._labels[name] else None

    def _add(self, model: MultiTaskModel, converted: ConvertedModel, texts: list[bytes]) -> None:
        tokenizer = model.encoder.tokenizer
        tokenized = tokenizer(tf.constant(texts, tf.string))
        first_pieces = tokenizer.split_words(tokenized).first_piece.to_list()
        wanted = task_outputs(model, tokenized)
        got = task_outputs(model, tokenized, forward=converted)
        for name, task in model.tasks.items():
            for before, after, words in zip(wanted[name], got[name], first_pieces, strict=True):
                off = np.abs(before - after) / np.maximum(1, np.abs(before))
                # Unlike Python's max(), this one keeps NaN.
                self.difference = float(np.max(off, initial=self.difference))
                if task.label_kind.has_labels:
                    differs = _differs(task, before, after, words)
                    self._same[name] += int(np.sum(~differs))
                    self._labels[name] += np.size(differs)


def _differs(
    task: Task, before: np.ndarray, after: np.ndarray, first_pieces: Sequence[int]
) -> np.ndarray:
    """Whether a text's answer differs, `(1,)`, or that of each word, `(words,)`."""
    kind = kind_of(task)
    decided = (
        kind.reads.joined([kind.decided(kind.reads.at_words(outputs, first_pieces))])
        for outputs in (before, after)
    )
    return unlike(*decided)


def _of_task(
    model: MultiTaskModel,
    converted: ConvertedModel,
    dataset: TaskDataset | None,
    task: Task,
    same: float | None,
) -> OfTask:
    split = next((s for s in ("test", "validation") if dataset and s in dataset.counts), None)
    if dataset is None or split is None:
        return OfTask(task, None, {}, {}, same)
    before = evaluate(model, dataset, split)
    after = evaluate(model, dataset, split, forward=converted)
    return OfTask(task, split, before, after, same)


def _milliseconds(
    model: MultiTaskModel, converted: ConvertedModel, datasets: Mapping[str, TaskDataset]
) -> dict[int, tuple[float, float]]:
    """Texts per call → the median times of both models, from word pieces to scores."""
    texts = [*itertools.islice(validation_texts(datasets), MAX_BATCH_SIZE)] or [*ODD_TEXTS[5:9]]
    by_size = {}
    for size in SIZES:
        batch = _batch(model, [*itertools.islice(itertools.cycle(texts), size)])
        of_model = milliseconds(functools.partial(model.forward_pass, batch))
        by_size[size] = (of_model, converted.milliseconds(batch))
    return by_size


def _batch(model: MultiTaskModel, texts: list[bytes]) -> Batch:
    token_ids = model.encoder.tokenizer(tf.constant(texts, tf.string)).token_ids
    mask = tf.sequence_mask(token_ids.row_lengths())
    return {"token_ids": token_ids.to_tensor().numpy(), "padding_mask": mask.numpy()}
