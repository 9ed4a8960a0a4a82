"""The results of training a model in stages: records, tables, curves."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from mtl_keras.evaluation.shown_rows import ShownRows
from mtl_keras.plans.training_plan import EXPLICIT
from mtl_keras.runs.run import Run
from mtl_keras.training.monitoring import epochs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class StagedHistory(Sequence[dict]):
    """A record a stage, as in a run's `history.json`; `print` and notebooks show a row a stage.

    Args:
        stages: the records: `freeze`, `seconds`, `history` (name → a value an epoch), `groups`,
            `proof`, `drift` and more.
        measures: names of the tasks' metrics in `history`.
        best: task, or `mean` → the best score on validation, and its epoch.
        drift: task → what became of its answers, if its head stayed frozen while others trained
            the encoder.
        run: the folder, if it was trained into one.
        plan: by which it was trained.
    """

    stages: Sequence[dict]
    measures: Sequence[str]
    best: Mapping[str, Mapping]
    drift: Mapping[str, Mapping]
    run: Run | None = None
    plan: str = EXPLICIT

    @overload
    def __getitem__(self, index: int) -> dict: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[dict]: ...

    def __getitem__(self, index: int | slice) -> dict | Sequence[dict]:
        return self.stages[index]

    def __len__(self) -> int:
        return len(self.stages)

    @property
    def epochs(self) -> list[dict[str, float | None]]:
        """For each epoch of all stages, name → the value measured in it."""
        return epochs([stage["history"] for stage in self.stages])

    def table(self) -> ShownRows:
        """Returns a row per stage: what was frozen, its duration, and the scores at its end."""
        return ShownRows(map(self._row, range(len(self))))

    def __str__(self) -> str:
        return str(self.table())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def plot(self) -> "Figure":
        """Draws learning curves: the loss and each task's metric by epoch, training and validation.

        A dotted line stands between two stages.
        """
        from matplotlib.ticker import MaxNLocator

        from mtl_keras.charts import Chart

        names, measured = ["loss", *self.measures], self.epochs
        drawn = Chart(len(names))
        for axes, name in zip(drawn.axes, names, strict=True):
            for key, style in ((name, "o--"), (f"val_{name}", "o-")):
                _draw(axes, [epoch.get(key) for epoch in measured], style, key)
            for border in self._borders():
                axes.axvline(border, linestyle=":", color="grey")
            axes.set(title=name.replace("_", " "))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend()
        drawn.axes[-1].set(xlabel="epoch")
        return drawn

    def _borders(self) -> list[float]:
        """Returns the places between each stage's last epoch and the next stage's first."""
        ends, before = [], 0
        for stage in self.stages[:-1]:
            before += len(stage["history"]["loss"])
            ends.append(before + 0.5)
        return ends

    def _row(self, index: int) -> dict[str, Any]:
        stage = self.stages[index]
        history = stage["history"]
        last = {name: (history.get(f"val_{name}") or [None])[-1] for name in self.measures}
        return {
            "stage": index + 1,
            "frozen": stage["freeze"],
            "epochs": len(history["loss"]),
            "seconds": stage["seconds"],
        } | {f"validation {name}": _defined(value) for name, value in last.items()}


def _draw(axes: "Axes", values: Sequence[float | None], style: str, label: str) -> None:
    places = range(1, len(values) + 1)
    defined = [math.nan if value is None else value for value in values]
    axes.plot(places, defined, style, label=label, markersize=4)


def _defined(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value
