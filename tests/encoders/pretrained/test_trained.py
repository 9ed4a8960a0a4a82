"""The encoder of a run, or of a `.keras` file: what was trained, and nothing that was not."""

import hashlib
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from support.published import assert_refused

import mtl_keras as mtl
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError


def _moved(model: mtl.MultiTaskModel) -> mtl.MultiTaskModel:
    for weight in model.encoder.transformer.weights:
        weight.assign_add(0.05 * keras.random.normal(weight.shape, seed=1))
    return model


def _saved(model: mtl.MultiTaskModel, path: Path) -> str:
    _moved(model).save(path)
    return str(path)


def _weights(encoder: TextEncoder) -> dict[str, np.ndarray]:
    return {weight.path: weight.numpy() for weight in encoder.transformer.weights}


def _assert_weights_are_those_of(encoder: TextEncoder, trained: TextEncoder) -> None:
    actual, expected = _weights(encoder), _weights(trained)
    assert actual.keys() <= expected.keys()
    for path, weight in actual.items():
        np.testing.assert_array_equal(weight, expected[path], path)


def test_it_has_the_trained_weights_and_the_tokenizer_of_the_model(tiny_model, tmp_path):
    model = tiny_model()
    encoder = TextEncoder.from_pretrained(_saved(model, tmp_path / "m.keras"))
    _assert_weights_are_those_of(encoder, model.encoder)
    assert encoder.tokenizer.max_length == 16
    assert encoder.tokenizer.get_config() == model.encoder.tokenizer.get_config()


def test_length_precision_and_pooling_are_chosen_anew(tiny_model, tmp_path):
    path = _saved(tiny_model(), tmp_path / "m.keras")
    encoder = TextEncoder.from_pretrained(path, max_length=9, pooling="cls", dtype="mixed_bfloat16")
    assert encoder.tokenizer.max_length == 9
    assert encoder.config.pooling == "cls"
    assert encoder.transformer.get_layer("block_0").compute_dtype == "bfloat16"
    assert_refused(path, "max_length 64 is more than its 32 positions", max_length=64)


def test_a_pooler_that_no_head_reads_has_no_weights_to_give(tiny_model, tmp_path):
    path = _saved(tiny_model(), tmp_path / "m.keras")
    assert "pooled_output" not in TextEncoder.from_pretrained(path, max_length=16).output_names
    assert_refused(path, "pooling must be one of", pooling="pooler")


def test_a_pooler_that_a_head_reads_comes_along(tiny_bert, tmp_path):
    encoder = TextEncoder.from_pretrained(str(tiny_bert), max_length=16, pooling="pooler")
    model = mtl.MultiTaskModel(encoder, [mtl.Task("topic", labels=["x", "y"])])
    again = TextEncoder.from_pretrained(_saved(model, tmp_path / "m.keras"), max_length=16)
    _assert_weights_are_those_of(again, model.encoder)
    assert again.config == encoder.config


def test_blocks_above_all_heads_were_left_out(tiny_encoder, tmp_path):
    task = mtl.Task("topic", labels=["x", "y"], reads="block_0")
    path = _saved(mtl.MultiTaskModel(tiny_encoder(), [task]), tmp_path / "m.keras")
    encoder = TextEncoder.from_pretrained(path, max_length=16)
    assert list(encoder.layer_groups) == ["embeddings", "block_0"]
    with pytest.raises(InputError, match="the encoder has no block_1; its blocks are block_0"):
        mtl.MultiTaskModel(encoder, [mtl.Task("a", labels=["x", "y"], reads="block_1")])


def test_a_checksum_is_that_of_the_file(tiny_model, tmp_path):
    path = _saved(tiny_model(), tmp_path / "m.keras")
    sha256 = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    TextEncoder.from_pretrained(path, max_length=16, sha256=sha256)
    assert_refused(path, f"its weights have the sha256 {sha256}", sha256="0" * 64)


def test_other_files_are_refused_in_a_line(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "keras.keras")
    assert_refused(tmp_path / "keras.keras", "not a MultiTaskModel but Sequential")
    (tmp_path / "text.keras").write_text("no archive")
    assert_refused(
        tmp_path / "text.keras", "text.keras is no .keras file; give one that model.save"
    )


def test_a_damaged_file_is_refused_in_a_line(tiny_model, tmp_path):
    path = _saved(tiny_model(), tmp_path / "m.keras")
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content[: len(content) // 2] if "h5" in name else content)
    assert_refused(path, f"encoder {path!r}: ")
