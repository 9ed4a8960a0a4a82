"""Training by two replicas in one process, and in two, beside training on one device."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.places import SUPPORT

from mtl_keras.distribution import replicas
from mtl_keras.distribution.clusters import TF_CONFIG, Cluster
from mtl_keras.distribution.launching import free_ports
from mtl_keras.models.fused_adamw import FusedAdamW

SCRIPT = SUPPORT / "train_together.py"


def start(kind: str, cluster: Cluster | None = None) -> subprocess.Popen:
    environment = {name: value for name, value in os.environ.items() if name != TF_CONFIG}
    if cluster:
        environment[TF_CONFIG] = cluster.to_environment()
    return subprocess.Popen(
        [sys.executable, "-W", "error:Your input ran out of data:UserWarning", str(SCRIPT), kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finish(process: subprocess.Popen) -> dict:
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-2000:]
    return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="module")
def one_device():
    return finish(start("one"))


@pytest.fixture(scope="module")
def mirrored():
    return finish(start("mirrored"))


@pytest.fixture(scope="module")
def two_workers():
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    started = [start("workers", Cluster(addresses, index)) for index in range(2)]
    return [finish(process) for process in started]


def assert_same_curves(actual, expected):
    assert set(actual["history"]) == set(expected["history"])
    for name, values in expected["history"].items():
        assert actual["history"][name] == pytest.approx(values, rel=1e-5, abs=1e-6), name


@pytest.mark.slow
def test_two_replicas_train_as_one_device(one_device, mirrored):
    assert_same_curves(mirrored, one_device)


@pytest.mark.slow
def test_two_workers_train_as_one_device(one_device, two_workers):
    assert_same_curves(two_workers[0], one_device)


def test_workers_end_with_the_same_bits_and_curves(two_workers):
    first, second = two_workers
    assert first["weights"] == second["weights"]
    assert first["history"] == second["history"]


def test_two_replicas_end_with_the_same_bits_wherever_they_are(mirrored, two_workers):
    assert mirrored["weights"] == two_workers[0]["weights"]


def test_a_checkpoint_has_what_all_measured_without_asking_them(one_device, mirrored, two_workers):
    """Only the chief reads it: where that asked the others, both would wait for ever."""
    chief, other = two_workers
    assert not other["measured"]
    for curves in (mirrored, chief):
        for name, value in one_device["measured"].items():
            assert curves["measured"][name] == pytest.approx(value, rel=1e-5, abs=1e-6), name


def test_each_replica_draws_its_own_dropout(one_device, mirrored, two_workers):
    first, second = mirrored["dropout"]
    assert first != second
    assert [worker["dropout"] for worker in two_workers] == [[first], [second]]
    assert one_device["dropout"] == [first]


def test_a_view_stays_as_it_is_while_its_variable_is_trained():
    variable = keras.Variable(np.arange(6.0, dtype="float32").reshape(2, 3))
    optimizer, expected = FusedAdamW(0.1), replicas.value_of(variable)
    view = replicas.view_of(variable)
    np.testing.assert_array_equal(view, expected)
    tf.function(lambda: optimizer.apply([tf.ones((2, 3))], [variable]))()
    assert (replicas.value_of(variable) != expected).all()
    np.testing.assert_array_equal(view, expected)


@pytest.mark.slow
def test_two_devices_have_the_heads_that_one_device_solves():
    script = [sys.executable, str(SUPPORT / "solve_together.py")]
    solved = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert solved.returncode == 0, solved.stderr[-2000:]
    one, mirrored = json.loads(solved.stdout.splitlines()[-1])
    assert list(one) == list(mirrored) == ["topic", "entities", "products", "stars", "parts"]
    for name, variables in one.items():
        for (alone,), on_two in zip(variables, mirrored[name], strict=True):
            assert np.any(alone)
            assert on_two == [alone, alone]
