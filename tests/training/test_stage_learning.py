"""How a model learns in a stage: heads that are solved count as one epoch, and resume."""

import numpy as np
import pytest
from support.tiny import write_tiny_recipe

import mtl_keras as mtl
from mtl_keras.plans.stage import Stage
from mtl_keras.training.stage_learning import fit, learning_of, solve

TRAINING = """\
training:
  batch_size: 8
  plan: {plan}
  epochs: 1
"""


@pytest.fixture
def recipe(tmp_path, tiny_bert):
    """Writes a recipe of two tasks: `recipe(plan, topic_reads, entities_reads)`."""

    def write(plan: str, topic: str = "last", entities: str = "last") -> mtl.Recipe:
        path = write_tiny_recipe(tmp_path, tiny_bert)
        text = path.read_text().split("training:")[0]
        text = text.replace("  topic:\n", f"  topic:\n    reads: {topic}\n")
        text = text.replace("  entities:\n", f"  entities:\n    reads: {entities}\n")
        path.write_text(text + TRAINING.format(plan=plan))
        return mtl.load_recipe(path)

    return write


def test_a_stage_says_how_it_learns():
    assert learning_of(Stage()) is fit
    assert learning_of(Stage(solve=True)) is solve


@pytest.mark.slow
def test_a_linear_probe_is_solved_proved_and_recorded(recipe, tmp_path):
    lines = []
    run = mtl.train(recipe("linear_probe"), tmp_path / "run", report=lines.append, verbose=0)
    (stage,) = run.read_json("history.json")["stages"]
    assert len(stage["history"]["loss"]) == 1
    assert stage["history"]["val_topic_accuracy"][0] > 0.6
    moved = {row["group"]: row["weights_changed"] for row in stage["proof"]}
    assert not any(moved[group] for group in ("embeddings", "block_0", "block_1"))
    assert any(line.startswith("topic: head solved") for line in lines)


@pytest.mark.slow
def test_levels_that_are_left_open_are_chosen_recorded_and_cut(recipe, tmp_path):
    run = mtl.train(
        recipe("linear_probe", "auto", "block_0"), tmp_path / "run", report=str, verbose=0
    )
    depth = run.read_json("run.json")["depth"]["topic"]
    assert [level["level"] for level in depth["levels"]] == ["embeddings", "block_0", "block_1"]
    model = run.model()
    assert model.tasks["topic"].reads == depth["reads"]
    top = {"block_0": 2, "block_1": 3}[depth["reads"]]
    assert len(model.layer_groups.backbone) == top
    answers = mtl.answer(model, ["aaa b", "b c"])
    assert answers[0]["topic"]["label"] == "x"


@pytest.mark.slow
def test_solving_again_gives_the_same_bits(recipe, tmp_path):
    first, second = (
        mtl.train(recipe("heads_then_top:1", "mix"), tmp_path / name, report=str, verbose=0)
        for name in ("first", "second")
    )
    for one, other in zip(first.model().get_weights(), second.model().get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
