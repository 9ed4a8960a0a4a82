"""Backbones of KerasHub behind our layer groups: they answer as KerasHub does."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.asserts import assert_frozen_weights_unchanged
from support.presets import LENGTH, TOKENIZERS, make_tokenizer, write_preset
from support.tiny import write_tiny_recipe

import mtl_keras as mtl
from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.signatures import export_saved_model
from mtl_keras.plans.freeze_plan import FreezePlan
from mtl_keras.plans.stage import Stage
from mtl_keras.plans.training_plan import TrainingPlan
from mtl_keras.recipes.recipe import load_recipe
from mtl_keras.runs.building import open_datasets
from mtl_keras.training.materials import Materials
from mtl_keras.training.trainer import Trainer

keras_hub = pytest.importorskip("keras_hub", reason='needs pip install "mtl_keras[keras_hub]"')

PARITY = {"atol": 2e-5, "rtol": 0}
TEXTS = [
    "a",
    "Naïve café, crème brûlée: déjà vu!",
    "我爱北京 and Tōkyō",
    "👍🏽 great, isn't it? I'll say we've WON 3-0; they'd lost.",
    "   three  spaces\tand a tab \n\n and lines \r\n ",
    "Order #48213 cost $3.50 — “half” of it, 50%",
    "the quick brown fox " * 40,
    "",
]


@pytest.fixture(scope="module", params=list(TOKENIZERS))
def case(request, tmp_path_factory):
    """An encoder as we load it, and what KerasHub makes of the texts and of one piece alone."""
    folder = write_preset(keras_hub, request.param, tmp_path_factory.mktemp("p") / request.param)
    encoder = mtl.TextEncoder.from_pretrained(str(folder), max_length=LENGTH)
    token_ids, padding_mask = _keras_hubs_ids(request.param)
    token_ids = np.concatenate([token_ids, token_ids[:1]])
    padding_mask = np.concatenate([padding_mask, [np.arange(LENGTH) == 0]])
    given = {"token_ids": token_ids, "padding_mask": padding_mask}
    backbone = keras_hub.models.Backbone.from_preset(str(folder))
    names = [tensor.name for tensor in backbone.inputs]
    actual = backbone({name: given.get(name, np.zeros_like(token_ids)) for name in names})
    outputs = actual if isinstance(actual, dict) else {"sequence_output": actual}
    return SimpleNamespace(encoder=encoder, given=given, outputs=outputs)


def _keras_hubs_ids(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Of its preprocessor; ELECTRA has none, so of its tokenizer and its packer."""
    texts, tokenizer = tf.constant(TEXTS), make_tokenizer(keras_hub, kind)
    make = getattr(keras_hub.models, f"{kind}TextClassifierPreprocessor", None)
    if make is not None:
        actual = make(tokenizer, sequence_length=LENGTH)(texts)
        return np.array(actual["token_ids"]), np.array(actual["padding_mask"])
    pack = keras_hub.layers.StartEndPacker(
        LENGTH, tokenizer.start_token_id, tokenizer.end_token_id, return_padding_mask=True
    )
    return tuple(map(np.array, pack(tokenizer(texts))))


@pytest.mark.slow
def test_pieces_are_keras_hubs(case):
    actual = case.encoder.tokenizer(tf.constant(TEXTS)).token_ids.to_list()
    for text, ours, ids, mask in zip(TEXTS, actual, *case.given.values(), strict=False):
        assert ours == ids[mask].tolist(), text


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "xla"])
def test_vectors_of_any_length_are_keras_hubs(case, compiled):
    mask = case.given["padding_mask"]
    assert (mask.sum(1).min(), mask.sum(1).max()) == (1, LENGTH)
    forward = tf.function(case.encoder.transformer, jit_compile=compiled, autograph=False)
    actual = forward({name: tf.constant(array) for name, array in case.given.items()})
    sequence = np.array(case.outputs["sequence_output"])
    np.testing.assert_allclose(actual["sequence_output"].numpy()[mask], sequence[mask], **PARITY)
    if "pooled_output" in case.outputs:
        expected = np.array(case.outputs["pooled_output"])
        np.testing.assert_allclose(actual["pooled_output"], expected, **PARITY)
    np.testing.assert_allclose(actual["sentence_embedding"], _means(case), **PARITY)


def _means(case) -> np.ndarray:
    """Of the vectors of each text's pieces, `(texts, hidden)`."""
    rows = zip(np.array(case.outputs["sequence_output"]), case.given["padding_mask"], strict=True)
    return np.array([row[mask].mean(0) for row, mask in rows])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "reads"), [("Bert", "last"), ("Roberta", "block_0")])
def test_a_file_need_not_hold_a_pooler_or_blocks_that_no_head_reads(kind, reads, tmp_path):
    folder = write_preset(keras_hub, kind, tmp_path / "preset")
    encoder = mtl.TextEncoder.from_pretrained(str(folder), max_length=LENGTH)
    model = mtl.MultiTaskModel(encoder, [mtl.Task("topic", labels=["x", "y"], reads=reads)])
    model.save(tmp_path / "model.keras")
    again = mtl.load_model(tmp_path / "model.keras")
    for weight, same in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, same)
    trained = mtl.TextEncoder.from_pretrained(str(tmp_path / "model.keras"), max_length=LENGTH)
    for weight in trained.transformer.weights:
        np.testing.assert_array_equal(
            weight, next(w for w in model.weights if w.path == weight.path)
        )


