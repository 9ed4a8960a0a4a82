"""What 0.1.0 wrote before its modules moved into rooms still loads, resumes and answers.

`files_of_0_1_0/make.py` made the files with that version: a finished run, an unfinished one of the
same recipe, a compiled `.keras` file and an export.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_text  # noqa: F401, the tokenizer's operations
from support.asserts import assert_same_answers
from support.places import TESTS

import mtl_keras as mtl
from mtl_keras.cli.main import main
from mtl_keras.export.saved_model import read_answers

WRITTEN = TESTS / "files_of_0_1_0"
ANSWERS = json.loads((WRITTEN / "answers.json").read_text(encoding="utf-8"))
TEXTS = [answer["text"] for answer in ANSWERS]


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy, as a test may write in it."""
    return Path(shutil.copytree(WRITTEN, tmp_path / "letters"))


@pytest.mark.slow
def test_a_run_answers_as_it_did():
    assert_same_answers(_answers(mtl.Run.open(WRITTEN / "run").model()), ANSWERS)


@pytest.mark.slow
def test_a_run_has_its_best_weights():
    best = mtl.Run.open(WRITTEN / "run").model(best="entities")
    assert mtl.answer(best, TEXTS)[0].keys() == {"text", "read", "topic", "entities"}


@pytest.mark.slow
def test_a_compiled_model_answers_as_it_did_and_trains_on():
    model = mtl.load_model(WRITTEN / "model.keras")
    assert_same_answers(_answers(model), ANSWERS)
    assert isinstance(model.optimizer, mtl.LayerwiseOptimizer)
    assert model.optimizer.of_layer  # with the state that it was saved with


@pytest.mark.slow
def test_an_export_answers_as_it_did():
    served = tf.saved_model.load(WRITTEN / "export/1").signatures
    outputs = {
        name: tensor.numpy()
        for name, tensor in served["serving_default"](tf.constant(TEXTS)).items()
    }
    labels = {
        name: tensor.numpy()[0] for name, tensor in served["labels"](tf.constant([""])).items()
    }
    assert_same_answers(read_answers(outputs, TEXTS, labels), ANSWERS)


@pytest.mark.slow
def test_an_unfinished_run_resumes_and_ends_as_one_that_was_never_interrupted(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["train", "recipe.yaml", "--output", "unfinished", "--resume", "--quiet"]) == 0
    resumed, whole = mtl.Run.open("unfinished"), mtl.Run.open("run")
    assert_same_answers(_metrics_of_0_1_0(resumed), _metrics_of_0_1_0(whole))
    for ours, theirs in zip(resumed.model().weights, whole.model().weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)


def _answers(model):
    """Without `read`, which 0.1.0 did not say."""
    answers = mtl.answer(model, TEXTS)
    return [{name: answer[name] for name in answer if name != "read"} for answer in answers]


def _metrics_of_0_1_0(run):
    """Split → task → metrics, without the intervals: to 0.1.0 no entity was an F1 of 0."""
    later = ("low", "high", "notes", "ece")
    return {
        split: {
            task: {name: metrics[name] for name in metrics if name not in later}
            for task, metrics in tasks.items()
        }
        for split, tasks in run.scores.items()
    }


def test_a_damaged_file_is_refused_in_a_line(folder):
    (folder / "run/model.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(mtl.InputError, match=r"model\.keras: damaged; restore it or train again"):
        mtl.Run.open(folder / "run").model()
