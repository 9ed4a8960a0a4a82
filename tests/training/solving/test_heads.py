"""Heads of a model, solved: better than trained ones, at any level, and nothing else moves."""

import numpy as np
import pytest
from support.every_kind import open_every_kind

import mtl_keras as mtl
from mtl_keras.evaluation.scores import evaluate_all
from mtl_keras.models.variables import values, weight_variables
from mtl_keras.training.solving import selection
from mtl_keras.training.solving.heads import solve_heads


@pytest.fixture
def datasets(tmp_path):
    return open_every_kind(tmp_path)


def model_of(encoder, datasets, reads="last"):
    tasks = [
        mtl.Task(task.name, task.kind, task.labels, reads=reads)
        for task in (dataset.task for dataset in datasets.values())
    ]
    return mtl.MultiTaskModel(encoder, tasks, head_dropout=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("reads", ["last", "block_0", "mix"])
def test_heads_of_every_kind_learn_what_can_be_learnt(tiny_encoder, datasets, reads):
    model = model_of(tiny_encoder(0.0), datasets, reads)
    before = evaluate_all(model, datasets, "train")
    losses = solve_heads(model, datasets, list(datasets))
    after = evaluate_all(model, datasets, "train")
    for name, dataset in datasets.items():
        assert after[name]["loss"] < before[name]["loss"]
        assert losses[name] == pytest.approx(after[name]["loss"], rel=0.05, abs=0.02)
        if dataset.task.label_kind.higher_is_better:
            assert after[name][dataset.task.metric] > 0.9


def test_nothing_moves_but_the_heads_that_are_named(tiny_encoder, datasets):
    model = model_of(tiny_encoder(0.0), datasets)
    others = [group for group in model.layer_groups if group != "heads/topic"]
    before = values(weight_variables(model, others))
    solve_heads(model, datasets, ["topic"])
    for name, value in values(weight_variables(model, others)).items():
        np.testing.assert_array_equal(value, before[name])


def test_it_reports_a_line_a_task(tiny_encoder, datasets):
    lines = []
    solve_heads(model_of(tiny_encoder(0.0), datasets), datasets, ["topic"], report=lines.append)
    (line,) = lines
    assert line.startswith("topic: head solved, held-out accuracy ")


def test_a_head_that_is_not_at_its_optimum_is_kept_with_a_note(tiny_encoder, datasets, monkeypatch):
    monkeypatch.setattr(selection, "SEARCH_STEPS", 1)
    monkeypatch.setattr(selection, "FINAL_STEPS", 1)
    model, lines = model_of(tiny_encoder(0.0), datasets), []
    losses = solve_heads(model, datasets, ["topic"], report=lines.append)
    assert lines[0].endswith("; not converged, the best so far is kept")
    assert np.isfinite(losses["topic"])


def test_features_that_are_no_numbers_and_labels_that_are_all_one_are_refused(
    tiny_encoder, datasets, tmp_path
):
    encoder = tiny_encoder(0.0)
    file = tmp_path / "one.csv"
    file.write_text("text,label\n" + "aa b,x\nc d,x\n" * 8)
    task = mtl.Task("topic", labels=["x", "y"], files={"train": file, "validation": file})
    one = {"topic": mtl.TaskDataset(task)}
    with pytest.raises(mtl.InputError, match="task 'topic': all its training examples have the sa"):
        solve_heads(model_of(encoder, one), one, ["topic"])
    model = model_of(encoder, datasets)
    block = model.encoder.transformer.get_layer("block_1")
    block.set_weights([np.full_like(weight, np.nan) for weight in block.get_weights()])
    with pytest.raises(mtl.InputError, match="vectors at block_1 are not all finite"):
        solve_heads(model, datasets, ["topic"])
