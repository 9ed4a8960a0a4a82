import pytest
import tensorflow as tf

from mtl_keras.training import step_timing
from mtl_keras.training.step_timing import Epoch, Timing

FIXED, SLOPE, TRACING = 0.25, 0.5, 7.0


def _dataset() -> tf.data.Dataset:
    """Twelve batches of one text: eight of length 2, four of length 10."""

    def batches():
        for length in 8 * [2] + 4 * [10]:
            yield ({"token_ids": tf.fill((1, length), length)},)

    spec = ({"token_ids": tf.TensorSpec((None, None), tf.int32)},)
    dataset = tf.data.Dataset.from_generator(batches, output_signature=spec)
    return dataset.apply(tf.data.experimental.assert_cardinality(12))


def _flops(shape) -> float:
    return shape[0] * shape[1]


class Clock:
    """A clock that only the steps move: by a line over their operations, and once by tracing."""

    def __init__(self):
        self.now, self.steps = 0.0, 0

    def perf_counter(self) -> float:
        return self.now

    def step(self, iterator) -> dict:
        (x,) = next(iterator)
        self.now += FIXED + SLOPE * _flops(x["token_ids"].shape) + TRACING * (self.steps == 0)
        self.steps += 1
        return {"loss": 0.0}


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(step_timing, "time", clock)
    return clock


def test_an_epoch_knows_its_shapes():
    epoch = Epoch.of(_dataset())
    assert epoch.steps == 12
    assert epoch.counts == {(1, 2): 8, (1, 10): 4}
    assert epoch.mean(_flops) == (8 * 2 + 4 * 10) / 12
    assert epoch.reading_seconds > 0


def test_the_batches_that_are_timed_spread_over_the_epoch():
    lengths = [int(x["token_ids"].shape[1]) for (x,) in Epoch.of(_dataset()).spread(_flops, 6)]
    assert lengths == [2, 2, 2, 2, 10, 10]


@pytest.mark.parametrize("count", [2, 10])
def test_a_line_over_operations_gives_all_steps(clock, count):
    timing = Timing.of(clock.step, Epoch.of(_dataset()), _flops, count, compiled=True)
    assert timing.step_seconds == pytest.approx(FIXED + SLOPE * 56 / 12)
    assert timing.tracing_seconds == pytest.approx(TRACING)
    assert clock.steps == 2 + count
    assert timing.seconds(epochs=3) == pytest.approx(TRACING + 3 * (12 * FIXED + SLOPE * 56))


def test_steps_of_one_shape_are_in_proportion(clock):
    epoch = Epoch.of(_dataset().take(8))
    timing = Timing.of(clock.step, epoch, _flops, 4, compiled=False)
    assert timing.step_seconds == pytest.approx(FIXED + SLOPE * 2)


def test_of_a_long_epoch_a_part_is_read(monkeypatch):
    monkeypatch.setattr(step_timing, "READ_BATCHES", 10)
    epoch = Epoch.of(_dataset())
    assert epoch.steps == 12
    assert epoch.counts.total() == 10
