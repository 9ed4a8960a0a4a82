import numpy as np
import pytest
import tensorflow as tf

from mtl_keras.distribution.clusters import TF_CONFIG, Cluster
from mtl_keras.distribution.strategies import (
    MIRRORED,
    MULTI_WORKER,
    TPU,
    Workers,
    chosen,
    strategy_of,
)
from mtl_keras.errors import InputError

TWO = Cluster(("10.0.0.1:2222", "10.0.0.2:2222"), 1)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.delenv(TF_CONFIG, raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)


def test_auto_takes_what_is_there(monkeypatch):
    assert chosen("auto", Cluster()) is None
    assert chosen("auto", TWO) == MULTI_WORKER
    gpus = [tf.config.PhysicalDevice(f"GPU:{index}", "GPU") for index in range(2)]
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    assert chosen("auto", Cluster()) == MIRRORED
    monkeypatch.setenv("TPU_NAME", "local")
    assert chosen("auto", Cluster()) == TPU


def test_one_device_needs_no_strategy():
    assert not isinstance(strategy_of(), tf.distribute.MirroredStrategy)


def test_several_workers_need_their_addresses():
    with pytest.raises(InputError, match="TF_CONFIG names no other worker"):
        strategy_of(MULTI_WORKER)


def test_several_workers_need_a_fresh_process(monkeypatch):
    monkeypatch.setenv(TF_CONFIG, TWO.to_environment())
    tf.constant(0)
    with pytest.raises(InputError, match="start a new process"):
        strategy_of(MULTI_WORKER)


def test_an_absent_tpu_is_reported_in_one_line():
    with pytest.raises(InputError, match="no TPU can be reached") as error:
        strategy_of(TPU)
    assert "\n" not in str(error.value)


class TestAlone:
    workers = Workers(tf.distribute.get_strategy())

    def test_it_is_the_chief(self):
        assert self.workers.is_chief

    def test_sums_are_its_own_values(self):
        np.testing.assert_array_equal(self.workers.sum(np.arange(3.0)), np.arange(3.0))
        assert self.workers.agree(15) == 15
        self.workers.check_same("anything", "data")

    def test_the_folder_is_the_one_given(self, tmp_path):
        with self.workers.own_folder(tmp_path / "run", resume=False) as folder:
            assert folder == tmp_path / "run"

    def test_an_error_of_its_own_is_not_anothers(self):
        with pytest.raises(tf.errors.InternalError), self.workers.together():
            raise tf.errors.InternalError(None, None, "mine")
