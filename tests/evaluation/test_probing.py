"""Probes: linear models that do the work of heads."""

import pytest
from support.every_kind import FILES, open_every_kind

from mtl_keras.evaluation.probing import Probe


@pytest.mark.parametrize("name", FILES)
def test_a_probe_learns_each_kind_from_frozen_features(tiny_encoder, tmp_path, name):
    dataset, encoder = open_every_kind(tmp_path)[name], tiny_encoder()
    metrics = Probe.fit(encoder, dataset).evaluate(dataset, "validation")
    kind = dataset.task.label_kind
    assert [*metrics] == ["examples", *kind.metrics, "loss"]
    assert metrics["examples"] == dataset.counts["validation"]
    # Among so few texts always to answer the most frequent label would do as well, but no better.
    assert metrics[kind.metric] > 0.6 if kind.higher_is_better else metrics[kind.metric] < 1
