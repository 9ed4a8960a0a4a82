"""Texts are kept once, and found again in any batch."""

import numpy as np
import pytest

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.training.features import texts as texts_module
from mtl_keras.training.features.texts import DistinctTexts


@pytest.fixture
def texts(tmp_path, letters):
    """`ab` is in both tasks and both splits."""
    datasets = []
    for name, rows in (("one", ["ab,x", "abcd,y", "a,x"]), ("other", ["ab,x", "abc,y"])):
        for split in ("train", "validation"):
            path = tmp_path / f"{name}-{split}.csv"
            path.write_text("\n".join(["text,label", *(rows if split == "train" else ["ab,x"])]))
        files = {split: f"{name}-{split}.csv" for split in ("train", "validation")}
        task = Task(name, labels=["x", "y"], files=files)
        datasets.append(TaskDataset(task, base_folder=tmp_path))
    return DistinctTexts.of(datasets, letters)


def test_every_text_is_kept_once(texts):
    assert len(texts.ids) == 4
    assert sorted(texts.lengths) == [3, 4, 5, 6], "a word piece a letter, [CLS] and [SEP]"


def test_texts_are_found_again_in_a_padded_batch(texts, letters):
    ids = letters(["abc", "a", "ab"]).token_ids
    numbers = texts.numbers(ids.to_tensor().numpy(), ids.row_lengths().numpy())
    padded, mask = texts.padded(numbers)
    np.testing.assert_array_equal(padded, ids.to_tensor().numpy())
    np.testing.assert_array_equal(mask.sum(axis=1), ids.row_lengths())


def test_passes_hold_all_texts_the_longest_first_within_a_budget(texts, monkeypatch):
    monkeypatch.setattr(texts_module, "TOKENS_PER_PASS", 10)
    passes = list(texts.passes())
    assert [list(texts.lengths[numbers]) for numbers in passes] == [[6], [5, 4], [3]]
    assert sorted(np.concatenate(passes)) == [0, 1, 2, 3]
