"""Files of others that cannot be read are refused in one line."""

import json
import shutil

import pytest
from support.published import assert_refused

from mtl_keras.encoders.pretrained.damage import read_json, reading
from mtl_keras.errors import InputError


def test_damaged_hugging_face_files(folder):
    weights = (folder / "model.safetensors").read_bytes()
    for damaged in (b"", weights[:100], weights[:-50]):
        (folder / "model.safetensors").write_bytes(damaged)
        assert_refused(folder, "model.safetensors cannot be read", "fetch a fresh copy")
    (folder / "model.safetensors").unlink()
    assert_refused(folder, "model.safetensors is missing, and so is pytorch_model.bin")
    (folder / "config.json").write_text("{")
    assert_refused(folder, "config.json cannot be read")
    (folder / "config.json").write_text("[]")
    assert_refused(folder, "config.json")


def test_damaged_saved_models(hub_folder):
    data = hub_folder / "variables/variables.data-00000-of-00001"
    content = data.read_bytes()
    data.write_bytes(content[:1000])
    assert_refused(hub_folder, "cannot be read", "fetch a fresh copy")
    data.write_bytes(content[:-4000] + bytes(4000))
    assert_refused(hub_folder, "cannot be read", "fetch a fresh copy")
    data.write_bytes(content)
    (hub_folder / "assets/vocab.txt").unlink()
    assert_refused(hub_folder, "vocab.txt cannot be read")
    (hub_folder / "variables/variables.index").write_bytes(b"no index")
    assert_refused(hub_folder, "the folder 'variables' cannot be read")
    shutil.rmtree(hub_folder / "variables")
    assert_refused(hub_folder, "the folder 'variables' cannot be read")
    (hub_folder / "saved_model.pb").write_bytes(b"\xff" * 20)
    assert_refused(hub_folder, "saved_model.pb cannot be read")
    (hub_folder / "saved_model.pb").write_bytes(b"")
    assert_refused(hub_folder, "names no vocabulary")


def test_whatever_reading_raises_becomes_one_line():
    for error in (OSError("no\nsuch"), KeyError("x"), EOFError(), MemoryError("much")):
        with pytest.raises(InputError, match=r"^x\.bin cannot be read \(.+\); fetch a fresh copy$"):
            _read_and_raise(error)
    with pytest.raises(InputError, match=r"^as it was$"):
        _read_and_raise(InputError("as it was"))
    with pytest.raises(KeyboardInterrupt):
        _read_and_raise(KeyboardInterrupt())


def _read_and_raise(error: BaseException) -> None:
    with reading("x.bin"):
        raise error


def test_json_that_is_no_object_is_refused(tmp_path):
    file = tmp_path / "x.json"
    file.write_text('{"a": 1}')
    assert read_json(file) == {"a": 1}
    for content in ("[1]", "3", "{", "\xff"):
        file.write_text(content, encoding="latin-1")
        with pytest.raises(InputError, match=r"x\.json .*; fetch a fresh copy"):
            read_json(file)


@pytest.mark.parametrize("path", ["..", "../other", "1_Pooling/../../other", "/etc", "/"])
def test_files_name_nothing_outside_of_their_folder(path, folder):
    other = folder.parent / "other"
    other.mkdir()
    (other / "config.json").write_text('{"pooling_mode_cls_token": true}')
    modules = [{"type": "sentence_transformers.models.Pooling", "path": path}]
    (folder / "modules.json").write_text(json.dumps(modules))
    assert_refused(folder, f"modules.json names {path!r}, which is outside", "fetch a fresh copy")


def test_a_saved_model_names_its_vocabulary_in_its_own_folder(hub_folder):
    file = hub_folder / "saved_model.pb"
    content = file.read_bytes()
    assert b"vocab.txt" in content
    file.write_bytes(content.replace(b"vocab.txt", b"../ab.txt"))
    assert_refused(hub_folder, "saved_model.pb names '../ab.txt', which is outside")
