"""Published weights: equal to their originals, or refused in one line."""

import json
import shutil
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file
from support.published import HUB, TEXTS, assert_refused, change_tensors, edit_json

from mtl_keras.encoders.pretrained import loading
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError

ODD = [
    "",
    "naïve café…",
    "我爱北京",
    "👍🏽",
    "[SEP] ##x",
    "a\x00b",
    "x" * 101,
    "the " * 300,
    "straße",
]


@pytest.fixture(scope="module")
def sentences(shared) -> list[str]:
    reference = json.loads((shared / "reference/minilm_sentences.json").read_text("utf-8"))
    more = (shared / "data/snips/valid/seq.in").read_text("utf-8").splitlines()[:40]
    return reference["sentences"] + more + ODD


def test_tf_hub_parity(shared, sentences):
    """Sequence, pooled and every block's output, against the SavedModel's own graph."""
    import tensorflow_text  # noqa: F401  registers its operations

    preprocess = tf.saved_model.load(str(shared / "models/tfhub/bert_en_uncased_preprocess_3"))
    packed = preprocess.bert_pack_inputs([preprocess.tokenize(tf.constant(sentences))], 128)
    expected = tf.saved_model.load(str(shared / HUB))(packed, training=False)
    real = packed["input_mask"].numpy() == 1

    encoder = TextEncoder.from_pretrained(str(shared / HUB), max_length=128)
    actual = encoder.encode(sentences, encoder.output_names)
    assert len(sentences) >= 200
    assert actual["token_ids"].shape == real.shape
    np.testing.assert_array_equal(actual["token_ids"], packed["input_word_ids"])
    np.testing.assert_array_equal(actual["padding_mask"], real)
    pairs = {
        "sequence_output": expected["sequence_output"].numpy() * real[:, :, np.newaxis],
        "pooled_output": expected["pooled_output"],
        "sentence_embedding": expected["default"],
    }
    for name, array in pairs.items():
        np.testing.assert_allclose(actual[name], array, atol=1e-5, rtol=0)
    blocks = [encoder.transformer.get_layer(f"block_{i}").output for i in range(2)]
    probe = keras.Model(encoder.transformer.input, blocks)
    outputs = probe({name: actual[name] for name in ("token_ids", "padding_mask")})
    for ours, theirs in zip(outputs, expected["encoder_outputs"], strict=True):
        np.testing.assert_allclose(ours.numpy()[real], theirs.numpy()[real], atol=1e-5, rtol=0)


def test_tf_hub_settings_come_from_the_saved_model(shared, hub_folder):
    loaded = loading.load(str(shared / HUB))
    assert loaded.config.num_heads == 2
    assert loaded.config.approximate_gelu
    assert loaded.config.pooling == "pooler"
    assert (loaded.tokenizer.lowercase, loaded.normalize) == (True, False)
    assert len(loaded.tokenizer.vocabulary) == loaded.config.vocabulary_size == 30522


def test_minilm_equals_the_original_library(shared):
    """The word pieces of all 186 sentences agree, so all embeddings must."""
    reference = json.loads((shared / "reference/minilm_sentences.json").read_text("utf-8"))
    encoder = TextEncoder.from_pretrained("all-MiniLM-L6-v2", max_length=256)
    actual = encoder.encode(
        reference["sentences"], ("sentence_embedding", "token_ids", "padding_mask")
    )
    pieces = [
        i[m].tolist() for i, m in zip(actual["token_ids"], actual["padding_mask"], strict=True)
    ]
    assert pieces == reference["wordpiece_ids_with_cls_sep"]
    expected = np.load(shared / "reference/minilm_embeddings.npy")
    np.testing.assert_allclose(actual["sentence_embedding"], expected, atol=2e-5, rtol=0)
    assert (encoder.config.pooling, encoder.normalize) == ("mean", True)
    assert not encoder.config.approximate_gelu


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_hugging_face_parity(folder, activation):
    """Against BERT's arithmetic written with NumPy alone."""
    edit_json(folder / "config.json", hidden_act=activation)
    encoder = TextEncoder.from_pretrained(str(folder), max_length=16)
    actual = encoder.encode(TEXTS, encoder.output_names)
    tensors = {k: v.astype(np.float64) for k, v in load_file(folder / "model.safetensors").items()}
    for row in range(len(TEXTS)):
        mask = actual["padding_mask"][row]
        expected = _bert(
            tensors, actual["token_ids"][row][mask], num_heads=2, gelu=_GELU[activation]
        )
        pooled = np.tanh(_dense(tensors, "pooler.dense", expected[0]))
        np.testing.assert_allclose(actual["sequence_output"][row][mask], expected, atol=1e-5)
        np.testing.assert_allclose(actual["pooled_output"][row], pooled, atol=1e-5)
        np.testing.assert_allclose(actual["sentence_embedding"][row], expected.mean(0), atol=1e-5)


