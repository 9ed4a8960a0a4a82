"""From two DataFrames to a served model, as a notebook does it."""

import os
from pathlib import Path

import pytest
from support.asserts import assert_same_answers
from support.pages import blocks
from support.places import ROOT

import mtl_keras as mtl
from mtl_keras.samples.make_tickets import TICKETS_FOLDER

pd = pytest.importorskip("pandas", reason="needs pip install pandas")

pytestmark = pytest.mark.slow


SOURCES = {"df": ("train", 60), "df_test": ("test", 20), "df2": ("validation", 40)}


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """Name → tickets, in an empty folder; every third is urgent."""
    monkeypatch.chdir(tmp_path)
    return {name: _frame(*source) for name, source in SOURCES.items()}


def test_the_readme_goes_from_two_frames_to_a_served_model(frames, capsys):
    (text,) = blocks(ROOT / "README.md", "python")
    exec(compile(text, "README.md", "exec"), names := dict(frames))
    served = mtl.serving.SavedModel("saved_models/tickets")
    answers = names["model"].predict(["I was charged twice"])
    assert_same_answers(served(["I was charged twice"]), answers)
    assert "texts have the same answers as the model's" in capsys.readouterr().out
    card = Path("saved_models/tickets/1/README.md").read_text(encoding="utf-8")
    assert "Plan: stages. Trained by mtl_keras" in card.replace("\\", "")
    assert "| topic | test | 20 |" in " ".join(card.split())


def test_nothing_is_written_before_save(frames, tiny_encoder):
    df, df_test, df2 = frames.values()
    model = mtl.MultiTaskModel(
        tiny_encoder(),
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
    assert not os.listdir()
    model.save("model.keras")
    assert_same_answers(mtl.load_model("model.keras").predict(["I was charged twice"]), answers)


def _frame(name, rows):
    frame = pd.read_csv(TICKETS_FOLDER / f"{name}.csv").sample(rows, random_state=0)
    frame["urgent"] = ["yes" if row % 3 == 0 else "no" for row in range(rows)]
    return frame.rename(columns={"text": "body"})
