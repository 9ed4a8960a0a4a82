"""What each command does and prints."""

import csv
import gzip
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from support.command import run_command
from support.tiny import of_one_task

from mtl_keras.experiments import comparison, job


def test_from_files_to_answers(trained, capsys, tmp_path):
    run_folder = trained
    files = {"recipe.yaml", "run.json", "history.json", "metrics.json", "model.keras", "best"}
    files |= {"history.csv", "logs", "review.json", "report.html"}
    assert {path.name for path in run_folder.iterdir()} == files

    status, out, _ = run_command(capsys, "evaluate", run_folder, "--split", "test", "--json")
    tasks = json.loads(out)["tasks"]
    assert status == 0
    assert [*tasks["topic"]] == [
        *("examples", "accuracy", "macro_f1", "ece", "loss", "low", "high")
    ]
    assert [*tasks["entities"]] == [
        *("examples", "span_f1", "precision", "recall", "ece", "loss", "low", "high")
    ]
    assert tasks["topic"]["examples"] == 12
    recorded = json.loads((run_folder / "metrics.json").read_text())["test"]
    assert tasks["topic"]["loss"] == pytest.approx(recorded["topic"]["loss"], rel=1e-5)

    _, out, _ = run_command(capsys, "predict", run_folder, "bbb aaa.", "é aaa", "", "--json")
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["text"] for answer in answers] == ["bbb aaa.", "é aaa", ""]
    assert set(answers[0]["topic"]) == {"label", "score", "scores"}
    assert sum(answers[0]["topic"]["scores"].values()) == pytest.approx(1, abs=1e-5)
    for answer in answers:
        for entity in answer["entities"]:
            assert answer["text"][entity["start"] : entity["end"]] == entity["text"]

    (tmp_path / "texts.txt.gz").write_bytes(gzip.compress(b"bbb\naaa\n"))
    _, out, _ = run_command(
        capsys, "predict", run_folder, "--input", tmp_path / "texts.txt.gz", "--json"
    )
    assert [json.loads(line)["text"] for line in out.splitlines()] == ["bbb", "aaa"]
    status, out, _ = run_command(capsys, "predict", run_folder, "bbb aaa")
    assert status == 0
    assert out.startswith("bbb aaa\n  topic: ")

    _, out, _ = run_command(capsys, "inspect", run_folder, "--json")
    groups = {row["group"]: row["stages"] for row in json.loads(out)["groups"]}
    assert groups["block_0"] == [None, pytest.approx(9e-3)]
    assert groups["heads/topic"] == [pytest.approx(1e-2), pytest.approx(2e-2)]


@pytest.mark.slow
def test_a_run_and_its_export_answer_a_file(trained, capsys, tmp_path):
    assert run_command(capsys, "export", trained, tmp_path / "models")[0] == 0
    (tmp_path / "asked.csv").write_text("id,body\n1,bbb aaa\n2,ccc\n")
    tables = []
    for number, folder in enumerate((trained, tmp_path / "models")):
        answered = tmp_path / f"answered-{number}.csv"
        asked = ("--input", tmp_path / "asked.csv", "--column", "body", "--output", answered)
        assert run_command(capsys, "predict", folder, *asked) == (0, "", "")
        with open(answered, newline="") as file:
            tables.append(list(csv.DictReader(file)))
    columns = ["id", "body", "read", "topic/label", "topic/score", "entities/passages"]
    assert [*tables[0][0]] == columns
    for of_run, of_export in zip(*tables, strict=True):
        for column in columns[:4]:
            assert of_run[column] == of_export[column]
        scores = (float(row["topic/score"]) for row in (of_run, of_export))
        assert next(scores) == pytest.approx(next(scores), abs=1e-5)


@pytest.mark.slow
def test_inspect_shows_the_plan_before_training(tiny_recipe, capsys):
    tiny_recipe.write_text(of_one_task(tiny_recipe))
    status, out, _ = run_command(capsys, "inspect", tiny_recipe)
    assert status == 0
    assert [line.split() for line in out.splitlines() if line.startswith("embeddings")] == [
        ["embeddings", "600", "frozen", "0.0081"]
    ]
    totals = next(line.split() for line in out.splitlines() if line.startswith("all "))
    assert totals[1] == totals[3], "in the second stage everything trains"
    assert "GFLOP/step" in out


@pytest.mark.slow
def test_advise_recommends_a_plan_without_tensorflow(tiny_recipe):
    program = (
        "import sys; from mtl_keras.cli.main import main; status = main(sys.argv[1:]); "
        "sys.exit(status or 'tensorflow' in sys.modules)"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program, "advise", tiny_recipe], capture_output=True, text=True
    )
    assert (completed.returncode, completed.stderr) == (0, "")
    assert "linear_probe" in completed.stdout
    assert "What would change the plan" in completed.stdout


