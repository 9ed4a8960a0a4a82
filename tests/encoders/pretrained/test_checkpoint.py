"""Files as the original libraries write them: answers as theirs, or refused in one line.

`make_checkpoints.py` made the small models in `checkpoints/`, and what the libraries answer.
"""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.places import CHECKPOINTS
from support.published import TEXTS, assert_refused, change_tensors, sequence

import mtl_keras as mtl
from mtl_keras.encoders.pretrained import loading
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.signatures import export_saved_model

FOLDERS = sorted(path for path in CHECKPOINTS.iterdir())
LENGTH = 48  # of the position tables
PARITY = {"atol": 2e-5, "rtol": 0}


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda folder: folder.name)
def case(request):
    """A model as we load it, and what its own library says of its texts."""
    described = json.loads((request.param / "expected.json").read_text(encoding="utf-8"))
    arrays = np.load(request.param / "expected.npz")
    splits = np.cumsum(arrays["lengths"])[:-1]
    encoder = TextEncoder.from_pretrained(
        str(request.param), max_length=LENGTH, pooling=described["pooling"]
    )
    return SimpleNamespace(
        encoder=encoder,
        texts=described["texts"],
        token_ids=np.split(arrays["token_ids"], splits),
        sequences=np.split(arrays["sequence"], splits),
        sentences=arrays["sentence"],
        pooled=arrays.get("pooled"),
    )


def _padded(case) -> dict[str, np.ndarray]:
    """All rows, of one token to as many as there are positions."""
    token_ids = tf.ragged.constant([row.tolist() for row in case.token_ids], dtype=tf.int32)
    return {
        "token_ids": token_ids.to_tensor(shape=(None, LENGTH)).numpy(),
        "padding_mask": tf.sequence_mask(token_ids.row_lengths(), LENGTH).numpy(),
    }


@pytest.mark.slow
def test_word_pieces_are_the_librarys(case):
    actual = case.encoder.tokenizer(tf.constant(case.texts)).token_ids.to_list()
    for text, ours, theirs in zip(case.texts, actual, case.token_ids, strict=False):
        assert ours == theirs.tolist(), text


@pytest.mark.slow
def test_vectors_of_texts_are_the_librarys(case):
    actual = case.encoder.encode(case.texts, case.encoder.output_names)
    _assert_parity(actual, case)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "xla"])
def test_vectors_of_any_length_are_the_librarys(case, compiled):
    inputs = _padded(case)
    lengths = inputs["padding_mask"].sum(1)
    assert (lengths.min(), lengths.max()) == (1, LENGTH)
    forward = tf.function(case.encoder.transformer, jit_compile=compiled, autograph=False)
    actual = forward(inputs)
    for row, expected in zip(actual["sequence_output"].numpy(), case.sequences, strict=True):
        np.testing.assert_allclose(row[: len(expected)], expected, **PARITY)
    if case.pooled is not None:
        np.testing.assert_allclose(actual["pooled_output"], case.pooled, **PARITY)


@pytest.mark.slow
def test_round_trips_through_keras_and_saved_model(case, tmp_path):
    model = mtl.MultiTaskModel(case.encoder, [mtl.Task("names", kind="tagging", labels=["p"])])
    model.compile()
    model.save(tmp_path / "model.keras")
    model = mtl.load_model(tmp_path / "model.keras")
    actual = model.encoder.encode(case.texts, ("sequence_output", "sentence_embedding"))
    _assert_parity(actual, case)

    signatures = tf.saved_model.load(str(export_saved_model(model, tmp_path / "1"))).signatures
    embedding = signatures["embed"](tf.constant(case.texts))["embedding"]
    np.testing.assert_allclose(embedding, case.sentences, **PARITY)
    served = signatures["names"](tf.constant(case.texts))
    for row, (text, expected) in enumerate(
        zip(case.texts, mtl.answer(model, case.texts), strict=True)
    ):
        sides = (served[f"names/{side}"][row].numpy() for side in ("starts", "limits"))
        places = list(zip(*sides, strict=True))[: served["names/count"][row].numpy()]
        spans = [text.encode()[slice(*place)].decode("utf-8") for place in places]
        assert spans == [span["text"] for span in expected["names"]], text


def _assert_parity(actual: dict, case) -> None:
    np.testing.assert_allclose(actual["sentence_embedding"], case.sentences, **PARITY)
    for row, expected in enumerate(case.sequences[: len(case.texts)]):
        sequence = actual["sequence_output"][row, : len(expected)]
        np.testing.assert_allclose(sequence, expected, **PARITY)


def _without(name: str):
    return lambda folder: (folder / name).unlink()


