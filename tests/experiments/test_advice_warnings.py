"""Warnings about data; `test_advice` has each."""

from mtl_keras.experiments.advice_warnings import warnings_of


def test_no_task_has_no_warning():
    assert [*warnings_of((), 64)] == []
