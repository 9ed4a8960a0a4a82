"""Published encoders, changed and refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mtl_keras.encoders.pretrained import loading
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError

HUB = "models/tfhub/small_bert_bert_en_uncased_L-2_H-128_A-2_random_weights"
TEXTS = ["abc. def!", "a", "hello world"]


def edit_json(file: Path, **changes) -> None:
    content = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps({k: v for k, v in (content | changes).items() if v != "absent"}))


def change_tensors(folder: Path, change) -> None:
    tensors = change(load_file(folder / "model.safetensors"))
    save_file(
        {k: np.ascontiguousarray(v) for k, v in tensors.items()}, folder / "model.safetensors"
    )


def sequence(source) -> np.ndarray:
    return TextEncoder.from_pretrained(str(source), max_length=16).encode(
        TEXTS, ("sequence_output",)
    )["sequence_output"]


def assert_refused(source, *parts: str, **arguments) -> None:
    with pytest.raises(InputError) as raised:
        loading.load(str(source), **{"max_length": 16} | arguments)
    message = str(raised.value)
    assert message.startswith(f"encoder {str(source)!r}: ")
    assert "\n" not in message
    for part in parts:
        assert part in message
