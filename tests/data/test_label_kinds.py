"""What rows mean for each kind of task, and what else a kind says."""

import numpy as np
import pytest

from mtl_keras.data.examples import Example, RowError
from mtl_keras.data.label_index import KnownLabels
from mtl_keras.data.label_kinds import LABEL_KINDS, higher_is_better
from mtl_keras.data.labels import LabelReader


def _example(kind, text, label, labels=("x", "y"), **label_names):
    return LABEL_KINDS[kind].example(text, label, LabelReader(label_names), KnownLabels(labels))


@pytest.mark.parametrize(
    ("kind", "label", "expected"),
    [
        ("classification", " y ", 1),
        ("multilabel", "y| x|y", (0, 1)),
        ("multilabel", ["y"], (1,)),
        ("multilabel", "", ()),
        ("multilabel", [], ()),
        ("regression", " -1.5e3", -1500.0),
        ("regression", 2, 2.0),
    ],
)
def test_labels_are_read_as_their_kind_says(kind, label, expected):
    assert _example(kind, "a text ", label) == Example("a text ", expected)


def test_labels_may_be_numbers():
    assert _example("classification", "a", 2, labels=("1", "2")).label == 1
    assert _example("multilabel", "a", [2, "1"], labels=("1", "2")).label == (0, 1)


@pytest.mark.parametrize("words", ["a  b\tc\u00a0d ", ["a", "b", "c\u00a0d"]])
@pytest.mark.parametrize("tags", ["I-y O S-x", ["I-y", "O", "S-x"]])
def test_tags_become_indices_of_the_tasks_classes(words, tags):
    expected = Example("a b c\u00a0d", (3, 0, 1), ("a", "b", "c\u00a0d"))
    assert _example("tagging", words, tags) == expected


def test_label_names_map_labels_tags_and_span_types():
    assert _example("classification", "a", 2, **{"2": "x"}).label == 0
    assert _example("multilabel", "a", "1|2", **{"2": "x", "1": "y"}).label == (0, 1)
    assert _example("tagging", "a b", "B-LOC I-LOC", LOC="y").label == (3, 4)
    assert _example("tagging", "a b", [1, 2], **{"1": "B-x", "2": "O"}).label == (1, 0)


@pytest.mark.parametrize("words", ["a b\u00a0c", ["a", "b\u00a0c"]])
@pytest.mark.parametrize("labels", ["I-y 1", ["I-y", 1]])
def test_free_labels_of_words_have_no_scheme(words, labels):
    expected = Example("a b\u00a0c", (1, 2), ("a", "b\u00a0c"))
    assert _example("token_labels", words, labels, labels=("x", "I-y", "1")) == expected
    assert _example("token_labels", "a b", "O O", labels=("x", "y"), O="x").label == (0, 0)


WRONG = [
    ("classification", " \u00a0", "x", "text", "the text is empty"),
    ("classification", "", "x", "text", "the text is empty"),
    ("classification", 3, "x", "text", "the text must be a string. Received: 3"),
    ("classification", "a", " ", "label", "the row has no label"),
    ("classification", "a", None, "label", "a label must be a string or a number. Received: None"),
    ("classification", "a", ["x", "y"], "label", "a label must be a string or a number"),
    ("classification", "a", "z", "label", "unknown label 'z'; the labels are 'x', 'y'; correct it"),
    ("classification", "a", "yy", "label", "did you mean 'y'?"),
    ("classification", "a", "2", "label", "name what the file means by it with label_names in"),
    ("classification", "a", "l\n" * 99, "label", "unknown label 'l l l"),
    ("multilabel", "a", "x|z", "label", "unknown label 'z'"),
    ("multilabel", "a", 3, "label", "expected a list of labels, or 'a|b'. Received: 3"),
    ("multilabel", "a", ["x", {}], "label", "a label must be a string or a number. Received: {}"),
    ("regression", "a", "3,5", "label", "expected a number, such as 3.5. Received: '3,5'"),
    ("regression", "a", "1_000", "label", "expected a number"),
    ("regression", "a", True, "label", "expected a number"),
    ("regression", "a", "", "label", "expected a number"),
    ("regression", "a", "NaN", "label", "expected a finite number. Received: 'NaN'"),
    ("regression", "a", float("inf"), "label", "expected a finite number"),
    ("regression", "a", 1e39, "label", "expected a finite number"),
    ("regression", "a", 10**400, "label", "expected a number"),
    ("tagging", "a b", "O", "label", "2 words and 1 tags; expected a tag for every word"),
    ("tagging", " ", "", "text", "the text is empty"),
    ("tagging", {"a": 1}, "O", "text", "expected a list of words, or a string"),
    ("tagging", ["a", 1], "O O", "text", "expected a list of words, or a string"),
    ("tagging", "a", 1, "label", "expected a list of tags, or a string. Received: 1"),
    ("tagging", "a", "NOUN", "label", "fits no scheme; expected 'O', or B-, I-, E-"),
    ("tagging", "a", "NOUN", "label", "its part of speech, set kind: token_labels"),
    ("token_labels", "a b", "x", "label", "2 words and 1 labels; expected a label for every word"),
    ("token_labels", " ", "", "text", "the text is empty"),
    ("token_labels", "a", 1, "label", "expected a list of labels, or a string. Received: 1"),
]


