"""Rows of a split: the vectors that heads read, their labels, and the way back to examples."""

import numpy as np
import pytest
from support.every_kind import open_every_kind

import mtl_keras as mtl
from mtl_keras.models.kinds.table import kind_of
from mtl_keras.training.solving.rows import Rows


@pytest.fixture
def datasets(tmp_path):
    return open_every_kind(tmp_path)


@pytest.mark.parametrize("name", ["topic", "entities", "products", "stars", "parts"])
def test_perfect_outputs_come_back_as_perfect_examples(tiny_encoder, datasets, name):
    task = datasets[name].task
    rows = Rows.of(tiny_encoder(), datasets[name], "train", ["block_0", "block_1"])
    assert rows.levels["block_0"].shape == (len(rows.labels), 8)
    measured = kind_of(task).measured(task, rows.scored(rows.targets()))
    best = 1.0 if task.label_kind.higher_is_better else 0.0
    assert measured[task.metric] == pytest.approx(best)


def test_vectors_are_those_that_the_encoder_gives(tiny_encoder, datasets):
    encoder = tiny_encoder()
    rows = Rows.of(encoder, datasets["topic"], "train", ["block_1"], seed=3)
    texts = [text.decode() for part in rows.parts for text in part.chunk["text"].numpy()]
    embedded = encoder.encode(texts)["sentence_embedding"]
    np.testing.assert_allclose(rows.levels["block_1"], embedded, atol=1e-5)


def test_words_of_a_text_are_rows_of_that_text(tiny_encoder, datasets):
    rows = Rows.of(tiny_encoder(), datasets["entities"], "train", ["block_1"])
    lengths = np.bincount(rows.texts)
    assert sorted(set(lengths)) == [2, 3]
    assert len(lengths) == datasets["entities"].counts["train"]


def test_a_budget_ends_the_rows(tiny_encoder, tmp_path):
    file = tmp_path / "many.csv"
    file.write_text("text,label\n" + "aa b,x\nc d,y\n" * 400)
    dataset = mtl.TaskDataset(mtl.Task("topic", files={"train": file, "validation": file}))
    rows = Rows.of(tiny_encoder(), dataset, "train", ["block_1"], budget=300 * 8 * 4)
    assert 300 <= len(rows.labels) < 800
    assert set(rows.labels) == {0, 1}


def test_a_beginning_is_whole_parts(tiny_encoder, tmp_path):
    file = tmp_path / "many.csv"
    file.write_text("text,label\n" + "aa b,x\nc d,y\n" * 400)
    dataset = mtl.TaskDataset(mtl.Task("topic", files={"train": file, "validation": file}))
    rows = Rows.of(tiny_encoder(), dataset, "train", ["block_1"])
    for most, count in ((1, 256), (256, 256), (700, 512), (10_000, 800)):
        some = rows.beginning(most)
        assert len(some.labels) == len(some.levels["block_1"]) == len(some.texts) == count
        scored = [label for labels, _ in some.scored(some.targets()) for label in labels]
        assert scored == list(rows.labels[:count])


def test_vectors_that_are_not_finite_are_refused(tiny_encoder, datasets):
    encoder = tiny_encoder()
    block = encoder.transformer.get_layer("block_1")
    block.set_weights([np.full_like(weight, np.nan) for weight in block.get_weights()])
    with pytest.raises(mtl.InputError, match="task 'topic': the encoder's vectors at block_1 are"):
        Rows.of(encoder, datasets["topic"], "train", ["block_1"])


def test_a_mix_begins_as_the_mean_of_the_levels(tiny_encoder, datasets):
    rows = Rows.of(tiny_encoder(), datasets["topic"], "train", ["block_0", "block_1"]).mixed()
    mean = (rows.levels["block_0"] + rows.levels["block_1"]) / 2
    np.testing.assert_allclose(rows.levels["mix"], mean, atol=1e-6)
