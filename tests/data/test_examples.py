"""An example, and what is wrong with a row."""

import pytest

from mtl_keras.data.examples import Example, RowError, raise_first


def test_an_error_is_of_the_label_and_the_first_word_unless_it_says_otherwise():
    fault = RowError("wrong")
    assert (str(fault), fault.part, fault.word) == ("wrong", "label", 0)
    assert Example("a", 1).words == ()


def test_the_first_of_several_faults_is_raised_and_holds_the_others():
    raise_first([])
    faults = [RowError("one", word=1), RowError("two", word=2)]
    with pytest.raises(RowError, match="one") as caught:
        raise_first(faults)
    assert caught.value.others == faults[1:]
