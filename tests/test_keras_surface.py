"""Keras's public surface on a model of several tasks: each ends in a result, or in one line."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.every_kind import make_model

import mtl_keras as mtl
from mtl_keras.errors import InputError

CALLBACKS = keras.callbacks
WATCHING = {
    "EarlyStopping": lambda name, folder: CALLBACKS.EarlyStopping(name, restore_best_weights=True),
    "ReduceLROnPlateau": lambda name, folder: CALLBACKS.ReduceLROnPlateau(name),
    "ModelCheckpoint": lambda name, folder: CALLBACKS.ModelCheckpoint(
        folder / "best.weights.h5", name, save_best_only=True, save_weights_only=True
    ),
}
OTHERS = {
    "BackupAndRestore": lambda folder: CALLBACKS.BackupAndRestore(folder / "backup"),
    "CSVLogger": lambda folder: CALLBACKS.CSVLogger(folder / "log.csv"),
    "History": lambda folder: CALLBACKS.History(),
    "LambdaCallback": lambda folder: CALLBACKS.LambdaCallback(),
    "LearningRateScheduler": lambda folder: CALLBACKS.LearningRateScheduler(lambda e, rate: rate),
    "SwapEMAWeights": lambda folder: CALLBACKS.SwapEMAWeights(),
    "TerminateOnNaN": lambda folder: CALLBACKS.TerminateOnNaN(),
}
FIT = [
    ({"class_weight": {0: 1.0}}, "class_weight: the tasks have classes of their own; weight ex"),
    ({"sample_weight": np.ones(4)}, "sample weights are a dict with the tasks .*: ndarray"),
    ({"sample_weight": {}}, r"sample weights are a dict with the tasks .*Received: \[\]"),
    ({"y": None}, "labels are a dict with the tasks .* Received: NoneType"),
    ({"y": {"topic": np.zeros(4)}}, r"labels are a dict .* Received: \['topic'\]"),
    ({"x": None}, "x is absent; give batches"),
    ({"x": "a text"}, r"texts must be a list of strings: \[text\]\. Received: 'a text'"),
    ({"x": Ellipsis, "y": None}, "x: Unrecognized data type.*give a tf.data.Dataset"),
    ({"x": {"token_ids": np.zeros((4, 6), int)}}, "x must be a dict with .* Received: 'token_ids'"),
    ({"epochs": "2"}, "epochs must be a whole number from 0. Received: '2'"),
    ({"epochs": -1}, "epochs must be .* Received: -1"),
    ({"batch_size": 0}, "batch_size must be a whole number from 1. Received: 0"),
    ({"steps_per_epoch": 1.5}, "steps_per_epoch must be .* Received: 1.5"),
    ({"callbacks": [3]}, "callbacks takes Keras callbacks. Received: 3"),
    ({"validation_data": (["a"], {})}, "labels are a dict with the tasks"),
    ({"epoch": 2}, "fit has no argument 'epoch'; did you mean 'epochs'"),
    ({"batch_size": 2, "shuffle": False}, None),
    ({"validation_split": 0.5}, None),
    ({"validation_freq": 2}, None),
    ({"initial_epoch": 1}, None),
]
SGD = keras.optimizers.SGD()
COMPILE = [
    ({"loss": "mse"}, "loss='mse': each task's loss follows from its kind"),
    ({"metrics": ["accuracy"]}, r"metrics must be a dict of task .* Received: \['accuracy'\]"),
    (
        {"metrics": {"topic": ["accuracy"]}},
        r"metrics\['topic'\] must be a list of keras.metrics.Metric",
    ),
    ({"metrics": {"tone": []}}, "metrics: there is no task 'tone'"),
    ({"weighted_metrics": ["mae"]}, "weighted_metrics: every metric is weighted"),
    ({"loss_weights": [1, 2]}, r"loss_weights must be a dict .* Received: \[1, 2\]"),
    ({"loss_weights": {"topic": float("nan")}}, r"loss_weights\['topic'\] must be a number .* nan"),
    ({"loss_weights": {"topic": "a"}}, r"loss_weights\['topic'\] must be .* 'a'"),
    ({"optimizer": "adamm"}, "optimizer must .* Received: 'adamm'; did you mean 'adam"),
    (
        {"optimizer": keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())},
        "optimizer=LossScaleOptimizer: losses",
    ),
    ({"auto_scale_loss": True}, "auto_scale_loss: losses are float32"),
    ({"steps_per_execution": 0}, "steps_per_execution must be a whole number from 1"),
    ({"jit_compile": "yes"}, "jit_compile must be True or False"),
    ({"run_eager": True}, "compile has no argument 'run_eager'; did you mean 'run_eagerly'"),
    ({"optimizer": "sgd", "weighted_metrics": [], "loss_weights": {"topic": 2}}, None),
    ({"optimizer": keras.optimizers.SGD(), "jit_compile": "auto"}, None),
]
OTHER_ARGUMENTS = [
    ("evaluate", {"step": 1}, "evaluate has no argument 'step'; did you mean 'steps'"),
    ("evaluate", {"steps": 1, "return_dict": True}, None),
    ("train_on_batch", {"class_weight": {0: 1}}, "class_weight: the tasks have"),
    ("train_on_batch", {"return_dict": True}, None),
    ("test_on_batch", {}, None),
]
TEXTS = [None, "a", ["a", None], ["a", float("nan")], ["a", b"b"], ["a", "\ud83d"], {"a"}, [1]]
POLICIES = {
    "float32": True,
    "float64": True,
    "bfloat16": True,
    "mixed_bfloat16": True,
    "mixed_float16": True,
    "int8_from_float32": False,
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tiny_bert) -> mtl.MultiTaskModel:
    model = make_model(tiny_bert)
    model.compile(run_eagerly=True)
    model.fit(*_batch(model)[:2], verbose=0)
    return model


def _batch(model) -> tuple[dict, dict, dict]:
    """Inputs, labels and weights of 4 texts of up to 6 pieces."""
    mask = np.arange(6) < np.array([[6], [4], [3], [2]])
    x = {"token_ids": np.where(mask, 5, 0), "padding_mask": mask}
    labels, weights = {}, {}
    for name, task in model.tasks.items():
        none = task.label_kind.arrays([], task.num_outputs)["label"]
        shape = (4, 6) if task.label_kind.per_word else (4,)
        labels[name] = np.ones((*shape, *none.shape[1:]), none.dtype)
        weights[name] = np.float32(mask if task.label_kind.per_word else mask.any(1))
    return x, labels, weights


@contextlib.contextmanager
def _ends_in(message: str | None) -> Iterator[None]:
    if message is None:
        yield
    else:
        with pytest.raises(InputError, match=message) as raised:
            yield
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("callback", WATCHING)
def test_callbacks_know_which_direction_of_each_metric_is_better(model, callback, tmp_path):
    x, labels, weights = _batch(model)
    names = [*model.metric_directions]
    assert {"loss", "padding"} < set(names) and len(names) == 2 + 2 * len(model.tasks)
    watching = [WATCHING[callback](prefix + n, tmp_path) for n in names for prefix in ("", "val_")]
    data = (x, labels, weights)
    history = model.fit(x, labels, validation_data=data, verbose=0, callbacks=watching).history
    assert set(names) < set(history)
    assert [watcher.mode for watcher in watching[::2]] == [*model.metric_directions.values()]
    assert model.metric_directions["topic_accuracy"] == "max"
    assert model.metric_directions["stars_mae"] == "min"
    with pytest.raises(InputError, match=r"'val_topic_acc' is not measured.*did you mean"):
        model.fit(x, labels, callbacks=[WATCHING[callback]("val_topic_acc", tmp_path)])


@pytest.mark.filterwarnings("ignore:.*copy keyword")
def test_the_other_callbacks_work(model, tmp_path):
    made = [make(tmp_path) for make in OTHERS.values()]
    assert model.fit(*_batch(model)[:2], verbose=0, callbacks=made).history["loss"]


@pytest.mark.parametrize(("given", "message"), FIT, ids=lambda value: str(value)[:40])
def test_arguments_of_fit(model, given, message):
    x, labels, _ = _batch(model)
    with _ends_in(message):
        model.fit(**{"x": x, "y": labels, "verbose": 0} | given)


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        ("topic", np.array([0, 1, 2, 7]), r"y\['topic'\]\[3\]: 7 is no label, from 0 to"),
        ("topic", np.eye(4), r"y\['topic'\] must have the shape \(4,\). .* \(4, 4\)"),
        ("topic", np.array(list("abca")), r"y\['topic'\] must be numbers: .* <U1"),
        ("stars", np.ones((4, 1)), r"y\['stars'\] must have the shape .* Received: \(4, 1\)"),
        ("stars", np.array([1, 2, np.nan, 3]), r"y\['stars'\]\[2\]: nan is no label"),
        ("entities", np.full((4, 6), -100), r"y\['entities'\]\[0, 0\]: -100 is no label"),
    ],
)
def test_labels_are_those_of_their_task(model, name, changed, message):
    x, labels, _ = _batch(model)
    with _ends_in(message):
        model.fit(x, labels | {name: changed}, verbose=0)


def test_labels_of_a_dataset_have_their_tasks_axes(model):
    x, labels, weights = _batch(model)
    changed = labels | {"stars": labels["stars"][:, np.newaxis]}
    with pytest.raises(InputError, match=r"labels of 'stars' have the shape .*, but need 1 axes"):
        model.fit(tf.data.Dataset.from_tensors((x, changed, weights)), verbose=0)
    with pytest.raises(InputError, match="y is part of a dataset's batches"):
        model.fit(tf.data.Dataset.from_tensors((x, labels)), labels)


@pytest.mark.parametrize(("given", "message"), COMPILE, ids=lambda value: str(value)[:40])
def test_arguments_of_compile(model, given, message):
    before = model.optimizer
    with _ends_in(message):
        model.compile(**given)
    if message:
        assert model.optimizer is before
    model.compile(run_eagerly=True)


@pytest.mark.parametrize(("method", "given", "message"), OTHER_ARGUMENTS)
def test_arguments_of_the_other_methods(model, method, given, message):
    x, labels, _ = _batch(model)
    quiet = {"verbose": 0} if method == "evaluate" else {}
    with _ends_in(message):
        getattr(model, method)(x, labels, **quiet, **given)


@pytest.mark.parametrize("texts", TEXTS, ids=ascii)
def test_every_entrance_refuses_what_is_no_text_alike(model, texts):
    messages = set()
    for ask in (
        lambda: model.predict(texts),
        lambda: model.predict_on_batch(texts),
        lambda: mtl.answer(model, texts),
        lambda: model.encoder.encode(texts),
    ):
        with pytest.raises(InputError) as raised:
            ask()
        messages.add(str(raised.value))
    assert len(messages) == 1


def test_no_text_has_no_answer(model):
    assert model.predict([]) == []
    assert {len(rows) for rows in model.predict_on_batch([]).values()} == {0}


@pytest.mark.parametrize(("policy", "trains"), POLICIES.items())
def test_every_dtype_policy(tiny_bert, policy, trains):
    keras.config.set_dtype_policy(policy)
    try:
        with _ends_in(None if trains else "dtype policy .* cannot train; use float32"):
            model = make_model(tiny_bert)
            model.compile(run_eagerly=True)
            assert np.isfinite(model.fit(*_batch(model)[:2], verbose=0).history["loss"]).all()
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_compiled_model_is_cloned_copied_saved_loaded_and_summed_up(model, tmp_path):
    x, _, _ = _batch(model)
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    model.fit(*_batch(model)[:2], verbose=0)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    assert isinstance(loaded, mtl.MultiTaskModel)
    assert [*loaded.optimizer.of_layer] == [*model.optimizer.of_layer]
    expected = model.predict_on_batch(x)
    for other in (clone, loaded):
        for name, values in other.predict_on_batch(x).items():
            np.testing.assert_array_equal(values, expected[name])
    assert type(clone) is keras.src.models.functional.Functional, "as docs/python.md says"
    lines = []
    model.summary(print_fn=lambda line, **options: lines.append(line), show_trainable=True)
    (row,) = (line.split() for line in "\n".join(lines).splitlines() if "topic_head" in line)
    assert row[-2] == "Y"
    done = subprocess.run(
        [sys.executable, "-c", f"import keras; keras.models.load_model({str(path)!r})"],
        capture_output=True,
        text=True,
    )
    *_, line = done.stderr.splitlines()
    assert "Could not locate class 'MultiTaskModel'" in line and "'module': 'mtl_keras." in line
    with pytest.raises(InputError, match=r"name ends in \.keras"):
        model.save(tmp_path / "model.h5")
    with pytest.raises(InputError, match="quantize: export the run with"):
        model.quantize("int8")


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_of_other_tasks_are_refused_in_a_line(model, tiny_encoder, tmp_path):
    model.save_weights(tmp_path / "a.weights.h5")
    other = mtl.MultiTaskModel(tiny_encoder(), [mtl.Task("topic", labels=list("abcdefg"))])
    for path in (tmp_path / "a.weights.h5", tmp_path / "absent.weights.h5"):
        with pytest.raises(InputError, match=r"h5: its weights do not fit"):
            other.load_weights(path)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_inside_another_model_and_as_a_base_class(model, tmp_path):
    x, labels, _ = _batch(model)
    inputs = {
        "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
        "padding_mask": keras.Input((None,), dtype="bool", name="padding_mask"),
    }
    outer = keras.Model(inputs, keras.layers.Dense(1)(model(inputs)["topic"]))
    outer.compile("sgd", "mse", run_eagerly=True)
    outer.fit(x, labels["stars"], verbose=0)
    outer.save(tmp_path / "outer.keras")
    loaded = keras.models.load_model(tmp_path / "outer.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(x), outer.predict_on_batch(x))

    class Mine(mtl.MultiTaskModel):
        def train_step(self, data):
            return super().train_step(data) | {"mine": 1.0}

    mine = Mine(model.encoder, [*model.tasks.values()])
    mine.compile(run_eagerly=True)
    assert mine.fit(x, labels, verbose=0).history["loss"]
