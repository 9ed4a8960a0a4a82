"""A job trains and scores one model of a comparison, and resumes where it was interrupted."""

import pytest

from mtl_keras.experiments import job
from mtl_keras.experiments.compared_plans import REFERENCES, Job
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.run import Run


@pytest.mark.slow
def test_a_task_alone_leaves_out_what_the_recipe_says_of_others_and_is_trained_once(
    tiny_recipe, tmp_path, monkeypatch
):
    text = tiny_recipe.read_text()
    start = text.index("  stages:")
    tiny_recipe.write_text(
        text[:start] + "  plan: full\n  epochs: 2\n  patience: 2\n  watch: topic_accuracy\n"
        "  learning_rate: {groups: {heads/topic: 1.0e-3, block_0: 1.0e-4}}\n"
    )
    given = (load_recipe(tiny_recipe), Job("full", 0, ("entities",)), Run(tmp_path / "job"))
    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):  # interrupted
        patch.setattr(job, "score_all", lambda *arguments: 1 / 0)
        job.run_job(*given)
    monkeypatch.setattr(
        MultiTaskModel, "fit_batches", lambda *arguments, **more: pytest.fail("again")
    )
    results = job.run_job(*given)
    assert list(results["metrics"]) == ["entities"]
    assert len(results["curves"]["entities"]) == 2


def test_every_reference_has_what_its_models_read():
    assert tuple(job.READINGS) == REFERENCES


@pytest.mark.slow
@pytest.mark.parametrize("plan", REFERENCES)
def test_a_reference_scores_every_task_and_trains_nothing(tiny_recipe, tmp_path, plan):
    reference = Job(plan, 0, ("topic", "entities"))
    results = job.run_job(load_recipe(tiny_recipe), reference, Run(tmp_path / "job"))
    assert list(results["metrics"]) == ["topic", "entities"]
    for task, metric in (("topic", "accuracy"), ("entities", "span_f1")):
        metrics = results["metrics"][task]
        assert metrics["low"] <= metrics[metric] <= metrics["high"]
        assert 0 <= metrics["ece"] <= 1
    assert results["trainable_parameters"] == 0
    assert len(results["grid"]["stages"]) == (plan == "features")


def test_a_mistake_is_a_line_and_a_status(tmp_path, capsys):
    assert job.main(["check", str(tmp_path / "absent.yaml"), str(tmp_path), "full"]) == 2
    assert "absent.yaml: no such file" in capsys.readouterr().err


@pytest.mark.slow
def test_plans_must_fit_the_model(tiny_recipe, capsys):
    job.check_plans(load_recipe(tiny_recipe), ["full", *REFERENCES, "lowest_half"])
    assert job.main(["check", str(tiny_recipe), str(tiny_recipe.parent), "heads_then_top:9"]) == 2
    captured = capsys.readouterr().err
    assert captured.startswith("mtl-keras: plan heads_then_top:9: ")
    assert "has 2 blocks" in captured
    places = [str(tiny_recipe), str(tiny_recipe.parent)]
    assert job.main(["check", *places, "full@block_1", "full@block_7"]) == 2
    assert capsys.readouterr().err.startswith("mtl-keras: plan full@block_7: ")
