"""The freeze proof: bit for bit, of weights and of slots."""

import numpy as np
import pytest
import tensorflow as tf

import mtl_keras as mtl
from mtl_keras.errors import WorkError
from mtl_keras.training.freeze_proof import Fingerprint, prove


@pytest.fixture
def compiled(tiny_model):
    model = tiny_model(dropout=0.0)
    mtl.FreezePlan.backbone().apply(model)
    model.compile()
    model.optimizer.build(model.trainable_variables)
    return model


def _step(model, rate=1.0):
    model.optimizer.learning_rate = rate
    gradients = [tf.ones(v.shape) for v in model.trainable_variables]
    model.optimizer.apply(gradients, model.trainable_variables)


FROZEN = ("embeddings", "block_0", "block_1")


def test_a_stage_that_kept_its_plan_is_reported_group_by_group(compiled):
    before = Fingerprint.of(compiled)
    _step(compiled)
    rows = prove(before, Fingerprint.of(compiled), FROZEN)
    assert [row.group for row in rows] == list(compiled.layer_groups)
    assert [row.weights_changed for row in rows] == [False] * 3 + [True] * 2
    assert [row.slots_changed for row in rows] == [False] * 3 + [True] * 2
    assert before.slots["block_0"] is None


def test_one_bit_of_a_frozen_group_fails_the_proof(compiled):
    before = Fingerprint.of(compiled)
    _step(compiled)
    weight = compiled.layer_groups["block_1"][0].weights[0]
    value = weight.numpy()
    value.flat[0] = np.nextafter(value.flat[0], np.float32(np.inf))
    weight.assign(value)
    with pytest.raises(WorkError, match="block_1 had to be frozen, but moved"):
        prove(before, Fingerprint.of(compiled), FROZEN)


def test_a_moved_slot_of_a_frozen_group_fails_the_proof(compiled):
    before = Fingerprint.of(compiled)
    compiled.optimizer.of_layer["topic_head"].iterations.assign_add(1)
    with pytest.raises(WorkError, match="heads/topic had to be frozen, but moved"):
        prove(before, Fingerprint.of(compiled), (*FROZEN, "heads/topic", "heads/entities"))


def test_a_group_that_should_have_trained_fails_the_proof(compiled):
    before = Fingerprint.of(compiled)
    _step(compiled, rate=0.0)
    with pytest.raises(WorkError, match="heads/topic, heads/entities had to be trained"):
        prove(before, Fingerprint.of(compiled), FROZEN)


def test_the_rate_is_no_slot(compiled):
    before = Fingerprint.of(compiled)
    compiled.optimizer.of_layer["topic_head"].learning_rate.assign(0.5)
    assert Fingerprint.of(compiled) == before
