"""What came of training in stages, as a table and a picture."""

import math

from mtl_keras.training.staged_history import StagedHistory

STAGES = [
    {
        "freeze": "backbone",
        "seconds": 1.25,
        "history": {"loss": [0.9], "val_topic_accuracy": [0.5]},
    },
    {
        "freeze": "top:2",
        "seconds": 2.0,
        "history": {"loss": [0.5, 0.4], "val_topic_accuracy": [0.75, math.nan]},
    },
]
HISTORY = StagedHistory(STAGES, ["topic_accuracy"], {}, {})


def test_it_is_a_sequence_of_records_and_a_row_a_stage():
    assert len(HISTORY) == 2
    assert HISTORY[0]["freeze"] == "backbone"
    assert [row["epochs"] for row in HISTORY.table()] == [1, 2]
    assert [row["validation topic_accuracy"] for row in HISTORY.table()] == [0.5, None]
    assert "top:2" in HISTORY._repr_html_()


def test_curves_run_over_all_epochs_with_a_line_between_stages():
    loss, accuracy = HISTORY.plot().axes
    assert list(loss.lines[0].get_ydata()) == [0.9, 0.5, 0.4]
    assert list(loss.lines[-1].get_xdata()) == [1.5, 1.5]
    assert list(accuracy.lines[1].get_ydata()[:2]) == [0.5, 0.75]
    assert accuracy.get_title() == "topic accuracy"
