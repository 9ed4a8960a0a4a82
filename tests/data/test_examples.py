"""An example, and what is wrong with a row."""

from mtl_keras.data.examples import Example, RowError


def test_an_error_is_of_the_label_and_the_first_word_unless_it_says_otherwise():
    fault = RowError("wrong")
    assert (str(fault), fault.part, fault.word) == ("wrong", "label", 0)
    assert Example("a", 1).words == ()
