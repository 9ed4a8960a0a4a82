"""The plans that nobody beats."""

from hypothesis import given
from hypothesis import strategies as st
from support.comparison_report import make_report

from mtl_keras.experiments.fronts import pareto_front, plans_on_front


def test_the_front_respects_the_direction():
    report = make_report()
    report["plans"]["full"]["tasks"]["price"]["mean"] = 13.0
    assert plans_on_front(report, "topic") == ["features", "full"]
    assert plans_on_front(report, "price") == ["features"]


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
