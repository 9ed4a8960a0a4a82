"""What a converted model answers beside the model that it was made of, and what it costs."""

import functools
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.chunks import chunks
from mtl_keras.errors import WorkError
from mtl_keras.evaluation.figures import UNDEFINED, figure
from mtl_keras.evaluation.latency import milliseconds
from mtl_keras.evaluation.scores import evaluate
from mtl_keras.export.conversion.formats import FLOAT32
from mtl_keras.export.conversion.process import ConvertedModel
from mtl_keras.export.conversion.tokenizer_files import TOKENIZER
from mtl_keras.export.saved_model.tf_serving import MAX_BATCH_SIZE
from mtl_keras.export.saved_model.verification import ODD_TEXTS, TOLERANCE, validation_texts
from mtl_keras.models.inference import Batch
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.kinds.vectors import unlike
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.models.prediction import task_outputs

SIZES = (1, MAX_BATCH_SIZE)  # texts a call that is timed
CHUNK = 512
# A smaller model must keep this share of a metric, the measure of MLPerf Inference (Reddi et al.,
# 2020); held-out examples are few, so what is judged is the better end of its 95% interval.
KEPT = 0.99
# Rounding turns answers near a tie, of a weak model 5 in 100; more than 10 is no rounding.
SAME_ANSWERS = 0.95
CUT_ALIKE = 0.99  # of the texts, by the tokenizer's files


@dataclass(frozen=True)
class OfTask:
    """A task's part of a comparison.

    Args:
        split: of the held-out examples; None if there are none.
        model, converted: metrics on it, as of `evaluate`.
        same: the share of validation texts, or of their words, with the model's label; None for
            regression.
    """

    task: Task
    split: str | None
    model: Mapping[str, Any]
    converted: Mapping[str, Any]
    same: float | None

    def fault(self) -> str | None:
        """Why it cannot stand in for the model, in words; None if it can."""
        name = self.task.name
        if self.same is not None and self.same < SAME_ANSWERS:
            return (
                f"{self.same:.1%} of the answers for {name} are the model's; "
                f"at least {SAME_ANSWERS:.0%} were expected"
            )
        metric, grows = self.task.metric, self.task.label_kind.higher_is_better
        before, after = self.model.get(metric), self.converted.get(metric)
        if before is None or after is None:  # undefined for one of them: nothing can be compared
            return None
        wanted = before * (KEPT if grows else 2 - KEPT)
        end = self.converted["high" if grows else "low"]
        best = after if end is None else end
        if (best >= wanted) if grows else (best <= wanted):
            return None
        return (
            f"{name} has a {metric} of {after:.4f} where the model has {before:.4f}, further off "
            "than its 95% interval explains"
        )


@dataclass(frozen=True)
class Conversion:
    """How a converted model compares.

    Args:
        file: its name.
        compared: texts that both answered.
        difference: the largest between two scores, of its size if that is over 1.
        cut_alike: the share of validation texts whose word pieces are the model's by the
            tokenizer's files; None if there are no such texts.
        bytes, milliseconds: pairs, the model's and the converted one's; times by texts a call.
        tasks: by name.
    """

    file: str
    compared: int
    difference: float
    cut_alike: float | None
    bytes: tuple[int, int]
    milliseconds: Mapping[int, tuple[float, float]]
    tasks: Mapping[str, OfTask] = field(default_factory=dict)

    def rows(self) -> list[dict[str, str]]:
        """The table of size, latency and metrics."""
        before, after = (size / 2**20 for size in self.bytes)
        rows = [self._cost("size, MiB", before, after)]
        for size, (before, after) in self.milliseconds.items():
            texts = "one text" if size == 1 else f"{size} texts"
            rows.append(self._cost(f"{texts}, ms", before, after))
        rows += [self._metric(task) for task in self.tasks.values() if task.split]
        rows += [self._same(task) for task in self.tasks.values() if task.same is not None]
        if self.cut_alike is not None:
            what = f"texts that {TOKENIZER} cuts as the model does"
            rows.append(self._row(what, "", f"{self.cut_alike:.2%}", ""))
        return rows

    def _cost(self, what: str, before: float, after: float) -> dict[str, str]:
        return self._row(what, f"{before:.1f}", f"{after:.1f}", f"{after / before - 1:+.0%}")

    def _metric(self, each: OfTask) -> dict[str, str]:
        metric = each.task.metric
        before, after = each.model[metric], each.converted[metric]
        what = f"{each.task.name} {metric}, {each.split}, {each.model['examples']:,} examples"
        is_defined = before is not None and after is not None
        change = f"{after - before:+.4f}" if is_defined else UNDEFINED
        return self._row(what, figure(before), figure(after), change)

    def _same(self, each: OfTask) -> dict[str, str]:
        unit = each.task.label_kind.unit
        return self._row(
            f"{each.task.name}, {unit} with the same label", "", f"{each.same:.2%}", ""
        )

    def _row(self, what: str, before: str, after: str, change: str) -> dict[str, str]:
        return {"": what, "trained model": before, self.file: after, "change": change}


