"""Bounds and rules."""

from mtl_keras.experiments.matching import Bound, Measures, Rule, first_match, turning_points

DATA = Measures(tagging_tasks=0, smallest_task=500, size_ratio=1.0, smallest_validation=50)
FEW = Rule("few", (Bound("smallest_task", 200, below=True),), "heads", "reason", "source")
MANY = Rule("many", (), "everything", "reason", "source")


def test_the_first_rule_that_applies_wins():
    assert first_match((FEW, MANY), DATA) is MANY
    bound, other = turning_points((FEW, MANY), DATA)[0]
    assert (str(bound), other) == ("fewer than 200 examples of the smallest task", FEW)


def test_a_bound_holds_on_its_own_side_of_the_threshold():
    at, under = Bound("smallest_task", 500), Bound("smallest_task", 500, below=True)
    assert at.holds(DATA)
    assert not under.holds(DATA)
    assert Rule("both", (at, under), "", "", "").condition == (
        "500 examples of the smallest task or more, fewer than 500 examples of the smallest task"
    )
