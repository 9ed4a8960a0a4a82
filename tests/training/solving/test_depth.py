"""Heads on every level, and the level that a task reads if its recipe leaves it open."""

import numpy as np
import pytest

import mtl_keras as mtl
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.training.solving.depth import best_block, chosen_levels, heads_by_depth, scored_depth
from mtl_keras.training.solving.linear import LinearHead
from mtl_keras.training.solving.selection import Solution


@pytest.fixture
def dataset(tmp_path):
    file = tmp_path / "topic.csv"
    file.write_text("text,label\n" + "aa b,x\nc d e,y\nf gg,x\nb d,y\n" * 8)
    return mtl.TaskDataset(
        mtl.Task("topic", files={"train": file, "validation": file}, reads="auto")
    )


def solution(level: str, score: float, loss: float = 0.5) -> Solution:
    head = LinearHead(np.zeros((1, 1)), np.zeros(1))
    return Solution(level, head, 0.1, {"accuracy": score}, (score, -loss), 0.1, True)


def test_there_is_a_head_for_each_level_lowest_first(tiny_encoder, dataset):
    solutions = heads_by_depth(tiny_encoder(), dataset)
    assert [solution.level for solution in solutions] == ["embeddings", "block_0", "block_1"]
    assert all(0 <= solution.held_out["accuracy"] <= 1 for solution in solutions)


def test_the_best_block_is_chosen_and_of_equal_ones_the_lowest():
    levels = [solution("embeddings", 0.9), solution("block_0", 0.7), solution("block_1", 0.7)]
    task = mtl.Task("topic")
    assert best_block(levels, task) == "block_0"
    assert best_block([*levels, solution("block_2", 0.7, loss=0.4)], task) == "block_2"


def test_a_task_with_own_blocks_reads_the_best_of_these():
    levels = [solution("embeddings", 0.9), solution("block_0", 0.8), solution("block_1", 0.7)]
    assert best_block(levels, mtl.Task("topic", own_blocks=1)) == "block_1"


def test_only_tasks_that_leave_it_open_are_asked_and_each_has_a_line(tiny_encoder, dataset):
    lines = []
    solutions = chosen_levels(tiny_encoder(), {"topic": dataset}, report=lines.append)
    assert list(solutions) == ["topic"]
    (line,) = lines
    assert line.startswith(
        f"topic reads {best_block(solutions['topic'], dataset.task)}; accuracy by level: emb"
    )


def test_without_validation_examples_there_is_nothing_to_choose_by(tiny_encoder, tmp_path):
    file = tmp_path / "stream.csv"
    file.write_text("text,label\n" + "aa b,x\nc d e,y\n" * 8)
    task = mtl.Task("topic", labels=["x", "y"], files={"train": file}, reads="auto")
    dataset = mtl.TaskDataset(task)
    dataset.splits = ("train",)
    with pytest.raises(mtl.InputError, match="task 'topic': reads: auto needs validation"):
        heads_by_depth(tiny_encoder(), dataset)


def test_every_task_is_scored_at_each_level_whatever_it_reads(tiny_encoder, dataset):
    depth = scored_depth(tiny_encoder(), {"topic": dataset}, "validation")["topic"]
    assert [level["level"] for level in depth["levels"]] == ["embeddings", "block_0", "block_1"]
    assert depth["reads"] in ("block_0", "block_1")
    for level in depth["levels"]:
        scored = level["scored"]
        assert 0 <= scored["low"] <= scored["value"] <= scored["high"] <= 1


def test_an_encoder_of_one_block_has_two_levels_and_is_read_at_its_only_block(letters, dataset):
    config = EncoderConfig(
        vocabulary_size=len(letters.vocabulary),
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
    )
    encoder = mtl.TextEncoder(letters, config)
    solutions = heads_by_depth(encoder, dataset)
    assert [solution.level for solution in solutions] == ["embeddings", "block_0"]
    assert best_block(solutions, dataset.task) == "block_0"
    task = mtl.Task("topic", labels=["x", "y"], reads="block_1")
    with pytest.raises(mtl.InputError, match="has no block_1; its blocks are block_0"):
        mtl.MultiTaskModel(encoder, [task])
