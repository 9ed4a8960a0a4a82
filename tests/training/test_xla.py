"""The cheaper of the plain and the compiled step is taken, and nothing else changes."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.interrupting import At, Killed, kill, results
from support.tiny import of_one_task, write_tiny_recipe

from mtl_keras.data.padding import static_widths
from mtl_keras.distribution import replicas
from mtl_keras.models.variables import metric_variables, trained_variables, values
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.training import trainer, xla
from mtl_keras.training.train_recipe import make_reproducible, train
from mtl_keras.training.trainer import Training
from mtl_keras.training.xla import PLAIN, Compilation, choose

STEPS = 200  # an epoch


@pytest.fixture
def measure(tiny_model, monkeypatch):
    """Chooses by a clock of its own: `measure(plain, compiled, …)` → what is chosen, what is said.

    Half of the batches have 1 text of 10 positions, half have 20; one of 20 is timed.
    """
    model = tiny_model()
    model.compile()
    model.optimizer.build(model.trainable_variables)

    def batch(length):
        return ({"token_ids": tf.ones((1, length), tf.int32)},)

    lengths = [10, 20] * (STEPS // 2)
    spec = ({"token_ids": tf.TensorSpec((None, None), tf.int32)},)
    dataset = tf.data.Dataset.from_generator(lambda: map(batch, lengths), output_signature=spec)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(STEPS))

    def run(plain, compiled, *, tracing=1.0, compiling=2.0, epochs=1):
        def seconds(function, batches, spec):
            if isinstance(compiled, Exception) and model.jit_compile:
                raise compiled
            assert [batch[0]["token_ids"].shape for batch in batches] == [(1, 20)] * 6
            step = compiled if model.jit_compile else plain
            first = step + tracing + compiling * model.jit_compile
            return [first, 3 * step, step, 2 * step, step, step]

        monkeypatch.setattr(xla, "seconds_of_steps", seconds)
        stage = SimpleNamespace(
            static_widths=lambda pieces: static_widths(lengths, epochs, pieces),
            shapes=lambda widths: len(widths) + 1,
        )
        said = []
        groups = list(model.layer_groups)
        steps = epochs * int(dataset.cardinality())
        return choose(model, groups, stage, dataset, steps, said.append), said

    return run


def test_the_cheaper_is_chosen_with_its_compilation_counted(measure):
    chosen, said = measure(plain=0.4, compiled=0.3, epochs=2)
    assert chosen == Compilation(True, (10, 20))
    assert said == [
        "jit_compile auto: true: a step takes 300 ms plain, 225 ms compiled, and compilation of 2 "
        "widths 6 s, for 400 steps"
    ]
    chosen, (said,) = measure(plain=0.4, compiled=0.3, compiling=20)
    assert chosen == PLAIN
    assert said.startswith("jit_compile auto: false: a step takes 300 ms plain, 300 ms compiled")
    assert "compilation of 1 widths 40 s, for 200 steps" in said, "wider batches, fewer programs"
    assert measure(plain=0.4, compiled=0.5)[0] == PLAIN


def test_what_cannot_pay_is_not_measured(measure, monkeypatch):
    never = RuntimeError("compiled")
    _, said = measure(plain=0.01, compiled=never)
    assert said == [
        "jit_compile auto: false, not measured: 200 steps of 8 ms could hardly earn a compilation "
        "back"
    ]
    monkeypatch.setattr(xla, "LEAST_STEPS", STEPS + 1)
    monkeypatch.setattr(xla, "_chosen", kill)
    assert measure(plain=10, compiled=never) == (
        PLAIN,
        ["jit_compile auto: false, not measured for 200 steps"],
    )


def test_a_step_that_xla_cannot_compile_runs_plain(measure):
    error = tf.errors.InvalidArgumentError(None, None, "no XLA kernel for SomeOp")
    chosen, said = measure(plain=0.4, compiled=error)
    assert chosen == PLAIN
    assert said == [
        "jit_compile auto: false: XLA cannot compile the step: 'no XLA kernel for SomeOp'"
    ]


@pytest.fixture(scope="module")
def recipe(tiny_bert, tmp_path_factory):
    """Two epochs of frozen features under a rate that falls, in batches of a token budget."""
    path = write_tiny_recipe(tmp_path_factory.mktemp("measured"), tiny_bert)
    text = of_one_task(path).replace("batch_size: 8", "max_tokens: 96\n  jit_compile: auto")
    stage = "    - {freeze: backbone, epochs: 2, learning_rate: {heads: 0.02, schedule: cosine}}\n"
    path.write_text(text[: text.index("    - {")] + stage)
    return load_recipe(path)


def test_measuring_changes_no_bit_of_a_training_that_stays_plain(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(xla, "LEAST_STEPS", 1)
    monkeypatch.setattr(xla, "LEAST_TRACINGS", 0)
    states, said = [], []
    for jit_compile in ("auto", False):
        plan = TrainingPlan.of([Stage(freeze=FreezePlan.backbone())])
        own = dataclasses.replace(recipe, plan=plan, jit_compile=jit_compile, cache=False)
        make_reproducible(own)
        datasets = open_datasets(own)
        training = Training(own, datasets, build_model(own, datasets), tmp_path / str(jit_compile))
        training.begin(0, report=said.append)
        model, groups = training.model, training.selection.groups
        step, iterator = model.make_train_function(), iter(training.stage_batches)
        for _ in range(5):
            step(iterator)
        states.append(values(trained_variables(model, groups) | metric_variables(model)))
    (line,) = [line for line in said if line.startswith("jit_compile")]
    assert line.startswith("jit_compile auto: false: a step takes")
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)


def test_a_stage_that_has_begun_is_compiled_as_it_was(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "choose", kill)
    for jit_compile, recorded in (("auto", Compilation(True, (15, 16))), (True, None)):
        own = dataclasses.replace(recipe, jit_compile=jit_compile, cache=False)
        datasets = open_datasets(own)
        training = Training(own, datasets, build_model(own, datasets), tmp_path / "best")
        training.begin(0, compilation=recorded)
        assert training.compilation == (recorded or Compilation(True, (14,)))
        assert training.model.jit_compile
        found = {x["token_ids"].shape[1] for x, _, _ in training.stage_batches}
        assert found == {training.compilation.widths[0]}
        assert len(training.stage_batches) * own.plan.stages([])[0].epochs == (
            training.model.optimizer.steps
        )


def test_a_training_goes_on_as_it_was_chosen(recipe, tmp_path, monkeypatch):
    chosen = Compilation(False, (12, 16))  # of other bits than measuring nothing has
    monkeypatch.setattr(trainer, "choose", lambda *arguments: chosen)
    quiet = {"verbose": 0, "report": lambda line: None}
    never = train(recipe, tmp_path / "never", **quiet)
    assert never.read_json("history.json")["stages"][0]["compilation"] == {
        "jit_compile": False,
        "widths": [12, 16],
    }
    own = dataclasses.replace(recipe, checkpoint_minutes=1e-9)
    with pytest.raises(Killed):
        train(own, tmp_path / "run", callbacks=[At("on_train_batch_end", 7, kill)], **quiet)
    monkeypatch.setattr(trainer, "choose", kill)
    run = train(own, tmp_path / "run", resume=True, **quiet)
    for interrupted, uninterrupted in zip(results(run), results(never), strict=True):
        assert interrupted == uninterrupted


def test_where_devices_compile_shapes_batches_have_the_few_widths(
    tiny_recipe, tmp_path, monkeypatch
):
    """As on a TPU, which compiles without being told."""
    monkeypatch.setattr(replicas, "compile_shapes", lambda strategy: True)
    recipe = load_recipe(tiny_recipe)
    datasets = open_datasets(recipe)
    training = Training(recipe, datasets, build_model(recipe, datasets), tmp_path / "best")
    training.begin(1)
    assert not training.compilation.jit_compile
    widths = {int(x["token_ids"].shape[1]) for x, _, _ in training.stage_batches}
    assert widths <= set(training.compilation.widths)
