"""A watcher receives a row for each epoch."""

import math

from mtl_keras.data.task import Task
from mtl_keras.plans.stage import Stage
from mtl_keras.training.epoch_rows import EpochRows

TASKS = {"topic": Task("topic"), "stars": Task("stars", kind="regression")}


class Notes:
    def __init__(self):
        self.rows, self.steps = [], []

    def show_epoch(self, row):
        self.rows.append(row)

    def show_step(self, what, done, of):
        self.steps.append((what, done, of))


def watch(epochs: list[dict], before=()) -> Notes:
    notes = Notes()
    callback = EpochRows(notes, TASKS, before)
    callback.set_params({"steps": 30})
    callback.begin_stage(
        1, [Stage(epochs=3), Stage(epochs=2), Stage(freeze="backbone", solve=True)]
    )
    for epoch, logs in enumerate(epochs, 1):
        callback.on_epoch_begin(epoch)
        callback.on_train_batch_end(9)
        callback.on_test_batch_end(0)
        callback.on_epoch_end(epoch, logs)
    callback.on_train_end()
    return notes


def test_the_best_so_far_follows_the_metrics_direction():
    logs = [{"val_topic_accuracy": a, "val_stars_mae": b} for a, b in ((0.5, 2.0), (0.4, 1.0))]
    first, second = watch(logs).rows
    assert [task.is_best for task in first.tasks] == [True, True]
    assert [(task.best, task.is_best) for task in second.tasks] == [(0.5, False), (1.0, True)]


def test_an_undefined_metric_is_no_best():
    (row,) = watch([{"loss": 0.5, "val_topic_accuracy": math.nan}]).rows
    assert (row.loss, row.tasks[0].value, row.tasks[0].best) == (0.5, None, None)


def test_what_was_measured_before_a_resumed_training_counts():
    (row,) = watch([{"val_topic_accuracy": 0.5}], before=[{"val_topic_accuracy": 0.75}]).rows
    assert (row.tasks[0].best, row.tasks[0].is_best) == (0.75, False)


def test_epochs_and_time_left_are_those_of_all_stages():
    notes = watch([{}, {}])
    assert [(row.epoch, row.epochs) for row in notes.rows] == [(2, 7), (3, 7)]
    assert all(row.seconds_left == row.seconds * (7 - row.epoch) for row in notes.rows)
    assert notes.steps == [
        ("preparing", 0, None),
        *[("epoch 2/7", 10, 30), ("epoch 2/7, validation", 1, None)],
        *[("epoch 3/7", 10, 30), ("epoch 3/7, validation", 1, None)],
        ("evaluating", 0, None),
    ]
