"""What formats have in common."""

from mtl_keras.data.rows import counted, ignore


def test_a_number_has_its_noun():
    assert (counted(1, "field"), counted(2, "field")) == ("1 field", "2 fields")
    assert ignore("hidden", 3) is None
