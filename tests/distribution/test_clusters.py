import json

import pytest

from mtl_keras.distribution.clusters import TF_CONFIG, Cluster
from mtl_keras.errors import InputError

TWO = ["10.0.0.1:2222", "10.0.0.2:2222"]


def config(cluster, kind="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


def test_without_a_cluster_the_process_is_alone(monkeypatch):
    monkeypatch.delenv(TF_CONFIG, raising=False)
    assert Cluster.of_environment() == Cluster()
    assert Cluster.of_environment().is_chief


@pytest.mark.parametrize(
    ("text", "index"),
    [
        (config({"worker": TWO}), 0),
        (config({"worker": TWO}, index=1), 1),
        (config({"chief": TWO[:1], "worker": TWO[1:]}, "chief"), 0),
        (config({"chief": TWO[:1], "worker": TWO[1:]}), 1),
    ],
)
def test_it_is_read_as_tensorflow_does(monkeypatch, text, index):
    monkeypatch.setenv(TF_CONFIG, text)
    assert Cluster.of_environment() == Cluster(tuple(TWO), index)


def test_it_is_written_as_it_is_read(monkeypatch):
    cluster = Cluster(tuple(TWO), 1)
    monkeypatch.setenv(TF_CONFIG, cluster.to_environment())
    assert Cluster.of_environment() == cluster


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        config({"worker": TWO}, index=2),
        config({"worker": TWO}, index=-1),
        config({"worker": TWO}, "evaluator"),
        config({"worker": TWO, "ps": TWO}),
        config({"worker": ["without a port"]}),
        config({"worker": [1]}),
        config({"worker": 7}),
    ],
)
def test_what_is_no_cluster_is_reported_in_one_line(monkeypatch, text):
    monkeypatch.setenv(TF_CONFIG, text)
    with pytest.raises(InputError, match="TF_CONFIG must have the form") as error:
        Cluster.of_environment()
    assert "\n" not in str(error.value)
