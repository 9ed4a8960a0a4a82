"""What a page says of a run's stages."""

import math

from mtl_keras.data.task import Task
from mtl_keras.plans.stage import Stage
from mtl_keras.reports.stages import (
    cost_section,
    curve_pictures,
    drift_section,
    grid_picture,
    stages_section,
)


def record(trains: list[bool], epochs: int = 2, **changes) -> dict:
    groups = ["block_0", "heads/topic"]
    rows = list(zip(groups, trains, strict=True))
    return {
        "freeze": "backbone",
        "seconds": 90.0,
        "features_seconds": 30.0,
        "proof_seconds": 0.5,
        "step_seconds": None,
        "history": {
            "loss": [0.5] * epochs,
            "topic_accuracy": [0.5] * epochs,
            "val_topic_accuracy": [0.25, *[math.nan] * (epochs - 1)],
        },
        "learning_rates": {"block_0": 1e-4, "topic_head": 1e-3},
        "groups": [{"group": g, "parameters": 1000, "trains": t} for g, t in rows],
        "proof": [
            {"group": g, "frozen": not t, "weights_changed": t, "slots_changed": t} for g, t in rows
        ],
    } | changes


RECORDS = [record([False, True]), record([True, True], epochs=3, proof=None)]


def test_every_group_says_whether_it_trained_and_what_was_proved():
    table = stages_section(RECORDS).table
    assert table.header == ("layer group", "parameters", "stage 1", "stage 2")
    rows = [[cell.text for cell in row] for row in table.rows]
    assert rows == [
        ["block_0", "1,000", "frozen, unchanged", "trained"],
        ["heads/topic", "1,000", "trained, changed", "trained"],
    ]


def test_curves_end_where_a_metric_is_undefined_and_borders_stand_between_stages():
    loss, topic = curve_pictures(RECORDS, [Task("topic")])
    assert loss.title == "loss ↓ by epoch"
    training, validation, *_ = topic.figure.axes[0].lines
    assert len(training.get_xdata()) == 5
    assert validation.get_xdata().tolist() == [1, 3]
    assert "Dotted lines stand between stages" in topic.caption
    assert "Dotted" not in curve_pictures(RECORDS[:1], [])[0].caption


def test_rates_are_those_of_the_recipe_or_else_those_of_the_records():
    words = [
        {text.get_text() for text in grid_picture(RECORDS, stages).figure.axes[0].texts}
        for stages in (None, [Stage(), Stage()])
    ]
    assert {"1e-4", "1e-3"} <= words[0]
    assert "1e-4" not in words[1]


def test_costs_are_added_up():
    section = cost_section(RECORDS, {"peak_memory_bytes": 2_000_000_000, "devices": 2})
    assert section.note == (
        "Training took 4.0 min. The process had at most 2.00 GB of memory. Devices: 2; "
        "processes: 1."
    )
    assert [row[-1].text for row in section.table.rows] == ["–", "–"]


def test_drift_of_numbers_has_no_flipped_answers():
    drift = {"metric": "mae", "metric_before": 1.5, "metric_after": 2.5, "flipped": None}
    section = drift_section({"stars": drift | {"cka": 0.5, "cosine": 0.75}})
    texts = [cell.text for cell in section.table.rows[0]]
    assert texts == ["stars", "mae", "1.500", "2.500", "–", "0.500", "0.750"]