def _bert(tensors, token_ids, *, num_heads: int, gelu) -> np.ndarray:
    words, positions, segments = (
        tensors[f"embeddings.{name}_embeddings.weight"]
        for name in ("word", "position", "token_type")
    )
    x = words[token_ids] + positions[: len(token_ids)] + segments[0]
    x = _norm(tensors, "embeddings.LayerNorm", x)
    for block in range(2):
        name = f"encoder.layer.{block}"
        query, key, value = (
            np.split(_dense(tensors, f"{name}.attention.self.{part}", x), num_heads, axis=-1)
            for part in ("query", "key", "value")
        )
        mixed = [
            _softmax(q @ k.T / np.sqrt(q.shape[-1])) @ v
            for q, k, v in zip(query, key, value, strict=True)
        ]
        attended = _dense(tensors, f"{name}.attention.output.dense", np.concatenate(mixed, -1))
        x = _norm(tensors, f"{name}.attention.output.LayerNorm", x + attended)
        wide = gelu(_dense(tensors, f"{name}.intermediate.dense", x))
        x = _norm(
            tensors, f"{name}.output.LayerNorm", x + _dense(tensors, f"{name}.output.dense", wide)
        )
    return x


def _dense(tensors, name: str, x: np.ndarray) -> np.ndarray:
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def _norm(tensors, name: str, x: np.ndarray) -> np.ndarray:
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def _softmax(x: np.ndarray) -> np.ndarray:
    exponents = np.exp(x - x.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


def _erf_gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + tf.math.erf(x / np.sqrt(2)).numpy()) / 2


def _tanh_gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2


_GELU = {"gelu": _erf_gelu, "gelu_new": _tanh_gelu}


def test_without_a_pooler_there_is_no_pooled_output(folder):
    change_tensors(folder, lambda t: {k: v for k, v in t.items() if "pooler" not in k})
    encoder = TextEncoder.from_pretrained(str(folder), max_length=16)
    assert "pooled_output" not in encoder.output_names
    assert_refused(folder, "pooler only if there is one", pooling="pooler")


@pytest.mark.slow
def test_pooling_can_be_chosen(folder):
    encoder = TextEncoder.from_pretrained(str(folder), max_length=16, pooling="pooler")
    actual = encoder.encode(TEXTS, ("sentence_embedding", "pooled_output"))
    np.testing.assert_array_equal(actual["sentence_embedding"], actual["pooled_output"])
    assert_refused(folder, "mean, cls, pooler", "'max'", pooling="max")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (
            {"model_type": "roberta"},
            ["model_type 'roberta'; supported: bert, distilbert, gpt"],
        ),
        ({"model_type": "absent"}, ["config.json", "model_type"]),
        ({"model_type": ["bert"]}, ["model_type ['bert']; supported: bert"]),
        ({"hidden_act": "relu"}, ["hidden_act 'relu'; supported: gelu, gelu_new"]),
        ({"hidden_act": ["gelu"]}, ["hidden_act"]),
        ({"position_embedding_type": "relative_key"}, ["'relative_key'; supported: 'absolute'"]),
        ({"is_decoder": True}, ["is_decoder True"]),
        (
            {"hidden_size": "absent"},
            ["config.json: hidden_size must be a whole number from 1 to 100,000. Received: None"],
        ),
        ({"num_attention_heads": 0}, ["num_attention_heads", "Received: 0"]),
        ({"num_attention_heads": 3}, ["3 heads of 2 do not make a hidden_dim of 8"]),
        ({"layer_norm_eps": "small"}, ["layer_norm_eps", "'small'"]),
        ({"num_hidden_layers": 3}, ["lacks 16 tensors: encoder.layer.2.attention"]),
        ({"num_hidden_layers": 1}, ["has 16 unknown tensors: encoder.layer.1.attention"]),
        ({"hidden_size": 16}, ["has the shape (8,)", "expected: (hidden_dim 16)"]),
        ({"max_position_embeddings": 64}, ["(32, 8)", "(max_position 64, hidden_dim 8)"]),
    ],
)
def test_configurations_that_do_not_fit(folder, changes, parts):
    edit_json(folder / "config.json", **changes)
    assert_refused(folder, *parts)