def _config(**changes):
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        (folder / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")

    return change


def _config_without(key):
    def change(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        del config[key]
        (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")

    return change


def _vocabulary(change):
    def write(folder: Path) -> None:
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        (folder / "vocab.json").write_text(json.dumps(change(vocabulary)), encoding="utf-8")

    return write


def _truncated(name: str):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-500])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        ("gpt_neo", _without("model-00002-of-00003.safetensors"), "lacks 1 of the 3 shards"),
        ("gpt_neo", _without("merges.txt"), "neither vocab.json with merges.txt nor"),
        ("gpt_neo", _config(attention_types=[[["global"], 1]]), "attention_types for 2 blocks"),
        ("gpt_neo", _config(attention_types=[[["sparse"], 2]]), "attention_types for 2 blocks"),
        ("gpt_neo", _config(window_size=None), "window_size must be a whole number from 1 to"),
        ("gpt_neo", _config(model_type="gpt_neox"), "model_type 'gpt_neox'; supported: bert"),
        (
            "gpt_neo",
            _config_without("model_type"),
            "config.json lacks the key 'model_type', .* bert, ",
        ),
        ("gpt2", _config(scale_attn_by_inverse_layer_idx=True), "supported: False"),
        ("gpt2", _config(n_embd=48), "expected: .*hidden_dim 144"),
        ("gpt2", _config(n_layer=3), "lacks 12 tensors: h.2.attn"),
        ("gpt2", _vocabulary(lambda ids: ids | {"more": 400}), "has 400 rows; they must belong"),
        ("gpt2", _vocabulary(lambda ids: ids | {"more": 500}), "ids are not 0, 1, 2"),
        ("gpt2", _vocabulary(lambda ids: {k: str(v) for k, v in ids.items()}), "ids are not"),
        ("finbert", _truncated("pytorch_model.bin"), "end too soon; fetch a fresh copy"),
        ("biobert", _truncated("pytorch_model.bin"), "cannot be read .*fetch a fresh copy"),
        ("biobert", _without("vocab.txt"), "has no vocabulary"),
        ("biobert", _config(hidden_dropout_prob=2.0), "hidden_dropout_prob must be .*: 2.0$"),
        ("biobert", _config(layer_norm_eps=float("inf")), "layer_norm_eps must be .*: inf$"),
        ("biobert", _config(num_hidden_layers=10**9), "layers must be .* from 1 to 1,000. .*0$"),
        ("gpt_neo", _config(attention_types=[[["local"], 10**9]]), "must give attention_types"),
        ("gpt_neo", _config(attention_types=[[[], 10**9]]), "must give attention_types"),
        ("gpt_neo", _config(attention_types=[["x" * 10**6, 10**9]]), "must give attention_types"),
        (
            "distilbert",
            _config(model_type="bert"),
            "config.json lacks the key 'hidden_act', .* supported values: gelu",
        ),
    ],
)
def test_what_does_not_fit_is_reported_in_a_line(family, change, message, tmp_path):
    source = CHECKPOINTS / family
    folder = Path(shutil.copytree(source, tmp_path / family))
    change(folder)
    with pytest.raises(InputError, match=message) as raised:
        loading.load(str(folder), max_length=LENGTH)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: {f"bert.{name}": value for name, value in tensors.items()},
        lambda tensors: {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): value
            for name, value in tensors.items()
        },
        lambda tensors: {
            **{f"bert.{name}": value for name, value in tensors.items()},
            "cls.predictions.bias": np.zeros(3, np.float32),
            "cls.seq_relationship.weight": np.zeros((2, 8), np.float32),
            "classifier.weight": np.zeros((3, 8), np.float32),
            "bert.embeddings.position_ids": np.arange(32)[np.newaxis],
        },
    ],
    ids=["prefix", "gamma and beta", "heads"],
)
def test_names_of_other_hugging_face_files(folder, tiny_bert, change):
    change_tensors(folder, change)
    np.testing.assert_array_equal(sequence(folder), sequence(tiny_bert))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode": "cls", "include_prompt": True}, "cls"),
    ],
)
def test_sentence_transformers_folder(folder, pooling, expected):
    _write_modules(folder, pooling, "Transformer", "Pooling")
    loaded = loading.load(str(folder), max_length=16)
    assert (loaded.config.pooling, loaded.normalize) == (expected, False)
    _write_modules(folder, pooling, "Transformer", "Pooling", "Normalize")
    norms = np.linalg.norm(
        TextEncoder.from_pretrained(str(folder), max_length=16).encode(TEXTS)["sentence_embedding"],
        axis=1,
    )
    np.testing.assert_allclose(norms, 1.0, atol=1e-6)


def _write_modules(folder: Path, pooling: dict, *kinds: str) -> None:
    modules = [
        {"idx": i, "path": "1_Pooling" if kind == "Pooling" else "", "type": f"models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling/config.json").write_text(json.dumps(pooling))


def test_unsupported_sentence_transformers_modules(folder):
    cls_and_mean = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}
    _write_modules(folder, cls_and_mean, "Transformer", "Pooling")
    assert_refused(folder, "pooling_mode_cls_token, pooling_mode_mean_tokens")
    _write_modules(folder, {"pooling_mode": "cls"}, "Transformer", "Pooling", "Dense")
    assert_refused(folder, "models.Dense", "not supported")
