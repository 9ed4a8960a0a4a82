"""Keras callbacks that follow several stages."""

import keras
import pytest

from mtl_keras.errors import InputError
from mtl_keras.training.stage_callbacks import checked_callbacks, keep_logs


def test_callbacks_are_given_as_to_fit():
    one = keras.callbacks.TerminateOnNaN()
    assert checked_callbacks(None) == []
    assert checked_callbacks(one) == checked_callbacks((one,)) == [one]
    with pytest.raises(InputError, match=r"takes Keras callbacks\. Received: 'EarlyStopping'"):
        checked_callbacks(["EarlyStopping"])


def test_what_resumes_a_single_fit_is_refused(tmp_path):
    with pytest.raises(InputError, match="BackupAndRestore resumes one fit, and each stage is one"):
        checked_callbacks([keras.callbacks.BackupAndRestore(tmp_path)])


def test_a_log_goes_on_in_the_next_stage(tmp_path):
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    for epoch in range(2):
        log.on_train_begin()
        log.on_epoch_end(epoch, {"loss": 1.0})
        log.on_train_end()
        keep_logs([log])
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["epoch", "0", "1"]
