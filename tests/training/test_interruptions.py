"""Signals are noted where the work can wait."""

import os
import signal

import pytest

from mtl_keras.training.interruptions import TERMINATED, Interruption

ENDS = [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]


@pytest.mark.parametrize(("number", "end"), ENDS)
def test_what_can_wait_is_reported_and_ends_when_it_is_ready(number, end):
    done = []
    with pytest.raises(end) as raised, Interruption().listening() as interruption:
        with interruption.can_wait():
            os.kill(os.getpid(), number)
            interruption.settle()
            assert interruption.is_wanted
            done.append("kept")
        done.append("never")
    assert done == ["kept"]
    assert number == signal.SIGINT or raised.value.code == TERMINATED == 143


@pytest.mark.parametrize(("number", "end"), ENDS)
def test_what_cannot_wait_ends_at_once(number, end):
    with pytest.raises(end), Interruption().listening():
        os.kill(os.getpid(), number)
        signal.pause()


def test_a_second_ctrl_c_does_not_wait():
    done = []
    with (
        pytest.raises(KeyboardInterrupt),
        Interruption().listening() as interruption,
        interruption.can_wait(),
    ):
        os.kill(os.getpid(), signal.SIGINT)
        done.append("noted")
        os.kill(os.getpid(), signal.SIGINT)
        done.append("never")
    assert done == ["noted"]


@pytest.mark.parametrize(("number", "end"), ENDS)
def test_all_workers_end_where_one_was_asked(number, end):
    asked = [0, number]
    other = Interruption(lambda own: max(own, asked.pop()))
    with pytest.raises(end), other.can_wait():
        other.settle()
        assert other.is_wanted
        asked[:] = [number]


def test_the_handlers_are_put_back():
    before = [signal.getsignal(number) for number, _ in ENDS]
    with Interruption().listening():
        assert [signal.getsignal(number) for number, _ in ENDS] != before
    assert [signal.getsignal(number) for number, _ in ENDS] == before
