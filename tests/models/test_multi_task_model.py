"""The multi-task model: what moves in a step, and what a Keras user expects of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.asserts import (
    assert_frozen_weights_unchanged,
    assert_other_heads_untouched,
    assert_same_weights,
)

import mtl_keras as mtl
from mtl_keras.errors import InputError

PLANS = ["none", "all", "backbone", "head:topic", "head:entities", "lowest:0", "top:1"]


def _batch(model, task=None, seed=0):
    """A batch of 4 texts of 6 pieces, for one task or for all."""
    generator = np.random.default_rng(seed)
    size = len(model.encoder.tokenizer.vocabulary)
    mask = np.arange(6) < np.array([[6], [4], [3], [2]])
    x = {"token_ids": generator.integers(0, size, (4, 6)) * mask, "padding_mask": mask}
    shapes = {"topic": (4,), "entities": (4, 6)}
    labels = {
        name: generator.integers(0, model.tasks[name].num_outputs, shape)
        for name, shape in shapes.items()
    }
    weights = {
        name: np.full(shape, float(task in (None, name)), np.float32)
        for name, shape in shapes.items()
    }
    weights["entities"] *= mask
    return tf.nest.map_structure(tf.constant, (x, labels, weights))


def _dataset(model, tasks, batches=1):
    made = [_batch(model, task, seed) for seed in range(batches) for task in tasks]
    spec = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), made[0])
    return tf.data.Dataset.from_generator(lambda: iter(made), output_signature=spec).apply(
        tf.data.experimental.assert_cardinality(len(made))
    )


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "jit_compile"), [("adamw", False), ("lion", True)])
def test_a_step_for_one_task_leaves_the_other_head_untouched(tiny_model, jit_compile, optimizer):
    model = tiny_model()
    model.compile(optimizer, jit_compile=jit_compile)
    model.fit(_dataset(model, [None]), verbose=0)
    for task in model.tasks:
        with assert_other_heads_untouched(model, task):
            model.fit(_dataset(model, [task]), verbose=0)


@pytest.fixture(scope="module")
def compiled_once(tiny_model):
    """A model that has trained in full, for one plan after the other."""
    model = tiny_model()
    model.compile()
    model.fit(_dataset(model, [None]), verbose=0)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("rule", PLANS)
def test_what_a_plan_freezes_does_not_move_and_the_rest_does(compiled_once, rule):
    model, plan = compiled_once, mtl.FreezePlan(rule)
    plan.apply(model)
    with assert_frozen_weights_unchanged(model, plan.frozen(list(model.layer_groups))):
        model.fit(_dataset(model, list(model.tasks)), verbose=0)


@pytest.mark.slow
def test_thawing_after_compile_takes_effect_and_keeps_the_optimizers_state(tiny_model):
    model = tiny_model()
    mtl.FreezePlan.backbone().apply(model)
    model.compile()
    model.fit(_dataset(model, [None], batches=3), verbose=0)
    mtl.FreezePlan.none().apply(model)
    with assert_frozen_weights_unchanged(model, frozen=[]):
        model.fit(_dataset(model, [None]), verbose=0)
    steps = {
        layer: int(optimizer.iterations) for layer, optimizer in model.optimizer.of_layer.items()
    }
    assert steps["topic_head"] == 4
    assert steps["block_1"] == 1


@pytest.mark.slow
def test_joint_gradients_are_the_sum_of_the_tasks(tiny_model):
    together, apart = tiny_model(dropout=0.0), tiny_model(dropout=0.0)
    for model in (together, apart):
        mtl.FreezePlan.lowest(2).apply(model)
        model.compile(keras.optimizers.SGD(0.1), loss_weights={"topic": 0.5})
    together.train_on_batch(*_batch(together))
    for task in apart.tasks:
        apart.train_on_batch(*_batch(apart, task))
    assert_same_weights(together.weights, apart.weights, tolerance=1e-6)


@pytest.mark.slow
def test_history_has_each_tasks_loss_and_metric_over_its_own_examples(tiny_model):
    model = tiny_model()
    model.compile(metrics={"topic": [keras.metrics.SparseTopKCategoricalAccuracy(2, name="top2")]})
    data = _dataset(model, list(model.tasks), batches=2)
    history = model.fit(data, validation_data=data, epochs=2, verbose=0).history
    names = ["loss", "topic_loss", "topic_accuracy", "topic_top2", "entities_loss"]
    for name in (*names, "entities_span_f1"):
        assert len(history[name]) == len(history[f"val_{name}"]) == 2
    alone = model.evaluate(_dataset(model, ["topic"], batches=2), verbose=0, return_dict=True)
    both = model.evaluate(data, verbose=0, return_dict=True)
    assert both["topic_loss"] == pytest.approx(alone["topic_loss"], rel=1e-6)
    assert both["topic_accuracy"] == alone["topic_accuracy"]


@pytest.mark.slow
def test_it_learns_what_can_be_learnt(tiny_model):
    model = tiny_model()
    model.compile(keras.optimizers.Adam(0.01))
    data = _dataset(model, [None], batches=2).repeat(60)
    history = model.fit(data, epochs=2, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]


def test_xla_compiles_training_and_leaves_validation_plain(tiny_model, monkeypatch):
    model, made = tiny_model(), []
    model.compile(jit_compile=True)
    monkeypatch.setattr(model, "_make_function", lambda step: made.append(model.jit_compile))
    model.make_train_function()
    model.make_test_function()
    model.make_train_function(force=True)
    assert made == [True, False, True]


def _trained(model, **setting) -> list[np.ndarray]:
    model.compile(keras.optimizers.SGD(0.1), **setting)
    model.fit(_dataset(model, list(model.tasks), batches=2), verbose=0)
    return model.get_weights()


@pytest.fixture(scope="module")
def plainly_trained(tiny_model):
    return _trained(tiny_model(dropout=0.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting", [{"jit_compile": True}, {"run_eagerly": True}, {"steps_per_execution": 2}]
)
def test_the_ways_keras_runs_a_step_agree(tiny_model, plainly_trained, setting):
    trained = _trained(tiny_model(dropout=0.0), **setting)
    assert_same_weights(trained, plainly_trained, tolerance=1e-5)


@pytest.mark.slow
def test_mixed_precision_trains_in_bfloat16_and_keeps_float32_weights(tiny_model, tmp_path):
    model = tiny_model(dtype="mixed_bfloat16")
    model.compile()
    history = model.fit(_dataset(model, list(model.tasks), batches=2), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}
    model.save(tmp_path / "model.keras")
    loaded = mtl.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("block_0").compute_dtype == "bfloat16"


def test_a_model_that_was_never_compiled_is_saved_as_one(tiny_model, tmp_path):
    tiny_model().save(tmp_path / "model.keras")
    assert not mtl.load_model(tmp_path / "model.keras").compiled


@pytest.mark.slow
def test_save_and_load_keep_outputs_freezing_and_the_optimizers_state(tiny_model, tmp_path):
    model = tiny_model(dropout=0.0)
    mtl.FreezePlan.lowest(1).apply(model)
    model.compile(mtl.layerwise_adamw(model, head_lr=0.01, backbone_lr=0.001, decay=0.5))
    model.fit(_dataset(model, list(model.tasks), batches=2), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = mtl.load_model(tmp_path / "model.keras")
    x, *_ = _batch(model)
    for name, expected in model(x).items():
        np.testing.assert_array_equal(loaded(x)[name], expected)
    assert [row.trains for row in mtl.trainability(loaded)] == [False, False, True, True, True]
    assert loaded.optimizer.rates == pytest.approx(model.optimizer.rates)
    for one in (model, loaded):
        one.fit(_dataset(one, list(one.tasks)), verbose=0)
    # A tenth of a step: rounding becomes part of a step where the gradient is 0, as of key biases.
    assert_same_weights(loaded.weights, model.weights, tolerance=1e-4)


@pytest.mark.slow
def test_keras_callbacks_work(tiny_model, tmp_path):
    model = tiny_model()
    model.compile(mtl.layerwise_adamw(model, head_lr=0.01, backbone_lr=0.001))
    data = _dataset(model, list(model.tasks))
    rates = []
    callbacks = [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", "val_topic_loss", mode="min"),
        keras.callbacks.EarlyStopping("val_entities_loss", mode="min", restore_best_weights=True),
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: rates.append(dict(model.optimizer.rates))
        ),
    ]
    model.fit(data, validation_data=data, epochs=2, verbose=0, callbacks=callbacks)
    assert [rate["topic_head"] for rate in rates] == pytest.approx([0.005, 0.0025])
    assert [rate["block_1"] for rate in rates] == pytest.approx([0.0005, 0.00025])
    assert (tmp_path / "best.keras").exists()


@pytest.mark.slow
def test_strings_are_answered_or_give_outputs_as_arrays_do(tiny_model):
    model = tiny_model()
    texts = ["a b", "c", ""]
    outputs = model.predict_on_batch(texts)
    assert outputs["topic"].shape == (3, 3)
    assert outputs["entities"].shape == (3, 4, 5)
    encoded = model.encoder.encode(texts, outputs=("token_ids", "padding_mask"))
    for name, expected in model.predict(encoded, verbose=0).items():
        np.testing.assert_array_equal(outputs[name], expected)
        np.testing.assert_allclose(model(texts)[name], expected, atol=1e-6)
        np.testing.assert_allclose(model(np.array(texts))[name], expected, atol=1e-6)
    np.testing.assert_allclose(outputs["topic"].sum(-1), 1.0, rtol=1e-5)
    assert model.predict(texts, batch_size=2, verbose=0) == mtl.answer(model, texts, batch_size=2)
    assert model([])["topic"].shape == (0, 3)
    for ask in (model.predict, model):
        with pytest.raises(InputError, match=r"strings: \[text\]"):
            ask("a b")
    with pytest.raises(InputError, match="callbacks: strings are answered without"):
        model.predict(texts, callbacks=[])


def test_summary_lists_embeddings_blocks_and_heads(tiny_model):
    lines = []
    tiny_model().summary(print_fn=lines.append)
    for name in ("embeddings", "block_0", "block_1", "topic_head", "entities_head"):
        assert name in "\n".join(lines)


def test_names_that_make_one_key_are_refused_until_a_file_has_them(tiny_encoder):
    tasks = [mtl.Task(name, labels=["x", "y"]) for name in ("a", "val_a")]
    with pytest.raises(InputError, match="would be both the validation loss of 'a' and"):
        mtl.MultiTaskModel(tiny_encoder(), tasks)
    config = mtl.MultiTaskModel(tiny_encoder(), tasks, has_names=True).get_config()
    assert list(mtl.MultiTaskModel.from_config(config).tasks) == ["a", "val_a"]


def test_labels_for_other_tasks_are_refused(tiny_model):
    model = tiny_model()
    model.compile(run_eagerly=True)
    x, labels, _ = _batch(model)
    with pytest.raises(
        InputError, match=r"the tasks \['entities', 'topic'\]. Received: \['tone'\]"
    ):
        model.train_on_batch(x, {"tone": labels["topic"]})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([], "at least one task"),
        ([mtl.Task("topic")], "task 'topic' has no labels"),
        ([mtl.Task("stars", kind="regression")] * 2, "two tasks are called 'stars'"),
    ],
)
def test_tasks_that_make_no_model_are_refused(tiny_encoder, tasks, message):
    with pytest.raises(InputError, match=message):
        mtl.MultiTaskModel(tiny_encoder(), tasks)


@pytest.mark.slow
def test_weights_and_metrics_for_a_missing_task_are_refused(tiny_model):
    with pytest.raises(InputError, match="loss_weights: there is no task 'tone'; there are topic"):
        tiny_model().compile(loss_weights={"tone": 1.0})
    with pytest.raises(InputError, match="metrics: there is no task 'tone'"):
        tiny_model().compile(metrics={"tone": []})
