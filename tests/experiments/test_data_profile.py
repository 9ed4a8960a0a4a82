"""Counts of training examples, against counts by hand."""

import math

import pytest

from mtl_keras import InputError, Task, TaskDataset
from mtl_keras.experiments.data_profile import estimated_pieces, profile, quantile


def _profile(folder, lines, **options):
    file = folder / "data.csv"
    file.write_text("\n".join(["text,label", *lines]) + "\n")
    task = Task("mood", files={"train": file, "validation": file}, **options)
    return profile(TaskDataset(task))


def test_balance(tmp_path):
    lines = [f"text {i},{label}" for i, label in enumerate("a" * 12 + "b" * 3 + "c" * 1)]
    actual = _profile(tmp_path, lines, labels=["a", "b", "c", "d"])
    assert actual.label_counts == {"a": 12, "b": 3, "c": 1, "d": 0}
    assert (actual.largest_label, actual.largest_share) == ("a", 0.75)
    entropy = -(3 / 4 * math.log2(3 / 4) + 3 / 16 * math.log2(3 / 16) + 1 / 16 * math.log2(1 / 16))
    assert actual.evenness == pytest.approx(entropy / 2)  # of log2(4) = 2 bits
    assert (actual.labels_given(0, 0), actual.labels_given(1, 9)) == (["d"], ["b", "c"])


@pytest.mark.parametrize(("labels", "evenness"), [("ab" * 4, 1), ("aaaa", 0)])
def test_evenness_runs_from_0_to_1(tmp_path, labels, evenness):
    lines = [f"text,{label}" for label in labels]
    assert _profile(tmp_path, lines, labels=["a", "b"]).evenness == evenness


def test_lengths(tmp_path):
    lines = [*["one"] * 10, *["one two"] * 9, " ".join(["word"] * 40)]
    actual = _profile(tmp_path, [f"{line},1.5" for line in lines], kind="regression")
    assert actual.words == {1: 10, 2: 9, 40: 1}
    row = actual.as_row()
    assert (row["words_median"], row["words_95"], row["pieces_95"]) == (1, 2, 4)
    assert (actual.longer_than(4), actual.longer_than(3), actual.longer_than(42)) == (0.05, 0.5, 0)
    assert (row["labels"], row["largest_share"], row["evenness"]) == (None, None, None)


def test_repeated_texts(tmp_path):
    lines = [f"{text},{label}" for text, label in ["xa", "ya", "xa", "xb", "za", "yb"]]
    assert _profile(tmp_path, lines).repeated == 3


def test_a_tagging_task_counts_spans(tmp_path):
    file = tmp_path / "data.conll"
    file.write_text("New\tB-city\nYork\tI-city\n,\tO\nParis\tB-city\n\nSony\tB-product\n")
    task = Task("entities", kind="tagging", files={"train": file, "validation": file})
    actual = profile(TaskDataset(task))
    assert actual.label_counts == {"city": 2, "product": 1}
    assert actual.words == {4: 1, 1: 1}


def test_training_examples_are_needed(tmp_path):
    (tmp_path / "data.csv").write_text("text,label\na,x\nb,y\n")
    task = Task("mood", labels=["x", "y"], files={"test": tmp_path / "data.csv"})
    with pytest.raises(InputError, match="no train examples"):
        profile(TaskDataset(task))


def test_what_is_cut_off_for_validation_is_not_counted(tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("\n".join(["text,label", *(f"text {i},{i % 2}" for i in range(100))]) + "\n")
    actual = profile(TaskDataset(Task("mood", files={"train": file})))
    assert actual.examples + actual.validation_examples == 100
    assert actual.examples == sum(actual.words.values()) == sum(actual.label_counts.values())


@pytest.mark.parametrize(
    ("text", "pieces"), [("", 2), ("cat sat.", 5), ("unbelievably", 4), ("日本 я", 5), ("café", 3)]
)
def test_estimated_pieces(text, pieces):
    assert estimated_pieces(text) == pieces


def test_the_estimate_is_close_to_the_genuine_word_pieces(shared):
    from mtl_keras.encoders.pretrained.checkpoint import open_checkpoint
    from mtl_keras.encoders.pretrained.sources import MINILM, find

    files = {split: shared / "data/snips" / split for split in ("train", "valid")}
    files["validation"] = files.pop("valid")
    dataset = TaskDataset(Task("slots", kind="tagging", files=files))
    texts = [example.text for example in dataset.examples("validation")]
    checkpoint = open_checkpoint(find(MINILM))
    tokenizer = checkpoint.make_tokenizer(max_length=128)
    genuine = sum(map(len, tokenizer(texts).token_ids.to_list()))
    assert sum(map(estimated_pieces, texts)) == pytest.approx(genuine, rel=0.06)


def test_quantiles_are_lengths_that_occur():
    assert quantile({2: 95, 9: 5}, 95) == 2
    assert quantile({2: 94, 9: 6}, 95) == 9
    assert quantile({4: 1}, 50) == 4
