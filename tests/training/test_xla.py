"""The cheaper of the plain and the compiled step is taken, and nothing else changes."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.tiny import of_one_task, write_tiny_recipe

from mtl_keras.data.padding import static_widths
from mtl_keras.models.variables import metric_variables, trained_variables, values
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import build_model, open_datasets
from mtl_keras.training import xla
from mtl_keras.training.materials import Materials
from mtl_keras.training.stage_setup import set_up
from mtl_keras.training.train_recipe import make_reproducible
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
            if isinstance(step := compiled if model.jit_compile else plain, Exception):
                raise step
            assert [batch[0]["token_ids"].shape for batch in batches] == [(1, 20)] * 6
            first = step + tracing + compiling * model.jit_compile
            return [first, 3 * step, step, 2 * step, step, step]

        monkeypatch.setattr(xla, "seconds_of_steps", seconds)
        stage = SimpleNamespace(
            static_widths=lambda pieces: static_widths(lengths, epochs, pieces),
            shapes=lambda widths: len(widths) + 1,
        )
        lines = []
        groups = list(model.layer_groups)
        steps = epochs * int(dataset.cardinality())
        return choose(model, groups, stage, dataset, steps, lines.append), lines

    return run


@pytest.mark.slow
def test_the_cheaper_is_chosen_with_its_compilation_counted(measure):
    chosen, message = measure(plain=0.4, compiled=0.3, epochs=2)
    assert chosen == Compilation(True, (10, 20))
    assert message == [
        "jit_compile auto: true: a step takes 300 ms plain, 225 ms compiled, and compilation of 2 "
        "widths 6 s, for 400 steps"
    ]
    chosen, (message,) = measure(plain=0.4, compiled=0.3, compiling=20)
    assert chosen == PLAIN
    assert message.startswith("jit_compile auto: false: a step takes 300 ms plain, 300 ms compiled")
    assert "compilation of 1 widths 40 s, for 200 steps" in message, "wider batches, fewer programs"
    assert measure(plain=0.4, compiled=0.5)[0] == PLAIN


def test_what_cannot_pay_is_not_measured(measure, monkeypatch):
    never = RuntimeError("compiled")
    _, message = measure(plain=0.01, compiled=never)
    assert message == [
        "jit_compile auto: false, not measured: 200 steps of 8 ms could hardly earn a compilation "
        "back"
    ]
    monkeypatch.setattr(xla, "LEAST_STEPS", STEPS + 1)
    assert measure(plain=never, compiled=never) == (
        PLAIN,
        ["jit_compile auto: false, not measured for 200 steps"],
    )


def test_a_step_that_xla_cannot_compile_runs_plain(measure):
    error = tf.errors.InvalidArgumentError(None, None, "no XLA kernel for SomeOp")
    chosen, message = measure(plain=0.4, compiled=error)
    assert chosen == PLAIN
    assert message == [
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


@pytest.mark.slow
def test_measuring_changes_no_bit_of_a_training_that_stays_plain(recipe, monkeypatch):
    monkeypatch.setattr(xla, "LEAST_STEPS", 1)
    monkeypatch.setattr(xla, "LEAST_TRACINGS", 0)
    states, lines = [], []
    for jit_compile in ("auto", False):
        plan = TrainingPlan.of([Stage(freeze=FreezePlan.backbone())])
        own = dataclasses.replace(recipe, plan=plan, jit_compile=jit_compile, cache=False)
        make_reproducible(own)
        datasets = open_datasets(own)
        materials = Materials.of(own, datasets, build_model(own, datasets))
        setup, model = set_up(materials, 0, report=lines.append), materials.model
        step, iterator = model.make_train_function(), iter(setup.training_batches)
        for _ in range(5):
            step(iterator)
        variables = trained_variables(model, materials.trained_groups) | metric_variables(model)
        states.append(values(variables))
    (line,) = [line for line in lines if line.startswith("jit_compile")]
    assert line.startswith("jit_compile auto: false: a step takes")
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)
