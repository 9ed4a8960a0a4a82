"""A run that has begun: what it writes down."""

import json

from mtl_keras.models.loading import load_model


def test_the_run_records_tasks_and_counts(trained):
    record = json.loads((trained / "run.json").read_text())
    assert record["tasks"]["topic"]["labels"] == ["x", "y"]
    assert record["examples"]["topic"]["test"] == 12
    assert {"mtl_keras", "tensorflow", "keras", "numpy", "python"} <= set(record["versions"])
    assert record["seed"] == 0
    assert set(record["data"]) == {"train.csv", "test.csv", "train.conll", "test.conll"}


def test_the_runs_model_holds_no_state_of_an_optimizer(trained):
    assert not load_model(trained / "model.keras").compiled
