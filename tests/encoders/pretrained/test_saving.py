"""Encoders written in Hugging Face's format: read back bit for bit, and by `tokenizers`.

`benchmarks/save_pretrained.py` has `transformers` and sentence-transformers read such folders.
"""

import json
import shutil
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.places import CHECKPOINTS
from support.presets import write_preset
from support.published import HUB
from tokenizers import Tokenizer

import mtl_keras as mtl
from mtl_keras.encoders.pretrained.tensor_files import open_tensors
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.tokenizers.wordpiece import WordpieceTokenizer
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.errors import InputError, WorkError

LENGTH = 48
TEXTS = ["the order", "Naïve ½ café…", "a", "it's 3-0; they'd lost", "我爱 👍🏽"]


def _saved(encoder: TextEncoder, folder) -> SimpleNamespace:
    """The encoder, its folder, and what is read there."""
    folder = encoder.save_pretrained(folder)
    again = TextEncoder.from_pretrained(str(folder), max_length=encoder.tokenizer.max_length)
    return SimpleNamespace(encoder=encoder, folder=folder, again=again)


def _assert_same(saved) -> None:
    """The same tokenizer, shape and weights make the same vectors."""
    before, after = (
        {weight.path: weight.numpy() for weight in encoder.transformer.weights}
        for encoder in (saved.encoder, saved.again)
    )
    assert before.keys() == after.keys()
    for path, weight in before.items():
        np.testing.assert_array_equal(after[path], weight, path)
    described, again = (e.get_config() | {"source": None} for e in (saved.encoder, saved.again))
    assert again == described


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in CHECKPOINTS.iterdir()))
def test_every_family_is_written_as_its_library_does_and_read_back_bit_for_bit(name, tmp_path):
    encoder = TextEncoder.from_pretrained(str(CHECKPOINTS / name), max_length=LENGTH)
    saved = _saved(encoder, tmp_path / "saved")
    _assert_same(saved)
    ours, theirs = open_tensors(saved.folder), open_tensors(CHECKPOINTS / name)
    everything = slice(None)
    for tensor in ours.shapes:
        (original,) = [shape for shape in theirs.shapes if f".{shape}".endswith(f".{tensor}")]
        np.testing.assert_array_equal(
            ours.read(tensor, everything), theirs.read(original, everything), tensor
        )
    original = json.loads((CHECKPOINTS / name / "config.json").read_text())
    config = json.loads((saved.folder / "config.json").read_text())
    if name != "electra":  # BERT without a pooler, and written as that
        assert config.items() <= (original | _spelled(config)).items()


def _spelled(config: dict) -> dict:
    """What the library writes otherwise and reads alike."""
    apart = ("architectures", "attention_types", "n_inner", "hidden_act", "position_embedding_type")
    apart += ("intermediate_size", "is_decoder", "add_cross_attention")
    return {key: value for key, value in config.items() if key in apart}


@pytest.mark.parametrize("name", ["biobert", "gpt2"])
def test_the_tokenizers_library_cuts_texts_alike(name, tmp_path):
    encoder = TextEncoder.from_pretrained(str(CHECKPOINTS / name), max_length=LENGTH)
    folder = encoder.save_pretrained(tmp_path / "saved")
    theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
    theirs.no_padding()
    ours = encoder.tokenizer(tf.constant(TEXTS)).token_ids.to_list()
    assert [text.ids for text in theirs.encode_batch(TEXTS)] == ours


@pytest.mark.slow
def test_a_tf_hub_encoder_keeps_its_normalization_and_its_pooler(shared, tmp_path):
    encoder = TextEncoder.from_pretrained(str(shared / HUB), max_length=LENGTH)
    saved = _saved(encoder, tmp_path / "saved")
    _assert_same(saved)
    before, after = (e.encode(TEXTS, e.output_names) for e in (saved.encoder, saved.again))
    for name, vectors in before.items():
        np.testing.assert_array_equal(after[name], vectors, name)
    assert saved.again.config.pooling == "pooler"
    assert not (saved.folder / "modules.json").exists()  # sentence-transformers cannot pool so


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_sentence_transformers_files_say_the_pooling_and_the_length(pooling, tiny_bert, tmp_path):
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    modules = [
        {"type": "x.Transformer", "path": ""},
        {"type": "x.Normalize", "path": "2_Normalize"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    encoder = TextEncoder.from_pretrained(str(folder), max_length=16, pooling=pooling)
    saved = _saved(encoder, tmp_path / "saved")
    _assert_same(saved)
    assert saved.again.config.pooling == pooling
    assert saved.again.normalize


def test_an_encoder_cut_at_a_block_has_the_blocks_below(tiny_encoder, tmp_path):
    task = mtl.Task("topic", labels=["x", "y"], reads="block_0")
    model = mtl.MultiTaskModel(tiny_encoder(), [task])
    for weight in model.weights:  # as training leaves them
        weight.assign_add(0.01 * keras.random.normal(weight.shape, seed=1))
    saved = _saved(model.encoder, tmp_path / "saved")
    _assert_same(saved)
    assert list(saved.again.layer_groups) == ["embeddings", "block_0"]


def test_so_does_one_in_lower_precision_whose_weights_are_float32(tiny_encoder, tmp_path):
    encoder = tiny_encoder(dtype="mixed_bfloat16")
    folder = encoder.save_pretrained(tmp_path / "saved")
    again = TextEncoder.from_pretrained(str(folder), max_length=16)
    for before, after in zip(
        encoder.transformer.get_weights(), again.transformer.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(before, after)


@pytest.mark.slow
def test_a_keras_hub_encoder_is_refused_in_a_line(tmp_path):
    reason = 'needs pip install "mtl_keras[keras_hub]"'
    keras_hub = pytest.importorskip("keras_hub", reason=reason)
    preset = write_preset(keras_hub, "Roberta", tmp_path / "preset")
    encoder = TextEncoder.from_pretrained(f"keras_hub://{preset}", max_length=16)
    with pytest.raises(InputError, match=r"KerasHubConfig, BytePairTokenizer\) cannot be written"):
        encoder.save_pretrained(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_a_shape_that_no_family_has_is_refused_in_a_line(letters, tmp_path):
    config = EncoderConfig(
        vocabulary_size=len(letters.vocabulary),
        hidden_dim=8,
        num_layers=1,
        num_heads=2,
        intermediate_dim=16,
        causal=True,
    )
    with pytest.raises(InputError, match=r"cannot be written in Hugging Face's format; supported"):
        TextEncoder(letters, config).save_pretrained(tmp_path / "saved")


def test_what_would_be_read_otherwise_is_refused_and_not_left(tiny_encoder, tmp_path):
    encoder = tiny_encoder()
    pieces = [*encoder.tokenizer.vocabulary[:-1], "##\r"]  # the end of a line in vocab.txt
    encoder.tokenizer = WordpieceTokenizer(pieces, lowercase=True, max_length=16)
    with pytest.raises(InputError, match="Hugging Face's format: its tokenizer would be read"):
        encoder.save_pretrained(tmp_path / "saved")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tiny_encoder, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="already exists; choose another folder or remove it"):
        tiny_encoder().save_pretrained(tmp_path)
    with pytest.raises(InputError, match="already exists"):
        tiny_encoder().save_pretrained(tmp_path / "notes.txt")
    with pytest.raises(WorkError, match="cannot be written"):
        tiny_encoder().save_pretrained(tmp_path / "notes.txt" / "saved")
    (tmp_path / "empty").mkdir()
    assert tiny_encoder().save_pretrained(tmp_path / "empty") == tmp_path / "empty"
