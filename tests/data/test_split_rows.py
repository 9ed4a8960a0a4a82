"""Equal texts, and labels that are not."""

import mtl_keras as mtl
from mtl_keras.data.split_rows import contradictions, rows_of, shared

TRAIN = ["a b,x", "c,y", "c,x", "d,y", '" a b",x', "e,y"]
TEST = ['"c  ",y', "f,x", "a b,y", "g,x", "d,y", "e,y"]


def _rows(folder):
    for name, rows in (("train", TRAIN), ("test", TEST)):
        (folder / f"{name}.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    files = {"train": "train.csv", "validation": "train.csv", "test": "test.csv"}
    dataset = mtl.TaskDataset(mtl.Task("topic", files=files), base_folder=folder)
    rows = rows_of(dataset)
    return rows["train"], rows["test"]


def test_equal_texts_are_counted_and_the_first_have_their_places(tmp_path):
    train, test = _rows(tmp_path)
    actual = shared(train, test)
    assert (actual.number, actual.of) == (4, 6)
    places = [tuple(place.rsplit("/", 1)[1] for place in pair) for pair in actual.places]
    assert places == [
        ("test.csv:2", "train.csv:3"),
        ("test.csv:4", "train.csv:2"),
        ("test.csv:6", "train.csv:5"),
    ]


def test_a_text_with_two_labels_contradicts_itself_once(tmp_path):
    actual = contradictions(_rows(tmp_path))
    assert (actual.number, actual.of) == (2, 6)  # "c" and "a b", of a b, c, d, e, f, g
    assert [tuple(place.rsplit("/", 1)[1] for place in pair) for pair in actual.places] == [
        ("train.csv:2", "test.csv:4"),
        ("train.csv:3", "train.csv:4"),
    ]


def test_nothing_in_common_is_nothing(tmp_path):
    train, _ = _rows(tmp_path)
    assert contradictions([train]).number == 1
    assert shared(train, train).number == len(TRAIN)
