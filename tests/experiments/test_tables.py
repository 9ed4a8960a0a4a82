"""The tables of a report, and the plans that nobody beats."""

from hypothesis import given
from hypothesis import strategies as st
from support.comparison_report import make_report

from mtl_keras.experiments.tables import (
    data,
    pareto_front,
    plans_on_front,
    scores,
    sharing,
    summary,
)


def test_the_front_respects_the_direction():
    report = make_report()
    report["plans"]["full"]["tasks"]["price"]["mean"] = 13.0
    assert plans_on_front(report, "topic") == ["features", "full"]
    assert plans_on_front(report, "price") == ["features"]


def test_a_task_has_a_row_with_what_it_has():
    table = data(make_report()).table
    assert table.header == ("task", "kind", "metric", "train", "test")
    assert [cell.text for cell in table.rows[1]] == ["price", "regression", "mae", "900", "–"]


def test_the_best_score_and_what_sharing_helped_are_marked():
    report = make_report()
    marked = [[cell.strong for cell in row[1:3]] for row in scores(report).table.rows]
    assert marked == [[False, False], [True, True]]
    differences = [(row[-1].text, row[-1].strong) for row in sharing(report).table.rows]
    assert differences == [("−0.020", False), ("−0.5", True)]


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


POINTS = st.dictionaries(
    st.integers(), st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12
)


@given(POINTS, st.booleans())
def test_the_front_is_what_nobody_beats(points, higher):
    front = pareto_front(points, higher=higher)

    def beats(one, other):
        (cost, score), (other_cost, other_score) = points[one], points[other]
        better = score > other_score if higher else score < other_score
        return cost <= other_cost and (better or (score == other_score and cost < other_cost))

    for name in points:
        assert (name not in front) == any(beats(other, name) for other in points)
    assert [points[name][0] for name in front] == sorted(points[name][0] for name in front)
