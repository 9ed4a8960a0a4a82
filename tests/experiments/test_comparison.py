"""Plans side by side: what is run, what is reported, what is resumed."""

import dataclasses
import json
import shutil

import pytest
from support.tiny import write_tiny_recipe

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError, WorkError
from mtl_keras.experiments import comparison, job
from mtl_keras.experiments.compared_plans import Job
from mtl_keras.experiments.comparison import compare
from mtl_keras.plans.stage import Stage
from mtl_keras.recipes.overrides import parse_override
from mtl_keras.recipes.recipe import Recipe, load_recipe

PLANS = ["features", "head_frozen:topic"]
SINGLE = [Job("full", 0, ("topic",)), Job("full", 0, ("entities",))]


@pytest.fixture(scope="session")
def compared(tiny_bert, tmp_path_factory):
    """The folder of a comparison of two plans, all run in this process, to save time."""
    folder = tmp_path_factory.mktemp("compared")
    path = write_tiny_recipe(folder, tiny_bert)
    path.write_text(path.read_text() + "  restore: null\n")  # the last weights, which have drifted
    recipe = load_recipe(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "call_job", _here)
        compare(recipe, folder / "report", plans=PLANS, seeds=1, report=lambda line: None)
    return folder


def _here(*arguments):
    assert job.main(arguments) == 0


@pytest.fixture
def copied(compared, tmp_path):
    """A copy of it that a test may change; its recipe is the original."""
    shutil.copytree(compared / "report", tmp_path / "report")
    return load_recipe(compared / "recipe.yaml"), tmp_path / "report"


def _report(folder):
    return json.loads((folder / "report.json").read_text())


@pytest.mark.slow
def test_one_killed_as_it_began_goes_on(copied, monkeypatch):
    recipe, folder = copied
    whole = {path.name for path in folder.iterdir()}
    for name in ("recipe.yaml", "report.json", "report.html", "report.md"):
        (folder / name).unlink()
    monkeypatch.setattr(comparison, "call_job", pytest.fail)
    compare(recipe, folder, plans=PLANS, seeds=1, report=lambda line: None)
    assert {path.name for path in folder.iterdir()} == whole


@pytest.mark.slow
def test_results_that_lack_what_differences_need_are_refused_before_anything_runs(
    copied, monkeypatch
):
    recipe, folder = copied
    path = folder / "runs/features/seed-0/topic+entities.json"
    results = json.loads(path.read_text())
    del results["contributed"]
    path.write_text(json.dumps(results))
    monkeypatch.setattr(comparison, "call_job", pytest.fail)
    with pytest.raises(InputError, match=r"topic\+entities.json: an earlier mtl_keras wrote it"):
        compare(recipe, folder, plans=PLANS, seeds=1, report=lambda line: None)


@pytest.mark.slow
def test_the_report_has_every_plan_and_task(compared):
    report = _report(compared / "report")
    assert list(report["plans"]) == PLANS
    for plan in report["plans"].values():
        assert list(plan["tasks"]) == ["topic", "entities"]
        for name, metric in (("topic", "accuracy"), ("entities", "span_f1")):
            task = plan["tasks"][name]
            assert task["metric"] == metric
            assert task["values"] == [task["mean"]]
            assert task["interval"] is None
        assert plan["wall_seconds"] > 0
        assert plan["peak_memory_bytes"] > 50e6
    assert (compared / "report" / "report.html").is_file()
    assert (compared / "report" / "report.md").is_file()


def test_only_what_trains_is_counted(compared):
    plans = _report(compared / "report")["plans"]
    grid = plans["head_frozen:topic"]["grid"]
    assert plans["features"]["trainable_parameters"] == 0
    topic = grid["parameters"][grid["groups"].index("heads/topic")]
    # The first stage trains both heads, the second all but the head of topic.
    assert plans["head_frozen:topic"]["trainable_parameters"] == sum(grid["parameters"]) - topic
    assert plans["features"]["grid"]["stages"][0]["rates"] == [None] * len(grid["groups"])
    assert plans["features"]["step_seconds"] is None


def test_the_drift_is_of_the_frozen_head(compared):
    plans = _report(compared / "report")["plans"]
    assert list(plans["head_frozen:topic"]["drift"]) == ["topic"]
    drift = plans["head_frozen:topic"]["drift"]["topic"]
    assert drift["metric"] == "accuracy"
    assert 0 < drift["cka"] < 1
    assert plans["features"]["drift"] == {}


def test_the_single_task_model_is_beside_the_shared_one(compared):
    shared = _report(compared / "report")["plans"]["head_frozen:topic"]["tasks"]["topic"]
    alone = json.loads((compared / "report" / SINGLE[0].file).read_text())
    assert shared["single"]["values"] == [alone["metrics"]["topic"]["accuracy"]]
    assert shared["sharing"] == pytest.approx(shared["mean"] - shared["single"]["mean"])
    assert _report(compared / "report")["plans"]["features"]["tasks"]["topic"]["single"] is None


def test_every_task_is_scored_at_every_level_of_the_encoder(compared):
    depth = _report(compared / "report")["depth"]
    assert list(depth) == ["topic", "entities"]
    for of_task in depth.values():
        levels = [level["level"] for level in of_task["levels"]]
        assert levels == ["embeddings", "block_0", "block_1"]
        assert of_task["reads"] in levels[1:]


