"""Reports how far a long reading is."""

from mtl_keras.data import clock
from mtl_keras.data.clock import Clock


def test_a_report_says_task_split_rows_and_files(monkeypatch):
    monkeypatch.setattr(clock, "SECONDS_BETWEEN_REPORTS", 0.0)
    lines = []
    reading = Clock("topic", "train", lines.append, 3)
    reading.files, reading.rows = 2, 1000
    reading.look(5000)
    assert lines == ["topic, train: 6,000 rows checked and counted, file 2 of 3"]
