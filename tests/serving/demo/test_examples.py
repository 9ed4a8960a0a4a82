"""Texts to try come from the run's own files, if they are still there."""

import shutil

from mtl_keras.runs.run import Run
from mtl_keras.serving.demo.examples import LONGEST, MOST, example_texts


def test_they_are_a_few_short_texts_of_the_tasks_in_turn(trained):
    run = Run.open(trained)
    texts = example_texts(run.recipe, run.tasks)
    assert len(texts) == MOST
    rows = (trained.parent / "test.csv").read_text().splitlines()[1:]
    assert texts[0] == rows[0].rpartition(",")[0]
    assert all(len(text) <= LONGEST for text in texts)


def test_there_are_none_if_the_files_are_gone(trained, tmp_path):
    run = Run.open(shutil.copytree(trained, tmp_path / "run"))
    record = run.read_json("run.json") | {"recipe_folder": str(tmp_path)}
    run.write_json("run.json", record)
    assert example_texts(Run.open(run.folder).recipe, run.tasks) == ()
