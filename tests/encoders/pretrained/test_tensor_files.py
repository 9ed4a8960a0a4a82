"""Tensors of one file or of shards, a range of rows at a time."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.places import CHECKPOINTS, SUPPORT

from mtl_keras.encoders.pretrained.tensor_files import open_tensors
from mtl_keras.errors import InputError

SMALL = CHECKPOINTS / "distilbert"
WIDTH, BLOCKS, ROWS = 768, 6, 8_000  # 195 MB


@pytest.fixture
def shards(tmp_path) -> Path:
    """DistilBERT in three shards, to be changed."""
    tensors = load_file(SMALL / "model.safetensors")
    shard_of = {}
    for number in range(3):
        name = f"model-0000{number + 1}-of-00003.safetensors"
        part = dict(list(tensors.items())[number::3])
        save_file(part, tmp_path / name)
        shard_of |= dict.fromkeys(part, name)
    _write_index(tmp_path, shard_of)
    return tmp_path


def _write_index(folder: Path, weight_map) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_shards_are_one_file(shards):
    one, many = open_tensors(SMALL), open_tensors(shards)
    assert dict(one.shapes) == dict(many.shapes)
    for name, (rows, *_) in one.shapes.items():
        for part in (slice(None), slice(1, rows - 1)):
            np.testing.assert_array_equal(one.read(name, part), many.read(name, part))


def test_missing_and_damaged_shards(shards):
    second = shards / "model-00002-of-00003.safetensors"
    content = second.read_bytes()
    second.write_bytes(content[:-100])
    with pytest.raises(InputError, match=r"model-00002-of-00003.* cannot be read .*fetch"):
        open_tensors(shards)
    second.unlink()
    with pytest.raises(InputError, match=r"lacks 1 of the 3 shards .*'model-00002-of"):
        open_tensors(shards)


@pytest.mark.parametrize(
    ("weight_map", "message"),
    [
        ({"x": "model-00001-of-00003.safetensors"}, "lacks 1 tensors .*'x'"),
        ({"x": "../model.safetensors"}, "does not say which file"),
        ({"x": 3}, "does not say which file"),
        ([], "does not say which file"),
    ],
)
def test_an_index_that_does_not_fit(shards, weight_map, message):
    _write_index(shards, weight_map)
    with pytest.raises(InputError, match=message):
        open_tensors(shards)


def test_no_weights(tmp_path):
    shutil.copy(SMALL / "config.json", tmp_path)
    with pytest.raises(InputError, match=r"model\.safetensors is missing, and so is pytorch_model"):
        open_tensors(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of memory from /proc")
def test_loading_takes_less_than_a_third_beside_the_weights(tmp_path):
    """Files mapped into memory count; TensorFlow itself does not."""
    generator = np.random.default_rng(0)
    small = load_file(SMALL / "model.safetensors")
    sizes = {32: WIDTH, 64: 4 * WIDTH, 300: ROWS}
    tensors = {}
    for name, tensor in small.items():
        for block in range(BLOCKS if ".layer.1." in name else 1):
            shape = [sizes.get(size, size) for size in tensor.shape]
            made = generator.random(shape, np.float32)
            tensors[name.replace(".layer.1.", f".layer.{block}.")] = made
    save_file(tensors, tmp_path / "model.safetensors")
    config = json.loads((SMALL / "config.json").read_text())
    config |= {"dim": WIDTH, "hidden_dim": 4 * WIDTH, "n_layers": BLOCKS, "vocab_size": ROWS}
    (tmp_path / "config.json").write_text(json.dumps(config))
    words = (SMALL / "vocab.txt").read_text().splitlines()
    words += [f"word{number}" for number in range(ROWS - len(words))]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    program = SUPPORT / "loading_memory.py"
    done = subprocess.run(
        [sys.executable, program, SMALL, tmp_path], capture_output=True, text=True, check=True
    )
    peak, weights = map(int, done.stdout.split()[-2:])
    assert weights > 190e6
    assert peak < 1.3 * weights
