"""A loss that is no number stops the run, and says why."""

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import write_tiny_recipe

from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.errors import WorkError
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.training.nan_diagnosis import explain, places
from mtl_keras.training.train_recipe import train


@pytest.fixture
def short_folder():
    """With paths so short that no message is cut."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.slow
def test_a_run_stops_at_the_step_and_names_task_rows_and_cause(tiny_bert, short_folder):
    tiny_recipe = write_tiny_recipe(short_folder, tiny_bert)
    text = tiny_recipe.read_text()
    start = text.index("  stages:")
    tiny_recipe.write_text(
        f"{text[:start]}  stages: [{{learning_rate: {{heads: 1.0e+30, backbone: 1.0e+30}}}}]\n"
    )
    folder = short_folder / "run"
    with pytest.raises(WorkError) as raised:
        train(load_recipe(tiny_recipe), folder, verbose=0, report=lambda line: None)
    message = str(raised.value)
    actual = re.fullmatch(
        r"after stage 1, epoch 1, step (\d+) the loss was (nan|inf), of (topic|entities), rows "
        r"(.*); likely the learning rates are too high \(up to 1e\+30\): lower them, or let them "
        r"rise with warmup",
        message,
    )
    assert actual, message
    assert 1 <= int(actual[1]) < 10
    name = "train.csv" if actual[3] == "topic" else "train.conll"
    rows = actual[4].count(f"{tiny_recipe.parent / name}:")
    assert rows in (8, 4), "those of a batch; the last one of an epoch is short"
    assert not (folder / "run.json").exists()


def test_large_numbers_are_the_cause_where_there_are_some(tmp_path, letters):
    rows = [f"{'abcdefghijklmnopqrst'[row]},{row}" for row in range(19)]
    (tmp_path / "train.csv").write_text("\n".join(["text,label", *rows, "ab,1e20"]) + "\n")
    dataset = TaskDataset(
        Task("stars", kind="regression", files={"train": "train.csv"}), base_folder=tmp_path
    )
    path = str(tmp_path / "train.csv")
    texts = [*[example.text for example in dataset.examples("train")][:2], "ab"]
    ids = letters(texts).token_ids.to_tensor()
    mask = tf.sequence_mask(letters(texts).token_ids.row_lengths())
    labels, weights = (
        {"stars": tf.constant(values)} for values in ([0.0, 1.0, 1e20], [0.0, 1.0, 1.0])
    )
    batch = ({"token_ids": ids, "padding_mask": mask}, labels, weights)
    message = explain(batch, {"stars": np.inf}, {"stars": dataset}, letters, {"a": 1.0})
    lines = [
        line for _, line, example in dataset.placed_examples("train") if example.text in texts[1:]
    ]
    assert message == (
        f"of stars, rows {', '.join(f'{path}:{line}' for line in lines)}; its numbers are as "
        "large as 1e+20: scale them to about 1"
    )
    assert places(dataset, letters, []) == []
