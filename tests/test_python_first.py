"""From two DataFrames to a served model, as a notebook does it."""

import os

import pytest
from support.asserts import assert_same_answers

import mtl_keras as mtl
from mtl_keras.samples.make_tickets import TICKETS_FOLDER

pd = pytest.importorskip("pandas", reason="needs pip install pandas")

pytestmark = pytest.mark.slow


@pytest.fixture(params=["tiny", "all-MiniLM-L6-v2"])
def encoder(request, tiny_encoder):
    return tiny_encoder() if request.param == "tiny" else request.param


def test_two_frames_become_a_served_model(encoder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    df, df_test, df2 = (_frame(name, rows) for name, rows in SOURCES)
    model = mtl.MultiTaskModel(
        encoder,
        [
            mtl.Task("topic", data={"train": df, "test": df_test}, text="body", label="topic"),
            mtl.Task("urgent", data={"train": df2}, text="body", label="urgent"),
        ],
    )
    stages = [mtl.Stage(freeze="backbone"), mtl.Stage(freeze="top:1", epochs=2)]
    history = model.fit_stages(stages, patience=2, verbose=0, report=lambda line: None)
    assert len(history.plot().axes) == 3
    assert "topic" in model.evaluate_tasks("test")._repr_html_()
    errors = model.errors("topic", "test")
    assert len(errors.plot().axes) == 1
    assert {row["text"] for row in errors.worst(20)} <= {*df_test["body"]}
    answers = model.predict(["I was charged twice"])
    assert not os.listdir(tmp_path)
    model.save("model.keras")
    assert_same_answers(mtl.load_model("model.keras").predict(["I was charged twice"]), answers)
    path = mtl.publish(model, "saved_models/tickets", report=lambda line: None)
    served = mtl.serving.SavedModel("saved_models/tickets")
    assert_same_answers(served(["I was charged twice"]), answers)
    card = " ".join((path / "README.md").read_text(encoding="utf-8").split())
    assert "Plan: stages. Trained by mtl_keras" in card
    assert "| topic | test | 20 |" in card


SOURCES = (("train", 60), ("test", 20), ("validation", 40))


def _frame(name, rows):
    """Tickets, shuffled; every third is urgent."""
    frame = pd.read_csv(TICKETS_FOLDER / f"{name}.csv").sample(rows, random_state=0)
    frame["urgent"] = ["yes" if row % 3 == 0 else "no" for row in range(rows)]
    return frame.rename(columns={"text": "body"})
