"""The result of comparing a converted model with its original: a table, and a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mtl_keras.data.task import Task
from mtl_keras.encoders.tokenizers.tokenizer_files import TOKENIZER
from mtl_keras.evaluation.figures import UNDEFINED, figure

# A smaller model must keep this share of a metric, as in MLPerf Inference (Reddi et al., 2020).
# Since held-out examples are few, the better end of its 95% interval is compared.
KEPT = 0.99
# Rounding changes answers near a tie: for a weak model, up to 5 in 100.
SAME_ANSWERS = 0.95


@dataclass(frozen=True)
class OfTask:
    """A task's part of a comparison.

    Args:
        split: of the held-out examples; None if there are none.
        model, converted: metrics of both on it, as returned by `evaluate`.
        same: the share of validation texts, or of their words, with the same label; None for
            regression.
    """

    task: Task
    split: str | None
    model: Mapping[str, Any]
    converted: Mapping[str, Any]
    same: float | None

    def fault(self) -> str | None:
        """Why it cannot replace the model, in words; None if it can."""
        name = self.task.name
        if self.same is not None and self.same < SAME_ANSWERS:
            return (
                f"{self.same:.1%} of the answers for {name} equal the model's; "
                f"expected at least {SAME_ANSWERS:.0%}"
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
            f"{name} has a {metric} of {after:.4f} and the model {before:.4f}, a larger change "
            "than its 95% interval explains"
        )


@dataclass(frozen=True)
class Conversion:
    """How a converted model compares with its original.

    Args:
        file: its name.
        compared: number of texts that both answered.
        difference: the largest difference between their scores, relative if above 1.
        in_company: the largest difference between a text's scores alone and in a batch.
        cut_alike: the share of validation texts that the tokenizer's files split as the model does;
            None if there are no such texts.
        bytes, milliseconds: pairs: the model's, and the converted model's; times by texts per call.
        tasks: name → its comparison.
    """

    file: str
    compared: int
    difference: float
    in_company: float
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
        what = "largest change of a score with the other texts in its batch"
        rows.append(self._row(what, "", f"{self.in_company:.1g}", ""))
        if self.cut_alike is not None:
            what = f"texts that {TOKENIZER} splits as the model does"
            rows.append(self._row(what, "", f"{self.cut_alike:.2%}", ""))
        return rows

    def _cost(self, what: str, before: float, after: float) -> dict[str, str]:
        return self._row(what, f"{before:.1f}", f"{after:.1f}", f"{after / before - 1:+.0%}")

    def _metric(self, compared: OfTask) -> dict[str, str]:
        name, metric = compared.task.name, compared.task.metric
        before, after = compared.model[metric], compared.converted[metric]
        what = f"{name} {metric}, {compared.split}, {compared.model['examples']:,} examples"
        is_defined = before is not None and after is not None
        change = f"{after - before:+.4f}" if is_defined else UNDEFINED
        return self._row(what, figure(before), figure(after), change)

    def _same(self, compared: OfTask) -> dict[str, str]:
        what = f"{compared.task.name}, {compared.task.label_kind.unit} with the same label"
        return self._row(what, "", f"{compared.same:.2%}", "")

    def _row(self, what: str, before: str, after: str, change: str) -> dict[str, str]:
        return {"": what, "trained model": before, self.file: after, "change": change}
