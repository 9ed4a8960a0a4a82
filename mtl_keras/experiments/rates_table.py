"""The learning rates that a comparison chose for every model, and the cost of the search."""

from collections.abc import Mapping

from mtl_keras.experiments.rate_candidates import in_words
from mtl_keras.reports.tables import NOTHING, Cell, Section, Table


def rates_section(report: Mapping) -> Section:
    """Returns a table of the chosen rates, candidates and search cost, one row per model.

    It has no row if nothing was searched.

    Args:
        report: the report of a comparison, see `report.write_report`.
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
        "The learning rates of every model, multi-task or single-task, were chosen by short "
        "trainings with the first seed, judged on the validation split, within the same budget of "
        f"{report.get('budget', NOTHING)}; rates that the recipe gives were kept. The best epoch, "
        "one per seed, is the epoch whose weights of the multi-task model are scored, counted over "
        "all stages. Solved heads and linear models have no rates: they choose a regularization."
    )
    return Section("Learning rates", note, Table(header, rows, names=3))


def _best_epochs(report: Mapping, search: Mapping) -> str:
    plan = report["plans"].get(search["plan"])
    if plan is None or len(search["tasks"]) < len(report["tasks"]):
        return NOTHING
    epochs = [NOTHING if epoch is None else str(epoch) for epoch in plan["best_epochs"]]
    return ", ".join(epochs)
