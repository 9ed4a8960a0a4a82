"""What a search for the cheapest plan tries."""

from mtl_keras.experiments.search_space import Candidate, search_space
from mtl_keras.plans.stage import LearningRates, Stage
from mtl_keras.recipes.recipe import load_recipe


def test_each_place_is_tried_once_and_the_cheapest_first():
    candidates = list(search_space([1, 2, 12]))
    assert len(candidates) == len(set(candidates))
    assert {(one.blocks, one.frozen) for one in candidates if one.blocks <= 2} == {
        *((1, 0), (2, 0), (2, 1)),
    }
    trained = [candidate.trained_blocks for candidate in candidates]
    assert trained == sorted(trained)


def test_a_candidates_recipe_reads_trains_and_freezes_as_it_says(tiny_recipe):
    recipe = load_recipe(tiny_recipe)
    actual = Candidate(1, 0, {"backbone": 2e-4}).recipe(recipe, Stage(epochs=4), 2)
    assert [task.reads for task in actual.tasks] == ["block_0", "block_0"]
    solved, trained = actual.plan.given
    assert (solved.solve, trained.epochs, str(trained.freeze)) == (True, 4, "none")
    assert trained.learning_rate.backbone == 2e-4
    heads = Candidate(2, 2).recipe(recipe, Stage(), 2)
    assert [task.reads for task in heads.tasks] == ["last", "last"]
    assert len(heads.plan.given) == 1


def test_rates_and_levels_that_the_recipe_gives_are_kept(tiny_recipe):
    tiny_recipe.write_text(
        tiny_recipe.read_text().replace("  topic:\n", "  topic:\n    reads: mix\n")
    )
    template = Stage(learning_rate=LearningRates(backbone=3e-4))
    recipe = Candidate(1, 0, {"backbone": 2e-4}).recipe(load_recipe(tiny_recipe), template, 2)
    assert [task.reads for task in recipe.tasks] == ["mix", "block_0"]
    assert recipe.plan.given[1].learning_rate.backbone == 3e-4
