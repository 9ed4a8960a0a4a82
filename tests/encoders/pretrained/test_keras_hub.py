"""What KerasHub writes, and what of it is refused in a line."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import h5py
import pytest
from support.presets import LENGTH, write_preset

from mtl_keras.encoders.pretrained import keras_hub as keras_hub_presets
from mtl_keras.encoders.pretrained import loading
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError

keras_hub = pytest.importorskip("keras_hub", reason='needs pip install "mtl_keras[keras_hub]"')


@pytest.fixture(scope="module")
def preset(tmp_path_factory) -> Path:
    return write_preset(keras_hub, "Bert", tmp_path_factory.mktemp("presets") / "bert")


def _load(source, **settings):
    return loading.load(str(source), **{"max_length": LENGTH} | settings)


@pytest.mark.slow
def test_a_folder_is_known_with_and_without_scheme(preset):
    for source in (preset, f"keras_hub://{preset}"):
        loaded = _load(source)
        assert loaded.config.backbone == "BertBackbone"
        assert (loaded.config.num_layers, loaded.config.hidden_dim) == (2, 16)


@pytest.mark.slow
def test_the_weights_may_have_a_checksum(preset):
    sha256 = hashlib.sha256((preset / "model.weights.h5").read_bytes()).hexdigest()
    _load(preset, sha256=sha256)
    with pytest.raises(InputError, match=f"its weights have the sha256 {sha256}; expected 00"):
        _load(preset, sha256="0" * 64)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Roberta", "Albert"])  # byte pairs, sentence pieces
def test_a_config_without_class_names_is_read(kind, tmp_path):
    encoder = TextEncoder.from_pretrained(
        str(write_preset(keras_hub, kind, tmp_path / kind)), max_length=LENGTH
    )
    config = encoder.get_config()
    older = config | {name: config[name]["config"] for name in ("tokenizer", "config")}
    for described in (config, older):
        assert TextEncoder.from_config(described).get_config() == config


def _changed(file: str, **changes):
    def change(folder: Path) -> None:
        config = json.loads((folder / file).read_text(encoding="utf-8"))
        for name, value in changes.items():
            (config if name in config else config["config"])[name] = value
        (folder / file).write_text(json.dumps(config), encoding="utf-8")

    return change


def _longer_vocabulary(folder: Path) -> None:
    file = folder / "assets/tokenizer/vocabulary.txt"
    file.write_text(file.read_text(encoding="utf-8") + "more\n", encoding="utf-8")


def _truncated(folder: Path) -> None:
    file = folder / "model.weights.h5"
    file.write_bytes(file.read_bytes()[:-2000])


def _packed(folder: Path) -> None:
    with h5py.File(folder / "model.weights.h5", "a") as file:
        file.create_dataset("x", (1 << 20,), "f4", compression="gzip")[:] = 0


CONFIG, TOKENIZER = "config.json", "tokenizer.json"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_changed(CONFIG, module="os", class_name="system"), "describes os.system; supported are"),
        (_changed(CONFIG, class_name="Task"), "class_name 'Task', which KerasHub does not"),
        (
            _changed(CONFIG, class_name="NewBackbone"),
            "class_name 'NewBackbone', which KerasHub does not",
        ),
        (
            _changed(CONFIG, num_layers=1),
            "39 weights of 6,944 numbers, but config.json describes 23 of",
        ),
        (_changed(CONFIG, num_layers=3), "describes 55 of 8,904; they must belong together"),
        (_changed(CONFIG, num_layers=10**9), "config.json: num_layers must be .* 1 to 1,000. Rec"),
        (_changed(CONFIG, num_layers=1000), "describes 1,000 layers, for 39 weights"),
        (_changed(CONFIG, vocabulary_size=10**7, hidden_dim=10**5), "describes 39 of 1,0"),
        (_changed(CONFIG, max_sequence_length=10**7), "describes 39 of 160,"),
        (_changed(CONFIG, vocabulary_size=10**30), "config.json: vocabulary_size must be a whole"),
        (_packed, "the HDF5 file's 'x' is compressed or incomplete, which Keras does not write"),
        (_changed(CONFIG, class_name="ViTBackbone"), "'ViTBackbone'; its tokenizer is not supp"),
        (_changed(CONFIG, dropout=2.0), "config.json: dropout must be a number from 0.0 to 0.99"),
        (_changed(CONFIG, hidden_dim=7), "hold 39 weights of 6,944 numbers, but config.json des"),
        (_truncated, r"the KerasHub preset cannot be read .*; fetch a fresh copy"),
        (
            lambda folder: (folder / "model.weights.h5").unlink(),
            "files hold 0 weights of 0 num",
        ),
        (lambda folder: (folder / TOKENIZER).unlink(), "has no tokenizer.json; save the tokenizer"),
        (_changed(TOKENIZER, class_name="GPT2Tokenizer"), "GPT2Tokenizer is not supported; supp"),
        (_changed(TOKENIZER, split_on_cjk=False), "split_on_cjk False; supported: True"),
        (_changed(TOKENIZER, lowercase=False), "strip_accents True; supported: False if letters"),
        (lambda folder: shutil.rmtree(folder / "assets"), "vocabulary.txt cannot be read"),
        (_longer_vocabulary, "the token table has .* rows; they must belong together"),
    ],
)
def test_what_does_not_fit_is_reported_in_a_line(preset, change, message, tmp_path):
    folder = Path(shutil.copytree(preset, tmp_path / "preset"))
    change(folder)
    with pytest.raises(InputError, match=message) as raised:
        _load(folder)
    assert str(raised.value).startswith(f"encoder {str(folder)!r}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": LENGTH + 1}, f"max_length {LENGTH + 1} is more than its {LENGTH}"),
        ({"max_length": 2}, "at least 3. Received: 2"),
        ({"pooling": "max"}, "pooling must be one of mean, cls, pooler, last"),
    ],
)
def test_wrong_settings(preset, settings, message):
    with pytest.raises(InputError, match=message):
        _load(preset, **settings)


def test_a_name_is_fetched_and_read(preset, monkeypatch):
    monkeypatch.setattr("kagglehub.model_download", lambda handle: str(preset))
    assert _load("keras_hub://bert_tiny_en_uncased").config.backbone == "BertBackbone"


def test_without_keras_hub(preset, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    for source in (preset, "keras_hub://roberta_base_en"):
        with pytest.raises(InputError, match=r"cannot be imported .*\"mtl_keras\[keras_hub\]\""):
            _load(source)
    assert keras_hub_presets.is_preset(preset)
