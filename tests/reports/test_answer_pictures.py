"""Pictures of a task's answers."""

from mtl_keras.reports.answer_pictures import calibration_curve, numbers_cloud
from mtl_keras.reports.drawing import to_svg


def test_a_bin_is_a_point_as_large_as_its_answers_are_many():
    bins = [
        {"count": 1, "confidence": 0.5, "right": 0.25},
        {"count": 9, "confidence": 0.9, "right": 1.0},
    ]
    axes = calibration_curve(bins).axes[0]
    (points,) = axes.collections
    assert points.get_offsets().tolist() == [[0.5, 0.25], [0.9, 1.0]]
    small, large = points.get_sizes()
    assert small < large


def test_numbers_are_a_cloud_even_if_all_are_equal():
    figure = numbers_cloud([(1.0, 1.0)] * 3)
    assert len(figure.axes[0].collections[0].get_offsets()) == 3
    assert "<svg" in to_svg(figure)
