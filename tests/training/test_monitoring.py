"""Long work is watched."""

import csv

import pytest
import tensorflow as tf
from tensorflow.core.util import event_pb2

from mtl_keras.training.monitoring import EveryMinute, HistoryTable, TensorBoardLogs


def test_the_table_has_a_row_an_epoch(tmp_path):
    histories = [{"loss": [0.5, 0.1 + 0.2]}, {"loss": [0.25], "val_loss": [1e-9]}]
    HistoryTable(tmp_path / "history.csv", lambda: histories).write()
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["stage"], row["epoch"]) for row in rows] == [("1", "1"), ("1", "2"), ("2", "3")]
    assert float(rows[1]["loss"]) == 0.1 + 0.2
    assert (rows[0]["val_loss"], float(rows[2]["val_loss"])) == ("", 1e-9)


def _read(folder) -> dict:
    """Tag and step → value, of the event files in a folder."""
    collected = {}
    for record in tf.data.TFRecordDataset([str(path) for path in sorted(folder.iterdir())]):
        event = event_pb2.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            collected[value.tag, event.step] = tf.make_ndarray(value.tensor).item()
    return collected


def test_tensorboard_has_a_tag_for_every_task(tmp_path):
    history = {"loss": [], "topic_loss": [], "val_slots_span_f1": []}
    logs = TensorBoardLogs(tmp_path, ["topic", "slots"], lambda: [history])
    for epoch in range(2):
        for name, value in {"loss": 0.5, "topic_loss": 0.25, "val_slots_span_f1": epoch}.items():
            history[name].append(value)
        logs.on_epoch_end(epoch)
    assert _read(tmp_path / "train") == {
        ("loss", 1): 0.5,
        ("topic/loss", 1): 0.25,
        ("loss", 2): 0.5,
        ("topic/loss", 2): 0.25,
    }
    assert _read(tmp_path / "validation") == {("slots/span_f1", 1): 0.0, ("slots/span_f1", 2): 1.0}


def test_tensorboard_has_no_undefined_value_and_takes_no_name_for_another(tmp_path):
    measured = {"a_b_loss": 0.5, "val_a_b_loss": 0.25, "val_x_loss": 1.0, "val_val_x_loss": 2.0}
    measured |= {"val_a_loss": float("nan"), "a_loss": None, "val_loss": 3.0}
    history = {name: [value] for name, value in measured.items()}
    TensorBoardLogs(tmp_path, ["a", "a_b", "val_x"], lambda: [history]).on_epoch_end(0)
    assert _read(tmp_path / "train") == {("a_b/loss", 1): 0.5, ("val_x/loss", 1): 1.0}
    of_validation = {("a_b/loss", 1): 0.25, ("val_x/loss", 1): 2.0, ("loss", 1): 3.0}
    assert _read(tmp_path / "validation") == of_validation


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_resumed_training_has_every_step_once(tmp_path, kept):
    """It was killed after three epochs were logged, of which a checkpoint has kept some."""

    def log(losses: list[float]) -> list[tuple[int, float]]:
        TensorBoardLogs(tmp_path, ["a"], lambda: [{"loss": losses}]).write()
        files = sorted((tmp_path / "train").iterdir())
        events = map(
            event_pb2.Event.FromString,
            tf.data.TFRecordDataset([str(f) for f in files]).as_numpy_iterator(),
        )
        return [(e.step, tf.make_ndarray(v.tensor).item()) for e in events for v in e.summary.value]

    assert log([4.0, 3.0, 2.0]) == [(1, 4.0), (2, 3.0), (3, 2.0)]
    resumed = [*[4.0, 3.0, 2.0][:kept], 1.0, 0.5]
    assert log(resumed) == list(enumerate(resumed, 1))
    assert len(list((tmp_path / "train").iterdir())) == 1


@pytest.mark.parametrize(("seconds", "message"), [(0.0, 3), (60.0, 0)])
def test_a_line_is_reported_not_more_often_than_asked(seconds, message):
    lines = []
    watch = EveryMinute(lines.append, seconds)
    watch.set_params({"steps": 9})
    watch.on_epoch_begin(1)
    watch.on_train_batch_end(2, {"loss": tf.constant(0.5)})
    watch.on_train_batch_end(3, None)
    watch.on_test_batch_end(0)
    assert len(lines) == message
    assert lines[:2] == ["epoch 2, step 3 of 9, loss 0.5000", "epoch 2, step 4 of 9"][:message]