def test_curves_have_a_point_an_epoch(compared):
    plans = _report(compared / "report")["plans"]
    assert [len(curve) for curve in plans["head_frozen:topic"]["curves"]["topic"]] == [4]
    assert [stage["epochs"] for stage in plans["head_frozen:topic"]["grid"]["stages"]] == [1, 3]


@pytest.mark.slow
def test_an_interrupted_comparison_runs_what_is_missing_in_a_process_of_its_own(
    copied, monkeypatch
):
    recipe, folder = copied
    before = _report(folder)
    (folder / Job("features", 0, ("topic", "entities")).file).unlink()
    (folder / "report.json").unlink()
    ran, call = [], comparison.call_job
    monkeypatch.setattr(comparison, "call_job", lambda *args: (ran.append(args), call(*args)))
    lines = []
    compare(recipe, folder, plans=PLANS, seeds=1, report=lines.append)
    assert [work for work, *_ in ran] == ["check", "run"]
    assert ran[1][2:] == ("features", "0", "topic", "entities")
    assert lines[0] == "3 of 4 runs are there already"
    after = _report(folder)
    assert after["plans"]["head_frozen:topic"] == before["plans"]["head_frozen:topic"]
    again, once = (report["plans"]["features"]["tasks"] for report in (after, before))
    assert again == once


@pytest.mark.parametrize("strategy", ["mirrored", "multi_worker", "tpu"])
def test_a_comparison_is_of_one_device(tiny_recipe, tmp_path, strategy):
    recipe = dataclasses.replace(load_recipe(tiny_recipe), strategy=strategy)
    with pytest.raises(InputError, match="leave out the recipe's 'strategy'"):
        compare(recipe, tmp_path / "comparison")


def test_a_folder_of_another_recipe_is_refused(copied, tiny_recipe):
    _, folder = copied
    tiny_recipe.write_text(tiny_recipe.read_text() + "# changed\n")
    with pytest.raises(InputError, match="another recipe or budget, or of this one before"):
        compare(load_recipe(tiny_recipe), folder, plans=["features"], seeds=1)


def test_a_folder_of_the_recipe_with_other_values_set_is_refused(copied, compared):
    _, folder = copied
    recipe = load_recipe(compared / "recipe.yaml", overrides=[parse_override("training.seed=3")])
    with pytest.raises(InputError, match=r"before it was changed \(also by --set\) or moved"):
        compare(recipe, folder, plans=["features"], seeds=1)


def test_a_folder_of_the_same_text_elsewhere_is_refused(copied, compared, tmp_path):
    _, folder = copied
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(compared, elsewhere, ignore=shutil.ignore_patterns("report"))
    with pytest.raises(InputError, match="another recipe or budget, or of this one before"):
        compare(load_recipe(elsewhere / "recipe.yaml"), folder, plans=["features"], seeds=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 0}, "at least 1 seed. Received: 0"),
        ({"plans": ["gradul"]}, "a training plan is one of .* or head_frozen:.*, features"),
        ({"plans": ["head_frozen:tone"]}, "no task 'tone'; there are topic, entities"),
        ({"plans": ["full", "heads_then_top:99"]}, "plan heads_then_top:99: .* has 2 blocks"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_runs(
    tiny_recipe, tmp_path, arguments, message
):
    with pytest.raises(InputError, match=message):
        compare(load_recipe(tiny_recipe), tmp_path / "report", **arguments)
    assert not (tmp_path / "report").exists()


@pytest.mark.slow
def test_a_run_that_fails_is_reported_in_one_line(tiny_recipe, tmp_path, monkeypatch):
    tiny_recipe.write_text(tiny_recipe.read_text().replace("max_length: 16", "max_length: 999"))
    call = comparison.call_job
    monkeypatch.setattr(
        comparison, "call_job", lambda work, *rest: work != "run" or call(work, *rest)
    )
    with pytest.raises((InputError, WorkError), match="linear_probe, seed 0, topic") as error:
        compare(
            load_recipe(tiny_recipe),
            tmp_path / "report",
            plans=["linear_probe"],
            seeds=1,
            report=lambda line: None,
        )
    assert "\n" not in str(error.value)
    assert not (tmp_path / "report" / "report.json").exists()


def test_a_recipe_made_in_python_is_compared_as_one_from_a_file(tiny_recipe, tmp_path, monkeypatch):
    recipe = dataclasses.replace(load_recipe(tiny_recipe), written=None)
    called = []

    def call_job(*arguments):
        called.append(arguments[0])
        if arguments[0] == "depth":
            raise WorkError("stop here")

    monkeypatch.setattr(comparison, "call_job", call_job)
    with pytest.raises(WorkError, match="stop here"):
        compare(recipe, tmp_path / "report", plans=["features"], report=lambda line: None)
    assert called == ["check", "depth"]
    _, again = comparison.open_comparison(tmp_path / "report")
    assert (again.tasks, again.plan, again.encoder) == (recipe.tasks, recipe.plan, recipe.encoder)


def test_data_in_memory_are_refused_with_the_cure(tmp_path, tiny_bert):
    rows = [{"text": "a b", "label": "x"}, {"text": "c d", "label": "y"}] * 20
    task = Task("topic", data={"train": rows})
    recipe = Recipe(encoder=str(tiny_bert), tasks=[task], stages=[Stage()])
    with pytest.raises(InputError, match=r"task 'topic': its train data are in memory.*write them"):
        compare(recipe, tmp_path / "report")
