"""A training that is interrupted ends as one that never was: the same bits."""

import json
import os
import re
import shutil
import signal

import pytest
from support.interrupting import At, Killed, kill, results
from support.tiny import of_one_task, write_tiny_recipe

import mtl_keras as mtl
from mtl_keras.data.split_files import SplitFiles
from mtl_keras.errors import InputError
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs import checkpoint_files
from mtl_keras.runs.building import open_datasets
from mtl_keras.runs.provenance import provenance
from mtl_keras.runs.run import Run
from mtl_keras.training import begun_run
from mtl_keras.training.train_recipe import train

STAGES = """\
  checkpoint_minutes: 1.0e-9
  stages:
    - {freeze: backbone, epochs: 2, learning_rate: {heads: 1.0e-2, schedule: cosine}}
    - tasks: [entities]
      epochs: 2
      patience: 2
      protect: distillation
      learning_rate: {heads: 1.0e-2, backbone: 1.0e-2, schedule: linear, warmup: 0.5}
"""


FROZEN = """\
  stages:
    - {freeze: backbone}
    - {freeze: backbone, learning_rate: {heads: 1.0e-4}}
"""


IN_STEPS = """\
  checkpoint_minutes: 1.0e-9
  schedule: round_robin
  stages:
    - {freeze: backbone, epochs: 3, steps_per_epoch: 9, learning_rate: {schedule: linear}}
"""


BALANCED = """\
  checkpoint_minutes: 1.0e-9
  schedule: joint
  combine: {by: gradvac, beta: 0.2}
  weighting: famo
  stages:
    - {freeze: "lowest:1", epochs: 2, learning_rate: {heads: 1.0e-2}}
"""


@pytest.fixture(scope="module")
def recipe(tiny_bert, tmp_path_factory):
    path = write_tiny_recipe(tmp_path_factory.mktemp("resumed"), tiny_bert)
    text = path.read_text()
    path.write_text(text[: text.index("  stages:")] + STAGES)
    return load_recipe(path)


def _killing(beginning: str, message: list[str]):
    """Reports into a list, and kills at the line that begins so."""

    def report(line: str) -> None:
        message.append(line)
        if line.startswith(beginning):
            raise Killed

    return report


