"""The tables of a report."""

from support.comparison_report import make_report

from mtl_keras.experiments.tables import (
    data,
    scores,
    sharing,
    summary,
)


def test_a_task_has_a_row_with_what_it_has():
    table = data(make_report()).table
    assert table.header == ("task", "kind", "metric", "train", "test")
    assert [cell.text for cell in table.rows[1]] == ["price", "regression", "mae", "900", "–"]


def test_the_best_score_and_what_sharing_helped_are_marked():
    report = make_report()
    marked = [[cell.strong for cell in row[1:3]] for row in scores(report).table.rows]
    assert marked == [[False, False], [True, True]]
    tasks = report["plans"]["full"]["tasks"]
    tasks["price"]["sharing_interval"] = {"low": -0.9, "high": -0.1}
    differences = [(row[-1].text, row[-1].strong) for row in sharing(report).table.rows]
    assert differences == [("−0.020", False), ("−0.5 (−0.9 to −0.1)", True)]
    tasks["price"]["sharing_interval"] = {"low": -0.9, "high": 0.1}
    assert not sharing(report).table.rows[1][-1].strong


def test_what_cannot_be_told_apart_from_the_best_is_marked_too():
    report = make_report()
    report["tasks"]["topic"]["verdict"] = {"alike": ["features", "full"]}
    assert [row[1].strong for row in scores(report).table.rows] == [True, True]


def test_a_plan_without_chance_shows_the_interval_over_the_examples():
    report = make_report()
    changes = {"interval": None, "low": 0.75, "high": 0.85}
    report["plans"]["features"]["tasks"]["topic"] |= changes
    section = scores(report)
    assert [row[1].text for row in section.table.rows] == [
        "0.800 (0.750 to 0.850)",
        "0.900 ± 0.010",
    ]
    assert "In brackets is the 95% interval over the split's examples" in section.note
    assert "brackets" not in scores(make_report()).note


def test_calibration_stands_beside_the_score_of_what_has_probabilities():
    report = make_report()
    for plan in report["plans"].values():
        plan["tasks"]["price"]["ece"] = None
    report["plans"]["full"]["tasks"]["topic"]["ece"] = 0.0417
    section = scores(report)
    assert section.table.header[1:4] == ("topic: accuracy ↑", "topic: ECE ↓", "price: mae ↓")
    assert [row[2].text for row in section.table.rows] == ["–", "0.042"]
    assert "expected calibration error" in section.note
    assert "ECE" not in scores(make_report()).note


def test_the_summary_counts_plans_and_seeds():
    report = make_report()
    assert "2 training plans of all-MiniLM-L6-v2" in summary(report)
    report["plans"].pop("full")
    report["seeds"] = [0]
    assert "1 training plan of" in summary(report)
    assert "one seed (0): no interval can be shown" in summary(report)