def test_vocabulary_that_does_not_fit(folder):
    words = (folder / "vocab.txt").read_text()
    (folder / "vocab.txt").write_text(words + "more\n")
    assert_refused(folder, "word pieces, but the token table has", "belong together")
    (folder / "vocab.txt").write_text(words.replace("[SEP]\n", "sep\n"))
    assert_refused(folder, "lacks [SEP]")
    (folder / "vocab.txt").write_bytes(b"\xff\n")
    assert_refused(folder, "vocab.txt cannot be read")


def test_more_than_the_positions(tiny_bert):
    assert_refused(tiny_bert, "max_length 33", "32 positions", max_length=33)
    assert_refused(tiny_bert, "at least 3", max_length=1)


def test_saved_models_that_are_not_bert(shared):
    preprocessing = shared / "models/tfhub/bert_en_uncased_preprocess_3"
    assert_refused(preprocessing, "not a TF Hub BERT encoder", "word_embeddings/embeddings")


def test_loading_warns_of_nothing(tiny_bert):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loading.load(str(tiny_bert), max_length=16)
    assert not caught


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_weights_that_are_not_finite_are_refused(tiny_bert, tmp_path, value):
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.1.attention.self.query.weight"
    tensors[name] = tensors[name].astype(np.float64)
    tensors[name][0, 0] = value
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(InputError, match=r"weights of block_1/.* are not all finite numbers"):
        TextEncoder.from_pretrained(str(folder), max_length=16)


def test_whole_numbers_are_no_weights(tiny_bert, tmp_path):
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.1.attention.self.query.weight"
    tensors[name] = tensors[name].astype(np.int8)
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(InputError, match="a tensor holds int8, not floating-point numbers"):
        TextEncoder.from_pretrained(str(folder), max_length=16)


@pytest.mark.parametrize("piece", ["a" * 300, "a\0b"])
def test_a_piece_that_the_tokenizer_cannot_hold_is_refused(tiny_bert, tmp_path, piece):
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    pieces = (folder / "vocab.txt").read_text().split("\n")
    pieces[-2] = piece
    (folder / "vocab.txt").write_text("\n".join(pieces))
    with pytest.raises(InputError, match=r"word piece [0-9]+ of the vocabulary .* is invalid"):
        TextEncoder.from_pretrained(str(folder), max_length=16)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("tokenizer_config.json", {"do_lower_case": "no"}, "do_lower_case 'no'; expected true"),
        ("tokenizer_config.json", {"strip_accents": "maybe"}, "strip_accents 'maybe'; expected"),
        ("tokenizer_config.json", {"do_basic_tokenize": False}, "do_basic_tokenize False"),
        ("tokenizer_config.json", {"never_split": ["a"]}, "never_split"),
        (
            "tokenizer_config.json",
            {"added_tokens_decoder": {"4": {"content": "<user>", "special": False}}},
            "added tokens \\('<user>'\\)",
        ),
        ("added_tokens.json", {"<user>": 4}, "added tokens \\('<user>'\\)"),
        ("tokenizer.json", {"added_tokens": [{"content": "<user>"}]}, "added tokens"),
        ("tokenizer.json", {"added_tokens": ["<user>"]}, "added tokens cannot be read"),
    ],
)
def test_settings_that_would_cut_texts_otherwise_are_refused(
    tiny_bert, tmp_path, name, content, message
):
    folder = shutil.copytree(tiny_bert, tmp_path / "bert")
    (folder / name).write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        TextEncoder.from_pretrained(str(folder), max_length=16)
