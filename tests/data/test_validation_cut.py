"""Which training examples become the validation split."""

from mtl_keras.data.validation_cut import is_cut_off_by_position, is_cut_off_by_text


def test_about_a_tenth_is_cut_off_and_equal_texts_are_on_one_side():
    by_text = [is_cut_off_by_text(f"text {row}", row) for row in range(1000)]
    assert 60 < sum(by_text) < 140
    assert by_text == [is_cut_off_by_text(f"text {row}", 0) for row in range(1000)]
    assert [is_cut_off_by_position("", row) for row in (0, 1, 9, 10)] == [True, False, False, True]
