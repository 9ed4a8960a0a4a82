"""Which learning rates a comparison chose for every model, and what that cost."""

from collections.abc import Mapping

from mtl_keras.experiments.rate_candidates import in_words
from mtl_keras.experiments.tables import NOTHING, Cell, Section, Table


def rates_section(report: Mapping) -> Section:
    """Plan and tasks: chosen rates, candidates, cost of the search; no row if nothing was searched.

    Args:
        report: of a comparison, see `report.write_report`.
    """
    rows = [
        (
            Cell(search["plan"]),
            Cell(" + ".join(search["tasks"])),
            Cell(in_words(search["chosen"])),
            Cell(_best_epochs(report, search)),
            Cell(str(len({str(tried["rates"]) for tried in search["candidates"]}))),
            Cell(f"{search['epochs']:g}"),
            Cell(f"{search['seconds']:,.0f} s"),
        )
        for search in report.get("rates", ())
    ]
    header = ("plan", "tasks", "chosen", "best epoch", "candidates", "epochs", "time")
    note = (
        "Every model, shared or of a single task, got its learning rates from short trainings with "
        f"the first seed, judged on the validation split, within the same budget of "
        f"{report.get('budget', NOTHING)}; rates that the recipe gives were kept. The best epoch "
        "is that of each seed's shared model whose weights are scored, counted over all stages. "
        "Heads that are solved, and linear models, choose their own regularisation instead."
    )
    return Section("Learning rates", note, Table(header, rows, names=3))


def _best_epochs(report: Mapping, search: Mapping) -> str:
    plan = report["plans"].get(search["plan"])
    if plan is None or len(search["tasks"]) < len(report["tasks"]):
        return NOTHING
    epochs = [NOTHING if epoch is None else str(epoch) for epoch in plan["best_epochs"]]
    return ", ".join(epochs)
