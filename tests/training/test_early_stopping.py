"""The best weights, early stopping, and heads that are done."""

import numpy as np
import pytest

import mtl_keras as mtl
from mtl_keras.plans.stage import Stage
from mtl_keras.training.early_stopping import Selection


@pytest.fixture
def model(tiny_model):
    model = tiny_model()
    model.compile()
    return model


@pytest.fixture
def selection(model, tmp_path):
    selection = Selection(model.tasks, tmp_path / "best", model.layer_groups)
    selection.set_model(model)
    return selection


def _epochs(selection, topic, entities, loss=None):
    """Goes through epochs with these scores; gives after how many training stopped."""
    selection.model.stop_training = False
    for epoch, scores in enumerate(zip(topic, entities, strict=True)):
        logs = {"val_topic_accuracy": scores[0], "val_entities_span_f1": scores[1]}
        selection.on_epoch_end(epoch, logs | ({"val_loss": loss[epoch]} if loss else {}))
        if selection.model.stop_training:
            return epoch + 1
    return None


def test_each_tasks_and_the_means_best_are_kept(selection, model):
    bias = model.layer_groups["heads/topic"][0].dense.bias
    for epoch, scores in enumerate([(0.5, 0.2), (0.7, 0.5), (0.9, 0.1)]):
        bias.assign(np.full(3, epoch, np.float32))
        logs = {"val_topic_accuracy": scores[0], "val_entities_span_f1": scores[1]}
        selection.on_epoch_end(epoch, logs)
    assert {name: best["epoch"] for name, best in selection.best.items()} == {
        "topic": 3,
        "entities": 2,
        "mean": 2,
    }
    for name, epoch in (("mean", 1.0), ("topic", 2.0), ("entities", 1.0)):
        selection.restore(name)
        np.testing.assert_array_equal(bias.numpy(), epoch)


def test_the_mean_is_of_the_judged_tasks(model, tmp_path):
    selection = Selection(model.tasks, tmp_path, model.layer_groups, judged=["entities"])
    selection.set_model(model)
    _epochs(selection, [0.9, 0.1], [0.1, 0.9])
    assert selection.best["mean"] == {"score": 0.9, "epoch": 2}


def test_none_keeps_the_last_weights(selection, model):
    _epochs(selection, [0.9], [0.9])
    bias = model.layer_groups["heads/topic"][0].dense.bias
    bias.assign(np.full(3, 7.0, np.float32))
    selection.restore(None)
    np.testing.assert_array_equal(bias.numpy(), 7.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "stopped"),
    [
        (Stage(), None),
        (Stage(patience=2), 5),  # the mean: 0.5 0.6 0.65 0.6 0.6
        (Stage(patience=1, watch="topic_accuracy"), 3),
        (Stage(patience=1, watch="loss"), 2),
    ],
)
def test_a_stage_ends_when_what_it_watches_has_not_improved(selection, stage, stopped):
    selection.begin(stage)
    topic, entities = [0.5, 0.6, 0.6, 0.6, 0.6], [0.5, 0.6, 0.7, 0.6, 0.6]
    assert _epochs(selection, topic, entities, loss=[1.0, 1.0, 0.9, 0.8, 0.7]) == stopped


def test_the_next_stage_counts_afresh_but_must_beat_the_best(selection):
    selection.begin(Stage(patience=2))
    assert _epochs(selection, [0.9, 0.8, 0.8], [0.9, 0.8, 0.8]) == 3
    selection.begin(Stage(patience=2))
    assert _epochs(selection, [0.85, 0.85], [0.85, 0.85]) == 2
    assert selection.best["mean"]["epoch"] == 1


def test_a_done_task_freezes_its_head_while_the_other_goes_on(selection, model):
    selection.begin(Stage(patience=2, freeze_when_done=True))
    topic, entities = [0.9, 0.8, 0.8, 0.8, 0.8], [0.1, 0.2, 0.4, 0.4, 0.4]
    assert _epochs(selection, topic[:3], entities[:3]) is None
    assert selection.done == ["topic"]
    trains = {row.group: row.trains for row in mtl.trainability(model)}
    assert not trains["heads/topic"]
    assert trains["heads/entities"]
    assert _epochs(selection, topic[3:], entities[3:]) == 2
    assert selection.done == ["topic", "entities"]


def test_heads_that_freeze_when_done_decide_when_the_stage_ends(selection):
    selection.begin(Stage(patience=2, freeze_when_done=True))
    topic, entities = [0.9, 0.7, 0.7, 0.7], [0.1, 0.2, 0.3, 0.4]  # the mean: 0.5 0.45 0.5 0.55
    assert _epochs(selection, topic, entities) is None
    assert selection.done == ["topic"]


def test_a_caller_is_notified_before_a_head_is_frozen(model, tmp_path):
    records = []
    selection = Selection(
        model.tasks,
        tmp_path / "best",
        model.layer_groups,
        on_done=lambda task: records.append((task, model.get_layer(f"{task}_head").trainable)),
    )
    selection.set_model(model)
    selection.begin(Stage(patience=1, freeze_when_done=True))
    _epochs(selection, [0.9, 0.8], [0.1, 0.2])
    assert records == [("topic", True)]


def test_no_number_is_never_the_best(selection):
    _epochs(selection, [0.5, float("nan")], [0.5, 0.9])
    assert selection.best["mean"] == {"score": 0.5, "epoch": 1}


def test_of_an_epoch_the_weights_are_written_once(selection, monkeypatch):
    folder = selection.folder
    _epochs(selection, [0.5], [0.5])
    assert len({path.stat().st_ino for path in folder.iterdir()}) == 1
    monkeypatch.setattr("os.link", lambda *paths: (_ for _ in ()).throw(OSError("no links here")))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(before) == [f"{name}.safetensors" for name in ("entities", "mean", "topic")]
    _epochs(selection, [0.6], [0.6])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_undefined_metric_judges_nothing_and_is_waited_for_by_nobody(selection, tmp_path):
    selection.begin(Stage(patience=1, watch="entities_span_f1"))
    for epoch in range(4):
        undefined = {"val_entities_span_f1": float("nan"), "val_entities_loss": 0.5}
        selection.on_epoch_end(epoch, undefined | {"val_topic_accuracy": 0.9 - epoch / 10})
    assert not selection.model.stop_training
    assert selection.best == {name: {"score": 0.9, "epoch": 1} for name in ("topic", "mean")}
    assert not (tmp_path / "best" / "entities.safetensors").exists()


def test_a_head_without_a_defined_metric_is_never_done(selection):
    selection.begin(Stage(patience=1, freeze_when_done=True))
    for epoch in range(3):
        undefined = {"val_entities_span_f1": float("nan"), "val_entities_loss": 0.5}
        selection.on_epoch_end(epoch, undefined | {"val_topic_accuracy": 0.5})
    assert selection.done == ["topic"]