@pytest.mark.slow
def test_a_training_interrupted_in_its_worst_moments_ends_as_one_that_never_was(
    recipe, tmp_path, monkeypatch, capsys
):
    folder, lines = tmp_path / "run", []

    def go_on(*callbacks, report=lines.append):
        return train(recipe, folder, resume=True, verbose=0, report=report, callbacks=callbacks)

    with pytest.raises(Killed):  # while the cache is built
        go_on(report=_killing("keeps the output of", lines))
    assert lines[0] == f"{folder}: nothing to resume; beginning a new run"
    assert json.loads((folder / "checkpoints" / "start.json").read_bytes())["recipe_sha256"]

    with pytest.raises(Killed):  # between the stages
        go_on(report=_killing("stage 2", lines))

    with monkeypatch.context() as patch, pytest.raises(Killed):  # while a checkpoint is written,
        keep = At(
            "on_test_batch_end", 1, lambda: patch.setattr(checkpoint_files, "write_arrays", kill)
        )
        go_on(keep)  # in the validation
    assert "resumes from stage 1, epoch 3, step 0" in lines
    newest = sorted((folder / "checkpoints").glob("0*"))[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    left = folder / "checkpoints" / f".partial-{newest.name}"
    left.write_bytes(b"half")

    run = go_on()
    assert f"{newest}: damaged: using the one before it" in lines
    assert lines[-1].startswith("stage 2 of 2")
    assert not (folder / "checkpoints").exists()
    assert not (folder / "lock").exists()

    never = train(recipe, tmp_path / "never", verbose=0, report=lambda line: None)
    for interrupted, uninterrupted in zip(results(run), results(never), strict=True):
        assert interrupted == uninterrupted


@pytest.mark.slow
def test_an_unfinished_run_resumes_only_with_what_it_began_with(recipe, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(Killed):
        train(recipe, folder, verbose=0, report=_killing("stage 1", []))
    with pytest.raises(InputError, match="holds an unfinished run; --resume continues it"):
        train(recipe, folder)
    with pytest.raises(InputError, match="this run is unfinished; 'mtl-keras train RECIPE"):
        Run.open(folder)
    changed = recipe.path.with_name("changed.yaml")
    changed.write_text(recipe.path.read_text().replace("epochs: 2", "epochs: 3", 1))
    copy = f"the recipe has changed.*from the copy {folder}/recipe.yaml"
    with pytest.raises(InputError, match=copy):
        train(load_recipe(changed), folder, resume=True)


@pytest.mark.slow
def test_one_killed_as_its_results_are_written_ends_as_one_that_never_was(
    recipe, tmp_path, monkeypatch
):
    """Meanwhile its recipe is written otherwise: with a comment, and its tasks in another order."""
    never = train(recipe, tmp_path / "never", verbose=0, report=lambda line: None)
    folder, lines, put = tmp_path / "run", [], os.replace
    head, topic, entities, rest = re.split(r"(?=  topic:|  entities:|training:)", _text(recipe))
    other = recipe.path.with_name("other.yaml")
    other.write_text(f"# the same\n{head}{entities}{topic}\n{rest}")

    def go_on(path=other):
        return train(load_recipe(path), folder, resume=True, verbose=0, report=lines.append)

    with pytest.raises(Killed):
        train(recipe, folder, resume=True, verbose=0, report=_killing("stage 2", lines))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(begun_run, "evaluate_and_review", kill)
        go_on()
    for name in ("metrics.json", "run.json"):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            patch.setattr(
                os, "replace", lambda a, b, name=name: kill() if b.name == name else put(a, b)
            )
            go_on()
    run = go_on()
    assert not any("warning" in line for line in lines)
    assert (run.folder / "recipe.yaml").read_text() == _text(recipe)
    assert run.read_json("run.json")["changes"] == []
    for interrupted, uninterrupted in zip(results(run), results(never), strict=True):
        assert interrupted == uninterrupted


def _text(recipe) -> str:
    return recipe.path.read_text()


@pytest.mark.slow
def test_a_data_file_that_grows_stops_the_run_at_the_end_of_the_stage(tiny_recipe, tmp_path):
    tiny_recipe.write_text(of_one_task(tiny_recipe))
    recipe, file, lines = load_recipe(tiny_recipe), tmp_path / "train.csv", []
    before = file.read_text()

    def go_on(*callbacks):
        return train(
            recipe,
            tmp_path / "run",
            resume=True,
            verbose=0,
            report=lines.append,
            callbacks=callbacks,
        )

    grow = At("on_train_batch_end", 1, lambda: file.write_text(before + "more aaa,x\n"))
    with pytest.raises(InputError, match=r"changed since the run began: 'train\.csv', so the run"):
        go_on(grow)
    assert lines[-1].startswith("stage 1 of 2")
    with pytest.raises(InputError, match=r"changed since the run began: 'train\.csv'; restore"):
        go_on()
    file.write_text(before)
    run = go_on()
    assert "resumes from stage 1, epoch 2, step 0" in lines
    assert run.read_json("run.json")["changes"] == [
        "while it trained: changed since the run began: 'train.csv'"
    ]


@pytest.fixture(scope="module")
def recipe_in_steps(tiny_bert, tmp_path_factory):
    """Nothing of its training files must be known beforehand; those of topics are four."""
    path = write_tiny_recipe(tmp_path_factory.mktemp("in_steps"), tiny_bert)
    header, *rows = (path.parent / "train.csv").read_text().splitlines(keepends=True)
    for part in range(4):
        (path.parent / f"part-{part}.csv").write_text("".join([header, *rows[part::4]]))
    text = path.read_text()
    for task, labels, files in (("csv", "x, y", "part-*.csv"), ("conll", "A", "train.conll")):
        text = text.replace(
            f"files: {{train: train.{task}, test: test.{task}}}",
            f"labels: [{labels}]\n    files: {{train: {files}, validation: test.{task}}}",
        )
    path.write_text(text[: text.index("  stages:")] + IN_STEPS)
    return load_recipe(path)


@pytest.mark.slow
def test_epochs_of_steps_resume_where_they_were_and_read_nothing_beforehand(
    recipe_in_steps, tmp_path, monkeypatch
):
    read, rows, lines = [], SplitFiles.rows, []

    def spied(self, path, *arguments):
        read.append(path.rpartition("/")[2])
        return rows(self, path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(SplitFiles, "rows", spied)
        datasets = open_datasets(recipe_in_steps)
        facts = provenance(datasets, recipe_in_steps.path.parent)
    assert read == ["test.csv", "test.conll"]
    assert facts["data"]["part-0.csv"].startswith("size and time of modification: ")
    assert len(facts["data"]["test.csv"]) == 64

    def go_on(folder, *callbacks):
        return train(
            recipe_in_steps,
            tmp_path / folder,
            resume=True,
            verbose=0,
            report=lines.append,
            callbacks=callbacks,
        )

    never = go_on("never")
    (stage,) = never.read_json("history.json")["stages"]
    assert len(stage["history"]["loss"]) == 3
    assert any("what frozen layers make of a text is not kept" in line for line in lines)

    stop = At("on_train_batch_end", 4, lambda: os.kill(os.getpid(), signal.SIGTERM), time=2)
    with pytest.raises(SystemExit, match="143"):
        go_on("run", stop)
    assert lines[-1] == f"{tmp_path / 'run'}: interrupted; --resume continues it"
    run = go_on("run")
    assert "resumes from stage 1, epoch 2, step 5" in lines
    for interrupted, uninterrupted in zip(results(run), results(never), strict=True):
        assert interrupted == uninterrupted


@pytest.mark.slow
def test_a_bad_row_is_reported_when_it_comes(recipe_in_steps, tmp_path):
    file = recipe_in_steps.path.parent / "part-2.csv"
    good = file.read_text()
    file.write_text(good + "bcd efg,z\n")
    try:
        with pytest.raises(InputError, match=r"part-2\.csv:52: unknown label 'z'; the labels are"):
            train(recipe_in_steps, tmp_path / "run", verbose=0, report=lambda line: None)
    finally:
        file.write_text(good)


def test_a_run_whose_encoder_is_another_runs_is_not_resumed_on_a_changed_one(
    trained, tiny_bert, tmp_path
):
    path = write_tiny_recipe(tmp_path, tiny_bert)
    text = path.read_text().replace(f"encoder: {tiny_bert}", "encoder: run:first")
    path.write_text(text[: text.index("  stages:")] + FROZEN)
    first = tmp_path / "first"
    shutil.copytree(trained, first)
    recipe, lines, folder = load_recipe(path), [], tmp_path / "run"
    assert recipe.encoder == f"run:{first}"
    with pytest.raises(Killed):
        train(recipe, folder, verbose=0, report=_killing("stage 2", lines))
    model = mtl.load_model(first / "model.keras")
    model.get_layer("block_0").weights[0].assign_add(model.get_layer("block_0").weights[0])
    model.save(first / "model.keras")
    with pytest.raises(InputError, match=f"run:{first}: other weights than this run began with"):
        train(recipe, folder, resume=True, verbose=0, report=lines.append)
    shutil.copy(trained / "model.keras", first / "model.keras")
    run = train(recipe, folder, resume=True, verbose=0, report=lines.append)
    before, after = mtl.load_model(trained / "model.keras"), run.model()
    for group in ("embeddings", "block_0", "block_1"):
        for layer, same in zip(before.layer_groups[group], after.layer_groups[group], strict=True):
            assert [w.numpy().tobytes() for w in layer.weights] == [
                w.numpy().tobytes() for w in same.weights
            ]


@pytest.mark.slow
def test_what_balances_tasks_is_resumed(recipe, tmp_path):
    path = recipe.path.with_name("balanced.yaml")
    text = _text(recipe)
    path.write_text(text[: text.index("  checkpoint_minutes")] + BALANCED)
    balanced, folder, lines = load_recipe(path), tmp_path / "run", []
    with pytest.raises(Killed):
        train(
            balanced,
            folder,
            verbose=0,
            report=lines.append,
            callbacks=[At("on_train_batch_end", 13, kill)],
        )
    run = train(balanced, folder, resume=True, verbose=0, report=lines.append)
    assert any(line.startswith("resumes from stage 1, epoch 1, step") for line in lines)
    never = train(balanced, tmp_path / "never", verbose=0, report=lines.append)
    assert results(run) == results(never)