@pytest.mark.slow
@pytest.mark.parametrize("case", ["Roberta", "DebertaV3"], indirect=True)
def test_round_trips_through_keras_and_saved_model(case, tmp_path, monkeypatch):
    keras.utils.set_random_seed(0)
    model = mtl.MultiTaskModel(case.encoder, [mtl.Task("names", kind="tagging", labels=["p"])])
    model.compile()
    model.save(tmp_path / "model.keras")
    model = mtl.load_model(tmp_path / "model.keras")
    expected = _means(case)[: len(TEXTS)]
    actual = model.encoder.encode(TEXTS)["sentence_embedding"]
    np.testing.assert_allclose(actual, expected, **PARITY)

    export_saved_model(model, tmp_path / "1")
    signatures = tf.saved_model.load(str(tmp_path / "1")).signatures
    embedding = signatures["embed"](tf.constant(TEXTS))["embedding"]
    np.testing.assert_allclose(embedding, expected, **PARITY)
    served = signatures["names"](tf.constant(TEXTS))
    for row, answer in enumerate(mtl.answer(model, TEXTS)):
        count = served["names/count"][row].numpy()
        places = [served[f"names/{side}"][row, :count].numpy() for side in ("starts", "limits")]
        encoded = TEXTS[row].encode()
        spans = [
            [len(encoded[:offset].decode(errors="ignore")) for offset in place]
            for place in zip(*places, strict=True)
        ]
        assert spans == [[span["start"], span["end"]] for span in answer["names"]]

    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(InputError, match=r"cannot be imported .*pip install \"mtl_keras\[keras_h"):
        mtl.load_model(tmp_path / "model.keras")


@pytest.mark.slow
@pytest.mark.parametrize("case", ["DebertaV3"], indirect=True)
def test_frozen_groups_have_no_dropout_and_no_gradient(case):
    encoder = case.encoder
    groups = encoder.layer_groups
    assert {name: [layer.name for layer in layers] for name, layers in groups.items()} == {
        "embeddings": ["embeddings", "rel_embedding"],
        **{f"block_{index}": [f"block_{index}"] for index in range(3)},
    }
    model = mtl.MultiTaskModel(encoder, [mtl.Task("topic", labels=["x", "y"])])
    network = keras.Model(
        encoder.transformer.input,
        {name: encoder.transformer.get_layer(name).output for name in groups},
    )

    def changed_by_dropout() -> list[str]:
        keras.utils.set_random_seed(0)
        quiet, noisy = (network(case.given, training=training) for training in (False, True))
        return [name for name in groups if not np.array_equal(quiet[name], noisy[name])]

    blocks = ["block_0", "block_1", "block_2"]
    for plan, trains in (("lowest:1", blocks[1:]), ("top:1", blocks[2:]), ("backbone", [])):
        mtl.FreezePlan(plan).apply(model)
        assert changed_by_dropout() == trains
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(model(case.given, training=False)["topic"][:, 0])
        weights = [weight for name in trains for weight in groups[name][0].trainable_variables]
        assert {id(w) for w in encoder.transformer.trainable_variables} == {id(w) for w in weights}
        assert all(
            gradient is not None for gradient in tape.gradient(total, [w.value for w in weights])
        )
    mtl.FreezePlan.none().apply(model)
    assert groups["embeddings"][1].trainable_variables


@pytest.mark.slow
def test_trained_from_the_cache_frozen_groups_keep_every_bit(tmp_path):
    folder = write_preset(keras_hub, "DebertaV3", tmp_path / "deberta")
    plan = TrainingPlan.of((Stage(freeze=FreezePlan.lowest(1), epochs=2),))
    recipe = load_recipe(write_tiny_recipe(tmp_path, folder))
    recipe = replace(recipe, plan=plan, tasks=recipe.tasks[:1])
    datasets = open_datasets(recipe)
    encoder = mtl.TextEncoder.from_pretrained(recipe.encoder, max_length=16)
    model = mtl.MultiTaskModel(encoder, [dataset.task for dataset in datasets.values()])

    lines: list[str] = []
    trainer = Trainer(Materials.of(recipe, datasets, model), tmp_path / "best")
    with assert_frozen_weights_unchanged(model, ["embeddings", "block_0"]):
        (stage,) = trainer.run_stages(report=lines.append, verbose=0)
    assert any("keeps the output of block_0" in line for line in lines), lines
    losses = stage["history"]["topic_loss"]
    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_precision_and_pooling(tmp_path):
    folder = write_preset(keras_hub, "Electra", tmp_path / "electra")
    encoders = [
        mtl.TextEncoder.from_pretrained(str(folder), max_length=9, pooling=pooling, dtype=dtype)
        for pooling, dtype in (("cls", None), ("pooler", "mixed_bfloat16"))
    ]
    exact, mixed = (
        encoder.encode(TEXTS, ("sentence_embedding", "sequence_output", "pooled_output"))
        for encoder in encoders
    )
    assert encoders[1].get_config()["dtype"] == "mixed_bfloat16"
    np.testing.assert_allclose(exact["sentence_embedding"], exact["sequence_output"][:, 0])
    np.testing.assert_allclose(mixed["sentence_embedding"], mixed["pooled_output"])
    np.testing.assert_allclose(mixed["pooled_output"], exact["pooled_output"], atol=0.1)
