"""How figures of a report are written."""

from mtl_keras.reports.tables import directed, duration, gigabytes, or_nothing


def test_a_metric_shows_in_which_direction_it_is_better():
    assert [directed(metric) for metric in ("accuracy", "mae")] == ["accuracy ↑", "mae ↓"]


def test_figures_have_their_units_and_what_is_absent_a_dash():
    assert (duration(1.25), duration(3600), gigabytes(1_500_000_000)) == (
        "1.2 s",
        "60.0 min",
        "1.50 GB",
    )
    assert or_nothing(None, duration) == "–"
