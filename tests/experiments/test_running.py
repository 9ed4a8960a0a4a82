"""Which jobs of a comparison run, in which order, and what runs before them."""

import json

import pytest

from mtl_keras.errors import InputError
from mtl_keras.experiments.budget import Budget
from mtl_keras.experiments.compared_plans import START_SCORE, Job, compared_plan, needed_jobs
from mtl_keras.experiments.running import rate_searches, run_all
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.run import Run

TASKS = ("topic", "entities")


@pytest.fixture
def recipe(tiny_recipe):
    text = tiny_recipe.read_text()
    tiny_recipe.write_text(text[: text.index("  stages:")] + "  plan: full\n")
    return load_recipe(tiny_recipe)


@pytest.fixture
def work(recipe, tmp_path):
    """Runs the jobs of some plans, each a stub that leaves its files; returns what was called."""
    run = Run(tmp_path / "comparison")

    def run_jobs(names, seeds=1, budget=Budget()):  # noqa: B008
        jobs = needed_jobs([compared_plan(recipe, name) for name in names], seeds, TASKS)
        called = []

        def call_job(kind, folder, plan, *rest):
            called.append((kind, plan, *rest))
            seed, *tasks = rest if kind == "run" else ("0", *rest)
            job = Job(plan, int(seed), tuple(tasks))
            files = {
                "rates": (job.search_file, {"chosen": {}, "candidates": []}),
                "run": (job.file, {"contributed": {}, "best_epoch": 1}),
            }
            path, content = files[kind]
            (run.folder / path).parent.mkdir(parents=True, exist_ok=True)
            run.write_json(path, content)
            start = run.folder / job.start_folder(job.tasks[0])
            if kind == "run" and len(tasks) == 1 and start.is_dir():
                (start / START_SCORE).write_text(json.dumps({"plan": plan}))

        run_all(run, recipe, jobs, budget, lambda line: None, call_job)
        return run, jobs, called

    return run_jobs


def test_rates_are_chosen_once_for_each_model_before_it_trains(work, recipe):
    run, jobs, called = work(["full", "linear_probe", "features"], seeds=2)
    searches = [call for call in called if call[0] == "rates"]
    assert searches == [("rates", "full", *tasks) for tasks in (TASKS, TASKS[:1], TASKS[1:])]
    for search in searches:
        assert called.index(search) < called.index(("run", "full", "0", *search[2:]))
    actual = rate_searches(run, recipe, jobs, Budget())
    assert [(search["plan"], search["tasks"]) for search in actual] == [
        ("full", ["topic", "entities"]),
        ("full", ["topic"]),
        ("full", ["entities"]),
    ]


def test_without_a_budget_nothing_is_chosen(work):
    _, _, called = work(["full"], budget=Budget(epochs=0))
    assert {kind for kind, *_ in called} == {"run"}


def test_a_frozen_head_comes_after_the_single_task_models_and_they_go_when_all_is_done(work):
    run, _, called = work(["head_frozen:topic", "lowest_half"])
    ran = [call for call in called if call[0] == "run"]
    assert ran[-1] == ("run", "head_frozen:topic", "0", *TASKS)
    assert not (run.folder / "runs/best").exists()


def test_single_task_models_run_again_if_a_frozen_head_still_needs_one(work):
    run, *_ = work(["head_frozen:topic"])
    (run.folder / Job("head_frozen:topic", 0, TASKS).file).unlink()
    _, _, called = work(["head_frozen:topic"])
    assert called == [("run", "full", "0", "topic"), ("run", "head_frozen:topic", "0", *TASKS)]


def test_a_failure_names_its_job(recipe, tmp_path):
    def fail(*arguments):
        raise InputError("no room")

    with pytest.raises(InputError, match=r"^features, seed 0, topic: no room"):
        run_all(
            Run(tmp_path),
            recipe,
            [Job("features", 0, ("topic",))],
            Budget(),
            lambda line: None,
            fail,
        )