@pytest.mark.slow
def test_compare_prints_the_report_and_says_where_it_is(tiny_recipe, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(comparison, "call_job", lambda *arguments: job.main(arguments))
    folder = tmp_path / "report"
    arguments = ("compare", tiny_recipe, "--plans", "features", "--seeds", 1, "--output", folder)
    status, out, _ = run_command(capsys, *arguments)
    assert status == 0
    assert "run 1 of 1: features, seed 0, topic + entities" in out
    assert (folder / "report.md").read_text() in out
    assert out.splitlines()[-1] == f"report: {folder / 'report.html'}"


def test_export_says_where_the_version_is(trained, capsys, tmp_path, monkeypatch):
    asked = []

    def publish(run, folder, **options):
        asked.append((run.folder, folder, options))
        return Path(folder) / "1"

    monkeypatch.setattr("mtl_keras.export.publication.publish", publish)
    folder = tmp_path / "tickets"
    status, out, _ = run_command(capsys, "export", trained, folder, "--best", "topic")
    assert (status, out) == (0, f"export: {folder / '1'}\n")
    chosen = {"best": "topic", "format": "saved_model", "precision": "float32", "against": None}
    assert asked == [(trained, str(folder), chosen)]


def test_demo_serves_what_it_is_given(trained, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "mtl_keras.serving.demo.server.serve",
        lambda *given, **options: asked.append((given, options)),
    )
    assert run_command(capsys, "demo", trained, "--port", "0")[0] == 0
    assert asked == [((str(trained),), {"host": "127.0.0.1", "port": 0})]


def test_predict_and_evaluate_take_the_best_weights_of_a_task(trained, capsys):
    status, out, _ = run_command(capsys, "evaluate", trained, "--best", "topic", "--json")
    assert (status, json.loads(out)["tasks"]["topic"]["examples"]) == (0, 12)
    status, _, error = run_command(capsys, "predict", trained, "aaa", "--best", "tone")
    assert status == 2
    assert "no best weights of 'tone'; there are entities, mean, topic" in error


def test_train_ends_with_the_metrics_and_the_run(trained):
    message = (trained.parent / "said.txt").read_text()
    assert "topic" in message
    assert message.splitlines()[-1] == f"run: {trained}"


@pytest.mark.slow
def test_embed_writes_normalised_or_plain_embeddings(tiny_bert, tmp_path, capsys):
    texts, output = tmp_path / "texts.txt", tmp_path / "out.npy"
    texts.write_text("aaa\n\nbbb ccc\n")
    arguments = ("embed", tiny_bert, "--input", texts, "--output", output, "--max-length", 16)
    status, out, _ = run_command(capsys, *arguments)
    assert status == 0
    assert out == f"{output}: 3 × 8, float32\n"
    embeddings = np.load(output, allow_pickle=False)
    assert embeddings.dtype == np.float32
    assert not np.allclose(np.linalg.norm(embeddings, axis=1), 1.0)


def test_recipes_lists_the_bundled_ones(capsys):
    status, out, _ = run_command(capsys, "recipes", "--json")
    assert status == 0
    rows = {row["name"]: row["what"] for row in json.loads(out)["recipes"]}
    assert "synthetic" in rows["tickets"]


def test_a_finished_run_is_not_reported_as_that_of_another_recipe(tiny_recipe, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text("{}")
    (run / "recipe.yaml").write_text(tiny_recipe.read_text())
    tiny_recipe.write_text(tiny_recipe.read_text().replace("batch_size: 8", "batch_size: 4"))
    arguments = ("train", tiny_recipe, "--output", run, "--resume")
    line = f"mtl-keras: {run}: holds the finished run of another recipe; choose another --output\n"
    assert run_command(capsys, *arguments) == (2, "", line)


def test_a_damaged_run_is_refused(trained, capsys, tmp_path):
    run_folder = shutil.copytree(trained, tmp_path / "run")
    record = run_folder / "run.json"
    record.write_text(record.read_text().replace(str(trained.parent), str(tmp_path)))
    status, _, err = run_command(capsys, "evaluate", run_folder)
    assert status == 2
    assert "train.csv: no such file" in err
    model, best = run_folder / "model.keras", run_folder / "best" / "mean.safetensors"
    whole, zeros = model.read_bytes(), bytes(2000)
    half = len(whole) // 2
    for content in (b"", b"junk", whole[:1000], whole[:half] + zeros + whole[half + 2000 :]):
        model.write_bytes(content)
        status, _, err = run_command(capsys, "predict", run_folder, "text")
        assert (status, err) == (2, f"mtl-keras: {model}: damaged; restore it or train again\n")
    model.unlink()
    status, _, err = run_command(capsys, "predict", run_folder, "text")
    assert (status, err) == (2, f"mtl-keras: {model}: no such file; restore it or train again\n")
    model.write_bytes(whole)
    other = safetensors.numpy.save({"other": np.zeros(3, np.float32)})
    for content in (b"", b"junk" * 10, best.read_bytes()[:-10], other):
        best.write_bytes(content)
        status, _, err = run_command(capsys, "predict", run_folder, "text", "--best", "mean")
        assert (status, err) == (2, f"mtl-keras: {best}: damaged; restore it or train again\n")


def test_a_model_of_an_unknown_class_is_refused(trained, capsys, tmp_path):
    run_folder = shutil.copytree(trained, tmp_path / "run")
    with (
        zipfile.ZipFile(trained / "model.keras") as before,
        zipfile.ZipFile(run_folder / "model.keras", "w") as after,
    ):
        for name in before.namelist():
            after.writestr(name, before.read(name).replace(b"MultiTaskModel", b"MultiTaskMuddle"))
    status, _, err = run_command(capsys, "predict", run_folder, "text")
    assert status == 2
    assert "model.keras: refused as unsafe: it holds what no model of mtl_keras does (Could" in err
    assert err.count("\n") == 1


def test_a_model_of_other_labels_than_the_run_records_is_refused(trained, capsys, tmp_path):
    run_folder = shutil.copytree(trained, tmp_path / "run")
    record = run_folder / "run.json"
    content = json.loads(record.read_text())
    content["tasks"]["topic"]["labels"].append("z")
    record.write_text(json.dumps(content))
    status, _, err = run_command(capsys, "predict", run_folder, "text")
    assert status == 2
    assert "model.keras: has other tasks than run.json" in err


def test_a_finished_run_has_nothing_to_resume(trained, capsys):
    recipe = trained.parent / "recipe.yaml"
    status, out, _ = run_command(capsys, "train", recipe, "--output", trained, "--resume")
    assert status == 0
    assert out.startswith(f"{trained}: already finished; nothing to resume\n")
    assert "topic" in out


def test_evaluate_names_the_tasks_without_the_split(trained, capsys, tmp_path):
    run_folder = shutil.copytree(trained, tmp_path / "run")
    recipe = run_folder / "recipe.yaml"
    text = recipe.read_text()
    recipe.write_text(text.replace(", test: test.conll", ""))
    record = json.loads((run_folder / "run.json").read_text())
    record["data"]["test.csv"] = "of another file"
    (run_folder / "run.json").write_text(json.dumps(record))
    status, out, err = run_command(capsys, "evaluate", run_folder, "--json")
    assert status == 0
    assert list(json.loads(out)["tasks"]) == ["topic"]
    assert err.splitlines() == [
        "mtl-keras: task 'entities' has no test files; left out",
        "mtl-keras: changed since the run began: 'test.csv'",
    ]
    recipe.write_text(text.replace(", test: test.conll", "").replace(", test: test.csv", ""))
    status, out, err = run_command(capsys, "evaluate", run_folder, "--json")
    assert (status, out) == (2, "")
    assert "task 'topic' has no test examples; it has train, validation" in err


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("training.sed=3", "--set training.sed=3: unknown key; did you mean 'seed'?"),
        ("training.seed", "argument --set: 'training.seed': expected a key and a value"),
    ],
)
def test_a_value_in_place_of_a_recipes_that_cannot_be_is_refused(
    value, message, tiny_recipe, capsys
):
    status, _, err = run_command(capsys, "train", tiny_recipe, "--set", value)
    assert (status, err.count("\n")) == (2, 1)
    assert message in err


def test_report_writes_the_page_and_opens_it(trained, capsys, tmp_path, monkeypatch):
    run, opened = shutil.copytree(trained, tmp_path / "run"), []
    (run / "report.html").unlink()
    monkeypatch.setattr("webbrowser.open", lambda address: not opened.append(address))
    status, out, _ = run_command(capsys, "report", run, "--open")
    assert (status, out) == (0, f"report: {run / 'report.html'}\n")
    assert opened == [(run / "report.html").as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    status, _, error = run_command(capsys, "report", run, "--open")
    assert (status, error.count("\n")) == (1, 1)
    assert "no browser to open it" in error
