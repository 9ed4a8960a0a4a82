"""A run and an export are asked alike, and answer as the model does."""

import re
import shutil

import pytest
import tensorflow as tf
from support.asserts import assert_same_answers
from support.every_kind import TASKS, TEXTS

import mtl_keras as mtl
from mtl_keras.errors import InputError
from mtl_keras.runs.run import Run
from mtl_keras.serving.demo.sources import Reading, ServedTask, find_source


@pytest.fixture(scope="module")
def exports(every_kind_export, tmp_path_factory):
    """A folder of numbered exports, of which the newest is whole."""
    folder = tmp_path_factory.mktemp("saved_models") / "tickets"
    shutil.copytree(every_kind_export[1], folder / "10")
    for name in ("9", "latest"):
        (folder / name).mkdir()
        (folder / name / "saved_model.pb").touch()
    (folder / "11").mkdir()
    return folder


def test_an_export_answers_as_its_model(every_kind_export, exports):
    model, _ = every_kind_export
    source = find_source(exports)()
    assert_same_answers(source.answers(TEXTS), mtl.answer(model, TEXTS))
    assert source.answers([]) == []
    expected = {task.name: ServedTask.of(task) for task in TASKS}
    assert {task.name: task for task in source.tasks} == expected
    assert source.title == "tickets/10"
    assert source.reading("aaa é…") == Reading(7, 6, True)
    assert source.reading("é b " * 40) == Reading(16, 27, False)


def test_a_run_answers_as_its_model(trained):
    run, source = Run.open(trained), find_source(trained)()
    model = run.model()
    assert_same_answers(source.answers(TEXTS), mtl.answer(model, TEXTS))
    assert source.tasks == [ServedTask.of(task) for task in run.tasks.values()]
    assert source.title == trained.name
    assert source.reading("aaa é…") == Reading(7, 6, True)
    assert source.reading("é b " * 40) == Reading(16, 27, False)


def test_the_card_of_a_run_is_its_metrics(trained):
    card = find_source(trained)().card
    metrics = Run.open(trained).read_json("metrics.json")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in card.splitlines()[2:]]
    actual = {(row[0], row[1]): dict(zip(rows[0], row, strict=True)) for row in rows[2:]}
    for split, tasks in metrics.items():
        for task, values in tasks.items():
            for name, value in values.items():
                assert float(actual[task, split][name]) == pytest.approx(value, abs=1e-4)


@pytest.mark.slow
def test_the_card_of_an_export_is_its_own_or_its_tasks(exports):
    card = find_source(exports)().card
    for task in TASKS:
        assert re.search(rf"\| {task.name} +\| {task.label_kind.form.name} +\|", card)
    own = exports / "10" / "README.md"
    own.write_text("# Karte\n", encoding="utf-8")
    assert find_source(exports / "10")().card == "# Karte\n"


@pytest.mark.slow
def test_the_newest_version_is_found(exports):
    assert find_source(exports)().title == "tickets/10"
    assert find_source(exports / "10")().title == "tickets/10"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "nowhere: no such folder; give the folder of a run"),
        (".", "neither a finished run nor an export here; give the folder of a run"),
    ],
)
def test_a_folder_of_neither_is_refused(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        find_source(tmp_path / name)


def test_a_damaged_export_is_refused(exports):
    with pytest.raises(InputError, match="9: cannot be loaded; restore it or export again"):
        find_source(exports / "9")()


def test_another_saved_model_is_refused(tmp_path):
    module = tf.Module()
    double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec([], tf.float32, "x")])
    tf.saved_model.save(module, str(tmp_path / "none"))
    tf.saved_model.save(module, str(tmp_path / "double"), signatures={"serving_default": double})
    for name, signatures in (("none", "none"), ("double", "serving_default")):
        message = rf"not one of mtl_keras \(its signatures: {signatures}\)"
        with pytest.raises(InputError, match=message):
            find_source(tmp_path / name)()
