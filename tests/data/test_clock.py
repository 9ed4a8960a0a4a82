"""Reports how far a long reading is."""

from mtl_keras.data import clock
from mtl_keras.data.clock import Clock, Ticks
from mtl_keras.data.tables import Table
from mtl_keras.storage.regular_files import open_unpacked


def test_a_report_says_task_split_rows_and_files(monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "SECONDS_BETWEEN_REPORTS", 0.0)
    lines = []
    reading = Clock("topic", "train", lines.append, _files(tmp_path))
    reading.files, reading.rows = 2, 1000
    reading.look(5000)
    assert lines == ["topic, train: 6,000 rows checked and counted, file 2 of 3"]


def test_the_share_is_that_of_the_bytes(monkeypatch, tmp_path):
    monkeypatch.setattr(clock, "SECONDS_BETWEEN_REPORTS", 0.0)
    steps, paths = [], _files(tmp_path)
    reading = Clock("topic", "train", steps.append, paths)
    reading.files = 2
    with open_unpacked(paths[1]) as file:
        file.read(5)
        reading.look(1)
    assert (steps[0].what, steps[0].share) == ("reading topic, train", 0.5)
    reading.look(1)  # nobody reads it
    in_memory = Clock("topic", "train", steps.append, [Table("topic, train data", [])])
    in_memory.files = 1
    in_memory.look(1)
    assert [step.share for step in steps[1:]] == [None, None]


def test_it_is_time_every_few_seconds(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(clock.time, "monotonic", lambda: now[0])
    ticks = Ticks()
    due = []
    for now[0] in (104.0, 105.0, 109.0, 110.5):
        due.append(ticks.is_due())
    assert due == [False, True, False, True]


def _files(folder) -> list[str]:
    """Three files of ten bytes."""
    paths = [folder / name for name in "abc"]
    for path in paths:
        path.write_text("x" * 10)
    return [str(path) for path in paths]
