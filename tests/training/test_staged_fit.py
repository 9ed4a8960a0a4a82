"""Stages on a model that a program holds."""

import keras
import numpy as np
import pytest

from mtl_keras.data.task import Task
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.runs.run import Run

ROWS = [{"text": "aaa b" if n % 2 else "c d", "label": "xy"[n % 2]} for n in range(40)]
STAGES = [Stage(freeze="backbone", epochs=2), Stage(freeze="top:1", epochs=2)]
QUIET = {"verbose": 0, "report": lambda line: None}


def make_model(tiny_encoder):
    task = Task("topic", data={"train": ROWS, "validation": ROWS})
    return MultiTaskModel(tiny_encoder(), [task])


@pytest.mark.slow
def test_stages_train_from_rows_in_memory_with_cache_and_proof(tiny_encoder):
    model = make_model(tiny_encoder)
    lines = []
    history = model.fit_stages(STAGES, patience=2, verbose=0, report=lines.append)
    first, second = history
    assert len(first["history"]["val_topic_accuracy"]) == 2
    assert {row["frozen"] for row in first["proof"]} == {True, False}
    assert second["freeze"] == "top:1"
    assert any("stage 2 of 2: freeze top:1" in line for line in lines)
    assert lines[0].startswith("warning: topic, validation: 40 of 40 texts are also training texts")
    assert set(history.best) == {"mean", "topic"}
    assert history.run is None
    assert model.level is None


@pytest.mark.slow
def test_an_interrupted_training_resumes_in_its_folder_and_leaves_a_run(tiny_encoder, tmp_path):
    class Interrupting(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise KeyboardInterrupt

    model = make_model(tiny_encoder)
    with pytest.raises(KeyboardInterrupt):
        model.fit_stages(STAGES, folder=tmp_path / "run", callbacks=[Interrupting()], **QUIET)
    model = make_model(tiny_encoder)
    history = model.fit_stages(STAGES, folder=tmp_path / "run", **QUIET)
    assert [len(stage["history"]["loss"]) for stage in history] == [2, 2]
    for weights, expected in zip(
        Run.open(tmp_path / "run").model().get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(weights, expected)
    with pytest.raises(InputError, match="already exists"):
        model.fit_stages(STAGES, folder=tmp_path / "run", **QUIET)


@pytest.mark.slow
def test_a_named_plan_solves_the_heads(tiny_encoder):
    model = make_model(tiny_encoder)
    (stage,) = model.fit_stages(TrainingPlan("linear_probe"), model.datasets(), patience=2, **QUIET)
    assert stage["history"]["val_topic_accuracy"] == [1.0]


@pytest.mark.parametrize(
    ("stages", "given", "message"),
    [
        ([], {}, "stages must be a list of Stage.* Received: \\[\\]"),
        (["top:2"], {}, "a list of Stage"),
        ("lpft", {}, "a training plan is one of"),
        ([Stage(freeze="top:9")], {}, "9"),
        ([Stage()], {"batch_size": 0}, "recipe: training.batch_size"),
        ([Stage()], {"schedule": "prop"}, "schedule"),
        ([Stage()], {"patience": 0}, "patience is at least 1"),
        ([Stage()], {"restore": "topik"}, "topik"),
        ([Stage()], {"datasets": [1]}, "datasets must be .* Received: \\[1\\]"),
        ([Stage()], {"datasets": {}}, "no data of 'topic'"),
        ([Stage()], {"patience": "2"}, "patience must be a whole number from 1"),
        ([Stage()], {"callbacks": [7]}, "callbacks takes Keras callbacks"),
        ([Stage()], {"folder": 7}, "folder must be a path. Received: 7"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(stages, given, message, tiny_encoder):
    with pytest.raises(InputError, match=message):
        make_model(tiny_encoder).fit_stages(stages, **given)


def test_a_task_needs_training_examples(tiny_encoder):
    task = Task("topic", labels=["x", "y"], data={"test": ROWS})
    with pytest.raises(InputError, match="'topic' has no train examples; it has test"):
        MultiTaskModel(tiny_encoder(), [task]).fit_stages([Stage()])


@pytest.mark.slow
def test_callbacks_of_keras_know_which_way_a_metric_is_better(tiny_encoder):
    stopping = keras.callbacks.EarlyStopping("val_topic_accuracy", patience=1)
    stages = [Stage(freeze="backbone", epochs=8)]
    (stage,) = make_model(tiny_encoder).fit_stages(stages, callbacks=stopping, **QUIET)
    accuracy = stage["history"]["val_topic_accuracy"]
    assert len(accuracy) < 8
    assert accuracy[-1] <= max(accuracy[:-1])


@pytest.mark.slow
def test_callbacks_of_keras_follow_every_stage(tiny_encoder, tmp_path):
    calls = keras.callbacks
    log, epochs = tmp_path / "log.csv", []
    callbacks = [
        calls.ModelCheckpoint(tmp_path / "best.keras", "val_topic_accuracy", save_best_only=True),
        calls.ReduceLROnPlateau("val_topic_accuracy"),
        calls.CSVLogger(log),
        calls.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch)),
        calls.LearningRateScheduler(lambda epoch, rate: rate),
        calls.TerminateOnNaN(),
    ]
    stages = [Stage(freeze="backbone"), Stage(freeze="top:1", epochs=2)]
    make_model(tiny_encoder).fit_stages(stages, callbacks=callbacks, **QUIET)
    assert epochs == [0, 1, 2]
    assert [line.split(",")[0] for line in log.read_text().splitlines()] == ["epoch", *"012"]
    assert isinstance(keras.models.load_model(tmp_path / "best.keras"), MultiTaskModel)
    assert callbacks[1].mode == "max"


@pytest.mark.slow
def test_a_global_policy_is_that_of_training_and_of_the_saved_model(tiny_bert, tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        encoder = TextEncoder.from_pretrained(str(tiny_bert), max_length=16)
        model = MultiTaskModel(encoder, [Task("topic", data={"train": ROWS, "validation": ROWS})])
        model.fit_stages([Stage(freeze="backbone")], **QUIET)
        model.save(tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("block_0").dtype_policy.name == "mixed_bfloat16"
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.predict(["aaa b"]) == model.predict(["aaa b"])
