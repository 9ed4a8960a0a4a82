"""Models out of `.keras` files; what earlier versions wrote: `test_files_of_0_1_0.py`."""

import json
import zipfile

import h5py
import keras
import pytest
from support.rights import bound_by_rights

import mtl_keras as mtl
from mtl_keras.errors import InputError, UnsafeFileError


@pytest.mark.slow
def test_loading_draws_no_weights_that_the_files_replace(tiny_model, tmp_path, monkeypatch):
    model = tiny_model()
    model.save(tmp_path / "model.keras")
    initializer, drawn = keras.initializers.TruncatedNormal, []
    draw = initializer.__call__

    def recorded(self, shape, dtype=None):
        drawn.append(shape)
        return draw(self, shape, dtype)

    monkeypatch.setattr(initializer, "__call__", recorded)
    mtl.load_model(tmp_path / "model.keras")
    assert not drawn
    mtl.MultiTaskModel.from_config(model.get_config())
    assert drawn


def test_a_file_that_unpacks_to_far_more_than_it_is_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", bytes(10_000_000))
    with pytest.raises(
        InputError, match=r"model\.keras: unpacks to 10,000,002 bytes, more than 20"
    ):
        mtl.load_model(path)


def _with_shape(path, change):
    """Changes the shape of the encoder that a file describes."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["encoder"]["config"]["config"].update(change)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


@pytest.mark.parametrize("change", [{"vocabulary_size": 10**7, "hidden_dim": 10**5}])
def test_a_file_that_describes_more_weights_than_it_holds_is_refused(change, tiny_model, tmp_path):
    path = tmp_path / "model.keras"
    tiny_model().save(path)
    _with_shape(path, change)
    with pytest.raises(InputError, match=r"has at least [\d,]{13,} weights, but [\d,]+ are st"):
        mtl.load_model(path)


def test_weights_that_are_packed_are_refused(tmp_path):
    path = tmp_path / "model.keras"
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", (1 << 20,), "f4", compression="gzip")[:] = 0
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(tmp_path / "x.h5", "model.weights.h5")
    with pytest.raises(UnsafeFileError, match="'x' is compressed or incomplete"):
        mtl.load_model(path)


def test_keras_own_models_are_not_built(tmp_path):
    path = tmp_path / "model.keras"
    layers = [keras.Input((10,)), keras.layers.Dense(10)]
    keras.Sequential(layers).save(path)
    with pytest.raises(UnsafeFileError, match="not a MultiTaskModel but Sequential; do not use it"):
        mtl.load_model(path)


@pytest.mark.parametrize(
    ("module", "name", "config", "held"),
    [
        (
            *("keras.layers", "Lambda"),
            {"function": {"class_name": "__lambda__", "config": {}}},
            "Requested the deserialization of a `Lambda` layer",
        ),
        ("keras.utils", "get_file", {}, "Cannot deserialize `keras.utils.get_file`"),
        ("os", "system", {}, "Could not locate class 'system'"),
        ("keras.src.models.absent", "X", {}, "Could not deserialize class 'X'"),
        ("keras.src.backend", "config", {}, "Could not deserialize 'keras.src.backend.config'"),
    ],
)
def test_a_file_that_could_run_code_is_refused_as_such(tmp_path, module, name, config, held):
    path = tmp_path / "model.keras"
    content = {"module": module, "class_name": name, "config": config, "registered_name": name}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(content))
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"")
    with pytest.raises(UnsafeFileError) as raised:
        mtl.load_model(path)
    line = f"{path}: refused as unsafe: it holds what no model of mtl_keras does ({held}"
    assert str(raised.value).startswith(line)
    assert str(raised.value).endswith("do not use it")


def test_a_file_that_may_not_be_read_or_is_absent_is_reported(tmp_path):
    path = tmp_path / "model.keras"
    with pytest.raises(InputError, match=r"model\.keras: cannot be read: No such file"):
        mtl.load_model(path)
    path.write_bytes(b"")
    path.chmod(0)
    with bound_by_rights(), pytest.raises(InputError, match="cannot be read: Permission denied"):
        mtl.load_model(path)
