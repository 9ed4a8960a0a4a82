"""Examples as arrays."""

from mtl_keras.data.example_arrays import text_array, word_arrays
from mtl_keras.data.examples import Example


def test_words_of_all_examples_are_in_one_row():
    examples = [Example("né x", (1, 0), ("né", "x")), Example("y", (2,), ("y",))]
    arrays = word_arrays(examples)
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "text": ["né x".encode(), b"y"],
        "words": [2, 1],
        "word_starts": [0, 4, 0],
        "label": [1, 0, 2],
    }
    assert text_array([]).shape == (0,)
