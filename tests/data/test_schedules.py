"""Schedules: how often and in which order the tasks come."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from support.asserts import assert_schedule_frequencies
from support.task_batches import SIZES, batches_of

from mtl_keras.data.epoch_order import OngoingPasses, Passes
from mtl_keras.data.interleaving import interleave
from mtl_keras.data.schedules import Annealed, Temperature, parse_schedule
from mtl_keras.errors import InputError


def _merged(schedule, **arguments):
    return interleave({name: batches_of(name) for name in SIZES}, schedule, **arguments)


def _order(dataset) -> list[str]:
    return [
        next(name for name, weight in weights.items() if tf.reduce_sum(weight) > 0)
        for _, _, weights in dataset
    ]


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["round_robin", "proportional", "temperature:2", "annealed"])
def test_an_epoch_has_as_many_steps_as_the_tasks_have_batches(schedule):
    dataset = _merged(schedule)
    assert int(dataset.cardinality()) == len(_order(dataset)) == 60


@pytest.mark.slow
def test_proportional_gives_every_batch_once():
    seen = [
        (name, int(x["token_ids"][0, 0]))
        for x, _, weights in _merged("proportional")
        for name, weight in weights.items()
        if tf.reduce_sum(weight) > 0
    ]
    assert sorted(seen) == sorted((name, n) for name, size in SIZES.items() for n in range(size))


@pytest.mark.slow
def test_round_robin_takes_turns():
    assert _order(_merged("round_robin"))[:5] == ["topic", "entities", "stars", "topic", "entities"]


@pytest.mark.slow
def test_temperature_draws_by_the_root_of_the_size():
    dataset = _merged("temperature:2", seed=1).repeat(30)
    roots = {name: size**0.5 for name, size in SIZES.items()}
    expected = {name: root / sum(roots.values()) for name, root in roots.items()}
    assert_schedule_frequencies(_order(dataset), expected, tolerance=0.04)


@pytest.mark.parametrize("schedule", [Temperature(1), Annealed()])
def test_every_task_comes_in_every_epoch_however_small(schedule):
    for seed in range(50):
        generator = np.random.default_rng(seed)
        order = schedule.order([300, 1], epoch=0, epochs=3, generator=generator)
        assert len(order) == 301
        assert set(order) == {0, 1}


def test_annealed_goes_from_proportional_to_nearly_uniform():
    sizes = np.array([30.0, 10.0])
    first = Annealed().shares(sizes, epoch=0, epochs=5)
    last = Annealed().shares(sizes, epoch=4, epochs=5)
    assert first == pytest.approx(sizes)
    assert last == pytest.approx(sizes**0.2)


@pytest.mark.slow
def test_order_follows_from_seed_and_epoch():
    assert _order(_merged("proportional", seed=3)) == _order(_merged("proportional", seed=3))
    dataset = _merged("proportional", seed=3)
    first, second = _order(dataset), _order(dataset)
    assert first != second
    assert second == _order(_merged("proportional", seed=3, passes=Passes(epoch=1)))


def _endless(schedule, steps, **arguments):
    """Epochs of so many steps, of batches that do not end."""
    arguments = {"passes": OngoingPasses(), "num_batches": SIZES, "epochs": 5} | arguments
    datasets = {name: batches_of(name).repeat() for name in SIZES}
    return interleave(datasets, schedule, steps_per_epoch=steps, **arguments)


@pytest.mark.slow
def test_endless_proportional_gives_every_batch_once_a_pass_wherever_epochs_end():
    dataset = _endless("proportional", steps=7, seed=3)
    order = _order(dataset.take(180))
    for start in (0, 60, 120):
        part = order[start : start + 60]
        assert {name: part.count(name) for name in SIZES} == SIZES
    assert order[:60] != order[60:120]
    assert _order(dataset.skip(50).take(20)) == order[50:70]
    other = _endless("proportional", steps=7, seed=3, passes=OngoingPasses(1))
    assert _order(other.take(60)) != order[:60]


@pytest.mark.slow
def test_endless_joint_has_a_batch_of_every_task_in_each_step():
    _, _, weights = next(iter(_endless("joint", 7).skip(50)))
    assert all(tf.reduce_sum(weight) > 0 for weight in weights.values())


@pytest.mark.parametrize(
    ("name", "powers"),
    [("round_robin", [0, 0]), ("temperature:2", [0.5, 0.5]), ("annealed", [1, 0.2])],
)
def test_epochs_of_steps_are_shared_as_passes_are(name, powers):
    orders = parse_schedule(name).orders([30, 10, 20], steps=6000, seed=0, first=0, epochs=2)
    for order, power in zip(itertools.islice(orders, 2), powers, strict=True):
        sizes = np.array([30, 10, 20]) ** power
        shares = dict(enumerate(sizes / sizes.sum()))
        assert_schedule_frequencies(order.tolist(), shares, tolerance=0.02)


@pytest.mark.slow
def test_fewer_steps_than_tasks_are_possible():
    assert len(_order(_endless("temperature:2", steps=2).take(5))) == 5


@pytest.mark.slow
def test_endless_schedules_that_follow_the_counts_need_them():
    with pytest.raises(InputError, match=r"proportional depends on the number .* for topic, stars"):
        _endless("proportional", 7, num_batches={"entities": 10})
    alone = _endless("proportional", 7, num_batches={}, tasks=["stars"])
    assert set(_order(alone.take(9))) == {"stars"}
    assert len(_order(_endless("round_robin", 7, num_batches={}).take(9))) == 9


@pytest.mark.slow
def test_joint_has_a_batch_of_every_task_in_each_step():
    dataset = _merged("joint")
    assert int(dataset.cardinality()) == len(list(dataset)) == 30
    x, labels, weights = next(iter(dataset))
    assert x["token_ids"].shape == (12, 7)
    assert {name: float(tf.reduce_sum(weight)) for name, weight in weights.items()} == {
        "topic": 4.0,
        "entities": 28.0,
        "stars": 4.0,
    }
    assert not x["padding_mask"][0, 5:].numpy().any()
    assert labels["entities"].shape == (12, 7)


@pytest.mark.parametrize(
    "name", ["round_robin", "proportional", "temperature:2", "temperature:1.5", "annealed", "joint"]
)
def test_a_schedule_prints_as_recipes_write_it(name):
    assert str(parse_schedule(name)) == name


def test_an_unknown_schedule_is_refused_with_the_nearest():
    with pytest.raises(InputError, match="Received: 'round_robbin'; did you mean 'round_robin'"):
        parse_schedule("round_robbin")


@pytest.mark.parametrize("schedule", [["joint"], {"temperature": 2}, None, "temperature:²", 2])
def test_what_is_no_schedule_is_refused_with_the_known_ones(schedule):
    with pytest.raises(InputError, match="schedule must be one of round_robin"):
        parse_schedule(schedule)


@pytest.mark.parametrize("temperature", [0.5, float("inf"), float("nan")])
def test_a_temperature_below_one_is_refused(temperature):
    with pytest.raises(InputError, match="at least 1"):
        Temperature(temperature)