def check_conversion(
    model: MultiTaskModel,
    converted: ConvertedModel,
    file: Path,
    precision: str,
    datasets: Mapping[str, TaskDataset],
) -> Conversion:
    """Compares a converted model with the model on validation texts, odd ones and metrics.

    In float32 every score is within 1e-5 (relative if it is over 1). Of a lower precision no
    score is NaN or infinite, `SAME_ANSWERS` of the labels are the same, and no metric falls below
    `KEPT` of the model's by more than its interval explains. The tokenizer's files, beside the
    converted model, must cut `CUT_ALIKE` of the texts as the model does.

    Args:
        model: in float32.
        converted: asked in its own process.
        file: of the converted model.
        precision: of its weights.
        datasets: task → its files; metrics are those of the test split, else validation.

    Raises:
        WorkError: an answer differs too much, or the process failed.
    """
    odd = _Answers(model, converted, [*ODD_TEXTS])
    usual = _Answers(model, converted, validation_texts(datasets))
    difference = max(odd.difference, usual.difference)
    _check_scores(file, precision, difference)
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
        cut_alike=cut_alike,
        bytes=(4 * model.count_params(), file.stat().st_size),
        milliseconds=_milliseconds(model, converted, datasets),
        tasks=tasks,
    )


def _check_scores(file: Path, precision: str, difference: float) -> None:
    if not np.isfinite(difference) or (precision == FLOAT32 and difference > TOLERANCE):
        raise WorkError(
            f"{file}: a score is {difference:.2g} off the model's; at most {TOLERANCE} was expected"
        )


def _check_tokenizer(file: Path, cut_alike: float | None) -> None:
    if cut_alike is not None and cut_alike < CUT_ALIKE:
        raise WorkError(
            f"{file}: {TOKENIZER} cuts {cut_alike:.1%} of the texts as the model does, "
            f"{CUT_ALIKE:.0%} were expected; take --format saved_model, whose tokenizer is in it"
        )


def _check_tasks(file: Path, precision: str, tasks: Iterable[OfTask]) -> None:
    for compared in tasks:
        if fault := compared.fault():
            raise WorkError(f"{file}: {precision} changes too much: {fault}; take {FLOAT32}")


def _cut_alike(model: MultiTaskModel, path: Path, texts: Iterable[bytes]) -> float | None:
    """The share of texts that a `tokenizer.json` cuts as the model's tokenizer does."""
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
    """What both say of texts: the largest difference of scores, and how many labels are equal."""

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
                # max() of Python passes over NaN.
                self.difference = float(np.max(off, initial=self.difference))
                if task.label_kind.has_labels:
                    differs = _differs(task, before, after, words)
                    self._same[name] += int(np.sum(~differs))
                    self._labels[name] += np.size(differs)


def _differs(
    task: Task, before: np.ndarray, after: np.ndarray, first_pieces: Sequence[int]
) -> np.ndarray:
    """Whether a text's answer is another, `(1,)`; of words, which are, `(words,)`."""
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
    """Texts a call → the medians of ten calls, of word pieces to scores."""
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
