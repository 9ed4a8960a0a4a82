"""A `.tflite` file has one signature, of any size."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.python.convert_phase import ConverterError

from mtl_keras.errors import WorkError
from mtl_keras.export.conversion.litert import write_litert


@pytest.mark.slow
def test_its_signature_takes_any_size(tiny_model, tmp_path):
    model = tiny_model()
    write_litert(model, tmp_path / "model.tflite", "float32")
    run = Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()
    assert set(run.get_input_details()) == {"token_ids", "padding_mask"}
    for batch, length in ((1, 1), (3, 5)):
        inputs = {
            "token_ids": np.ones((batch, length), np.int32),
            "padding_mask": np.ones((batch, length), bool),
        }
        outputs = run(**inputs)
        assert {name: scores.shape for name, scores in outputs.items()} == {
            "topic": (batch, 3),
            "entities": (batch, length, 5),
        }


def test_what_it_cannot_hold_is_reported_in_a_line(tiny_model, tmp_path, monkeypatch):
    def export(model, path, **options):
        raise ConverterError("no such operation\nmuch more")

    model = tiny_model()
    monkeypatch.setattr(keras.Model, "export", export)
    with pytest.raises(WorkError, match=r"LiteRT cannot hold this model: no such operation$"):
        write_litert(model, tmp_path / "model.tflite", "int8")
