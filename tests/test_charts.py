"""Charts that a notebook shows."""

from mtl_keras.charts import Chart


def test_a_notebook_shows_a_chart_as_svg():
    drawn = Chart(panels=2)
    drawn.axes[0].plot([1, 2])
    assert drawn._repr_svg_().count("<svg") == 1
    assert tuple(drawn.get_size_inches()) == (6.0, 5.2)
