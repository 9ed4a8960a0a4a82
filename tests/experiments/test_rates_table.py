"""The report's table of the learning rates that were chosen."""

from support.comparison_report import make_report

from mtl_keras.experiments.rates_table import rates_section


def test_every_model_has_a_row_with_what_was_chosen_and_what_it_cost():
    tried = {"rates": {}, "epochs": 1, "score": 0.5, "seconds": 9.0}
    chosen = {"rates": {"backbone": 1e-4}, "epochs": 1, "score": 0.6, "seconds": 9.0}
    cost = {"candidates": [tried, chosen], "epochs": 2, "seconds": 18.0}
    report = make_report()
    report["plans"]["full"]["best_epochs"] = [3, None]
    report |= {
        "budget": "2 epochs",
        "rates": [
            {"plan": "full", "tasks": ["topic", "price"], "chosen": chosen["rates"]} | cost,
            {"plan": "full", "tasks": ["topic"], "chosen": {}} | cost,
        ],
    }
    section = rates_section(report)
    assert "the same budget of 2 epochs" in section.note
    assert [[cell.text for cell in row] for row in section.table.rows] == [
        ["full", "topic + price", "backbone 0.0001", "3, –", "2", "2", "18 s"],
        ["full", "topic", "the defaults", "–", "2", "2", "18 s"],
    ]


def test_a_report_of_before_has_none():
    assert rates_section(make_report()).table.rows == []
