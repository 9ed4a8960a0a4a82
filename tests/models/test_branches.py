"""Own blocks: what a task has for itself, what it shares, and what a step for another moves."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import mtl_keras as mtl
from mtl_keras.data.own_blocks import OwnBlocks
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.errors import InputError
from mtl_keras.models.frozen_prefix import frozen_prefix
from mtl_keras.models.inference import encoded
from mtl_keras.models.prediction import answer

BLOCKS = 4
TEXTS = ["abc de f", "a", "bad cab fed", "ggg gg"]
KINDS = {"topic": "classification", "mood": "classification", "entities": "tagging"}


@pytest.fixture(scope="module")
def make(letters):
    """Makes equal models of three tasks over an encoder of four blocks."""

    def made(own_blocks, reads=None, *, tasks=KINDS, **config):
        keras.utils.set_random_seed(0)
        sizes = {"vocabulary_size": len(letters.vocabulary), "hidden_dim": 8, "num_heads": 2}
        shape = {"num_layers": BLOCKS, "intermediate_dim": 12, "max_position": 64} | sizes
        declared = [
            mtl.Task(
                name,
                kind,
                labels=["x", "y"],
                reads=(reads or {}).get(name, "last"),
                own_blocks=own_blocks.get(name),
            )
            for name, kind in tasks.items()
        ]
        encoder = TextEncoder(letters, EncoderConfig(**shape | {"dropout": 0.1} | config))
        return mtl.MultiTaskModel(encoder, declared)

    return made


def _outputs(model):
    return model.predict(dict(encoded(TEXTS, model.encoder.tokenizer)), verbose=0)


def _batch(model, task):
    x = encoded(TEXTS, model.encoder.tokenizer)
    length = x["token_ids"].shape[1]
    labels, weights = {}, {}
    for name, of_task in model.tasks.items():
        shape = (len(TEXTS), length) if of_task.label_kind.per_word else (len(TEXTS),)
        labels[name] = tf.ones(shape, tf.int32)
        weights[name] = tf.fill(shape, 1.0 if name == task else 0.0)
    return tf.data.Dataset.from_tensors((x, labels, weights))


def _weights(model):
    return {
        group: [weight.numpy() for layer in layers for weight in layer.weights]
        for group, layers in model.layer_groups.items()
    }


def _moved(model, before):
    return {
        group
        for group, weights in _weights(model).items()
        if not all(map(np.array_equal, weights, before[group]))
    }


def test_groups_of_own_blocks_stand_between_the_shared_ones_and_the_heads(make):
    model = make({"entities": 2, "topic": OwnBlocks(1, ["mood"])})
    assert list(model.layer_groups) == [
        "embeddings", "block_0", "block_1", "block_2", "block_2@entities", "block_3@topic-mood",
        "block_3@entities", "heads/topic", "heads/mood", "heads/entities",
    ]  # fmt: skip
    assert list(model.layer_groups.trunk) == ["embeddings", "block_0", "block_1", "block_2"]
    counts = [sum(layer.count_params() for layer in layers) for layers in
              model.layer_groups.values()]  # fmt: skip
    assert sum(counts) == sum(weight.numpy().size for weight in model.weights if
                              "seed" not in weight.path)  # fmt: skip


@pytest.mark.parametrize("config", [{}, {"normalize_first": True}, {"pooling": "pooler"}])
def test_before_training_own_blocks_answer_as_shared_ones(make, config):
    config = {"pooler": True} | config
    shared, own = make({}, **config), make({"topic": 1, "entities": 3}, **config)
    for name in KINDS:
        for layer, like in zip(own.layer_groups.heads[name], shared.layer_groups.heads[name],
                               strict=True):  # fmt: skip
            layer.set_weights(like.get_weights())
    for name, outputs in _outputs(own).items():
        np.testing.assert_allclose(outputs, _outputs(shared)[name], atol=1e-6, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_step_moves_the_shared_blocks_and_what_is_the_tasks_own(make, jit_compile):
    model = make({"entities": 2, "topic": OwnBlocks(1, ["mood"])})
    model.compile(jit_compile=jit_compile)
    for task in itertools.chain(KINDS, KINDS):  # the second time, every layer has momentum
        before = _weights(model)
        model.fit(_batch(model, task), verbose=0)
        own = {group for group in model.layer_groups if "@" in group and task in group}
        shared = {"embeddings", "block_0", "block_1", f"heads/{task}"}
        shared |= {"block_2"} - ({"block_2"} if task == "entities" else set())
        assert _moved(model, before) == own | shared


@pytest.mark.parametrize(
    ("plan", "frozen"),
    [
        ("top:1", ["embeddings", "block_0", "block_1", "block_2", "block_2@entities"]),
        ("lowest:3", ["embeddings", "block_0", "block_1", "block_2", "block_2@entities"]),
        ("block_2-3", ["block_2", "block_2@entities", "block_3", "block_3@entities"]),
        ("block_3@entities", ["block_3@entities"]),
        ("trunk", ["embeddings", "block_0", "block_1", "block_2", "block_3"]),
        ("block_2-3@entities + head:topic", ["block_2@entities", "block_3@entities",
                                             "heads/topic"]),
    ],
)  # fmt: skip
def test_freeze_plans_mean_in_a_branch_what_they_mean_in_the_trunk(make, plan, frozen):
    model = make({"entities": 2})
    mtl.FreezePlan(plan).apply(model)
    assert model.layer_groups.frozen == sorted(frozen, key=list(model.layer_groups).index)


def test_the_frozen_prefix_ends_where_the_first_branch_begins(make):
    model = make({"entities": 2, "topic": 1})
    groups = list(model.layer_groups)
    assert frozen_prefix(model, groups) == "block_1"
    assert frozen_prefix(model, ["embeddings", "block_0"]) == "block_0"
    assert frozen_prefix(make({"entities": 1}, {"topic": "block_0"}), groups) == "block_0"


def test_blocks_that_only_branches_have_are_not_in_the_trunk(make):
    model = make(dict.fromkeys(KINDS, 2), {"entities": "block_2"})
    assert [*model.layer_groups][:5] == ["embeddings", "block_0", "block_1", "block_2@topic",
                                         "block_2@mood"]  # fmt: skip
    assert "block_3@entities" not in model.layer_groups
    model = make(dict.fromkeys(KINDS, 2), dict.fromkeys(KINDS, "block_2"))
    assert [group for group in model.layer_groups if "@" in group] == [
        "block_2@topic", "block_2@mood", "block_2@entities"
    ]  # fmt: skip
    assert {task.own_blocks.k for task in model.tasks.values()} == {1}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own_blocks", "reads"),
    [
        ({"entities": 2, "topic": OwnBlocks(1, ["mood"])}, {}),
        (dict.fromkeys(KINDS, 2), {"topic": "mix", "mood": "block_2", "entities": "block_2"}),
        (dict.fromkeys(KINDS, 2), dict.fromkeys(KINDS, "block_2")),
    ],
)
def test_a_keras_file_has_the_branches(make, own_blocks, reads, tmp_path):
    model = make(own_blocks, reads)
    mtl.FreezePlan("lowest:3").apply(model)
    model.compile()
    model.fit(_batch(model, "entities"), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert list(loaded.layer_groups) == list(model.layer_groups)
    assert loaded.layer_groups.frozen == model.layer_groups.frozen
    for name, outputs in _outputs(model).items():
        np.testing.assert_array_equal(outputs, _outputs(loaded)[name])
    assert answer(loaded, TEXTS) == answer(model, TEXTS)


@pytest.mark.parametrize(
    ("own_blocks", "reads", "message"),
    [
        ({"topic": 4}, {}, "the encoder has 4 blocks, and the lowest is shared; choose 1 to 3"),
        ({"topic": 2}, {"topic": "block_1"}, "its own blocks begin above block_1, but its head "
         "reads block_1"),
        ({"topic": OwnBlocks(1, ["moods"])}, {}, "there is no task 'moods'.*did you mean 'mood'"),
        ({"topic": OwnBlocks(1, ["mood"]), "mood": 2}, {}, "'mood'.* a task is in one group"),
    ],
)  # fmt: skip
def test_own_blocks_that_cannot_be_are_refused(make, own_blocks, reads, message):
    with pytest.raises(InputError, match=message):
        make(own_blocks, reads)