@pytest.mark.parametrize(("kind", "text", "label", "part", "message"), WRONG)
def test_rows_against_their_kind_are_refused(kind, text, label, part, message):
    with pytest.raises(RowError) as raised:
        _example(kind, text, label)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.part == part


@pytest.mark.parametrize(
    ("kind", "words", "labels", "part", "message"),
    [
        ("tagging", "a b c", "O O X-y", "label", "the tag 'X-y' fits no scheme"),
        ("tagging", "a b c", "O O B-z", "label", "unknown label 'z'"),
        ("tagging", "a b c", ["O", "O", None], "label", "a label must be a string"),
        ("tagging", "a b c", ["O", "O", ""], "label", "the row has no label"),
        ("tagging", ["a", "b", " "], "O O O", "text", "word 3 is empty"),
        ("token_labels", "a b c", "x x O", "label", "unknown label 'O'; the labels are 'x', 'y'"),
        ("token_labels", "a b c", ["x", "x", None], "label", "a label must be a string"),
        ("token_labels", "a b c", ["x", "x", " "], "label", "the row has no label"),
        ("token_labels", ["a", "b", " "], "x x x", "text", "word 3 is empty"),
    ],
)
def test_the_word_that_is_wrong_is_reported(kind, words, labels, part, message):
    with pytest.raises(RowError, match=message) as raised:
        _example(kind, words, labels)
    assert (raised.value.part, raised.value.word) == (part, 2)


def test_numbers_are_not_taken_for_a_files_own_where_labels_are_numbers():
    with pytest.raises(RowError, match=r"correct it, add it to the task's labels"):
        _example("classification", "a", "3", labels=("1", "2"))


def test_which_labels_an_example_counts_for():
    assert list(LABEL_KINDS["classification"].counted(3)) == [3]
    assert list(LABEL_KINDS["multilabel"].counted((0, 2))) == [0, 2]
    assert list(LABEL_KINDS["regression"].counted(0.5)) == []
    assert list(LABEL_KINDS["tagging"].counted((0, 1, 2, 3, 1))) == [0, 1, 0]
    assert list(LABEL_KINDS["token_labels"].counted((0, 1, 1))) == [0, 1, 1]


@pytest.mark.parametrize(
    ("kind", "labels", "expected"),
    [
        ("classification", [1, 0], np.array([1, 0], np.int32)),
        ("regression", [1.5, -2.0], np.array([1.5, -2], np.float32)),
        ("multilabel", [(0, 2), ()], np.array([[1, 0, 1], [0, 0, 0]], np.float32)),
    ],
)
def test_arrays_of_text_kinds(kind, labels, expected):
    examples = [Example("é\0", labels[0]), Example("b", labels[1])]
    arrays = LABEL_KINDS[kind].arrays(examples, 3)
    assert arrays["text"].tolist() == ["é\0".encode(), b"b"]
    np.testing.assert_array_equal(arrays["label"], expected, strict=True)
    assert LABEL_KINDS[kind].arrays([], 3)["label"].shape == (0, *expected.shape[1:])


@pytest.mark.parametrize("kind", ["tagging", "token_labels"])
def test_arrays_of_words_tell_each_words_first_byte(kind):
    words = ("Zürich", "New York", "!")
    arrays = LABEL_KINDS[kind].arrays([Example(" ".join(words), (1, 1, 0), words)], 3)
    encoded = arrays["text"][0]
    for start, word in zip(arrays["word_starts"], words, strict=True):
        assert encoded[start:].startswith(word.encode())
    assert arrays["words"].tolist() == [3]
    assert arrays["label"].tolist() == [1, 1, 0]


def test_a_task_is_judged_by_its_kinds_first_metric():
    assert {name: kind.metric for name, kind in LABEL_KINDS.items()} == {
        "classification": "accuracy",
        "tagging": "span_f1",
        "regression": "mae",
        "multilabel": "micro_f1",
        "token_labels": "accuracy",
    }


def test_only_errors_are_better_when_lower():
    judged_by = {kind.metric for kind in LABEL_KINDS.values()}
    assert {metric for metric in judged_by if not higher_is_better(metric)} == {"mae"}
