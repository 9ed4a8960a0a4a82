"""Heads of a model, solved: better than trained ones, at any level, and nothing else moves."""

import numpy as np
import pytest
from support.every_kind import open_every_kind

import mtl_keras as mtl
from mtl_keras.evaluation.scores import evaluate_all
from mtl_keras.models.variables import values, weight_variables
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
