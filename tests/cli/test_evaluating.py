"""`evaluate` of exports and `.keras` files beside that of runs."""

import json
import re
import shutil

import pytest
from support.command import run_command
from support.tiny import of_one_task


@pytest.fixture(scope="module")
def model_file(trained, tmp_path_factory):
    return shutil.copy(trained / "model.keras", tmp_path_factory.mktemp("model"))


def _json(capsys, *arguments):
    status, out, err = run_command(capsys, "evaluate", *arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def _moved(recipe):
    """The text of a recipe that finds its files from any folder."""
    return re.sub(r"(train|test)\.c", rf"{recipe.parent}/\g<0>", recipe.read_text())


def test_an_export_and_a_file_score_what_their_run_scores(trained, published, model_file, capsys):
    given = ("--recipe", trained.parent / "recipe.yaml")
    of_run = _json(capsys, trained)
    assert _json(capsys, model_file, *given) == of_run
    tasks = of_run["tasks"]
    del tasks["entities"]["ece"], tasks["entities"]["loss"]
    for folder in (published, published.parent):
        of_export = _json(capsys, folder, *given)
        assert of_export["audit"] == of_run["audit"]
        assert [*of_export["tasks"]] == [*tasks]
        for name, metrics in tasks.items():
            notes = metrics.get("notes")
            assert of_export["tasks"][name].pop("notes", None) == notes
            numbers = {key: value for key, value in metrics.items() if key != "notes"}
            assert of_export["tasks"][name] == pytest.approx(numbers, abs=1e-6)


def test_tasks_that_the_recipe_lacks_are_left_out(trained, published, model_file, capsys, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(_moved(trained.parent / "recipe.yaml"))
    recipe.write_text(of_one_task(recipe))
    for folder in (published, model_file):
        status, out, err = run_command(capsys, "evaluate", folder, "--recipe", recipe)
        assert status == 0
        assert err == "mtl-keras: task 'entities' of the model is not in the recipe; left out\n"
        assert out.splitlines()[2].split()[:3] == ["topic", "test", "12"]


def test_what_cannot_be_scored_is_refused_in_a_line(
    trained, published, model_file, capsys, tmp_path
):
    recipe = trained.parent / "recipe.yaml"
    text = _moved(recipe)
    renamed, other = tmp_path / "renamed.yaml", tmp_path / "other.yaml"
    renamed.write_text(text.replace("  topic:", "  topics:"))
    other.write_text(text.replace("kind: tagging", "kind: token_labels"))
    untested = tmp_path / "untested.yaml"
    untested.write_text(re.sub(r", test: [^}]*", "", text))
    for arguments, message in [
        ((trained, "--recipe", recipe), "a run has its own recipe; leave --recipe out"),
        ((published,), "has no data of its own; name them with --recipe RECIPE"),
        ((model_file,), "has no data of its own; name them with --recipe RECIPE"),
        ((published, "--recipe", recipe, "--best", "topic"), "leave --best out"),
        ((published, "--recipe", tmp_path / "absent.yaml"), "absent.yaml: no such file"),
        ((tmp_path, "--recipe", recipe), "neither a finished run nor an export here"),
        ((published, "--recipe", untested), "task 'topic' has no test examples; it has train"),
        ((published, "--recipe", renamed), "the model has no task 'topics'; it has 'topic'"),
        ((model_file, "--recipe", renamed), "the model has no task 'topics'; it has 'topic'"),
        ((published, "--recipe", other), "are of a token_labels task, the model's task is a tag"),
    ]:
        status, out, err = run_command(capsys, "evaluate", *arguments)
        assert (status, out) == (2, ""), arguments
        assert message in err
        assert err.count("\n") == 1
