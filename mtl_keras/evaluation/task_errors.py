"""Where a model is wrong on a split of a task: what it takes for what, and in which texts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mtl_keras.data.examples import Example
from mtl_keras.data.row_errors import row_errors
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.encoders.chunks import chunks
from mtl_keras.errors import InputError, shown
from mtl_keras.evaluation.confusions import most_frequent_confusions
from mtl_keras.evaluation.scores import CHUNK, answered
from mtl_keras.evaluation.shown_rows import ShownRows
from mtl_keras.models.kinds.judgements import Judgement
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.models.multi_task_model import MultiTaskModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORST = 20


class Mistake(NamedTuple):
    """An example that was answered wrong.

    Args:
        text: of it.
        expected, answered: the wrong parts alone, with their words if words are labelled.
        score: how sure the wrong answer is, a probability; of a number, how far off it is.
    """

    text: str
    expected: str
    answered: str
    score: float


@dataclass(frozen=True, eq=False)
class TaskErrors:
    """Where a model is wrong on a split of a task.

    `print` and notebooks show what it took for what, the most frequent first.

    Args:
        task: that was answered.
        split: of its data.
        pairs: `(expected, answered)`, of texts, words, spans or labels → how often; `–` stands for
            a span or label that is not there.
        mistakes: the examples that were answered wrong, the surest, or of numbers the farthest
            off, first.
        examples: how many were answered.
    """

    task: Task
    split: str
    pairs: Counter
    mistakes: Sequence[Mistake]
    examples: int

    def worst(self, count: int = WORST) -> ShownRows:
        """The mistakes of which the model is surest, with their texts.

        Raises:
            InputError: no number from 1.
        """
        if not isinstance(count, int) or count < 1:
            raise InputError(f"worst takes a whole number from 1. Received: {shown(count)}")
        return ShownRows(mistake._asdict() for mistake in self.mistakes[:count])

    def confusions(self) -> ShownRows:
        """What was taken for what, and how often; the most frequent first."""
        return ShownRows(
            {"expected": expected, "answered": answer, "count": often}
            for expected, answer, often in most_frequent_confusions(self.pairs, len(self.pairs))
        )

    def plot(self) -> "Figure":
        """What is right by what was answered: of labels a matrix of counts, of numbers a cloud."""
        from mtl_keras.evaluation.error_charts import cloud, confusion_matrix

        title = f"{self.task.name}, {self.split}"
        draw = confusion_matrix if self.task.label_kind.has_labels else cloud
        return draw(self.pairs, title=title)

    def __str__(self) -> str:
        return str(self._summary())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self._summary()._repr_html_()

    def _summary(self) -> ShownRows:
        line = f"{self.task.name}, {self.split}: {len(self.mistakes):,} of {self.examples:,} "
        line += "examples have a mistake; .worst() shows them, .plot() draws"
        return ShownRows(self.confusions()[:WORST], [line])


def errors(
    model: MultiTaskModel,
    task: str,
    split: str = "test",
    datasets: Mapping[str, TaskDataset] | None = None,
) -> TaskErrors:
    """Where a model is wrong on a split of a task.

    Args:
        model: trained.
        task: its name.
        split: `train`, `validation` or `test`.
        datasets: task → its data; None: those that the model's tasks were declared with.

    Raises:
        InputError: there is no such task or split, or the task has no data.
    """
    dataset = model.datasets(datasets, needed=[task])[task]
    dataset.check_split(split)
    pairs: Counter = Counter()
    mistakes: list[Mistake] = []
    examples = 0
    with row_errors([dataset]):
        for example, judged in _judged(model, dataset, split):
            pairs.update((part.expected, part.answered) for part in judged)
            examples += 1
            if wrong := [part for part in judged if part.is_wrong]:
                mistakes.append(mistake_of(example, wrong))
    mistakes.sort(key=lambda mistake: -mistake.score)
    return TaskErrors(dataset.task, split, pairs, mistakes, examples)


def mistake_of(example: Example, wrong: Sequence[Judgement]) -> Mistake:
    """Returns the mistake of an example, of which these parts are wrong."""
    expected, answers = (
        ", ".join(_in_words(example, name, part) for part, name in zip(wrong, names, strict=True))
        for names in ([part.expected for part in wrong], [part.answered for part in wrong])
    )
    return Mistake(example.text, expected, answers, max(part.score for part in wrong))


def _judged(
    model: MultiTaskModel, dataset: TaskDataset, split: str
) -> Iterator[tuple[Example, list[Judgement]]]:
    """Each example of a split, in the files' order, beside what was answered."""
    task = dataset.task
    names = (*task.labels, *dataset.more_labels.get(split, ()))
    in_chunks = chunks(dataset.examples(split), CHUNK, lambda example: len(example.text))
    for examples, scored in zip(in_chunks, answered(model, dataset, split), strict=True):
        for example, label, outputs in zip(examples, *scored, strict=True):
            yield example, kind_of(task).judged(names, label, outputs)


def _in_words(example: Example, name: str | float, part: Judgement) -> str:
    if isinstance(name, float):
        return f"{name:.6g}"
    return name if part.words is None else f"{name} ({' '.join(example.words[slice(*part.words)])})"
