"""Keras's `model.export`, of a model that takes strings."""

import pytest
import tensorflow as tf

from mtl_keras.errors import InputError


@pytest.mark.slow
def test_what_is_exported_takes_strings(tiny_model, tmp_path):
    model = tiny_model()
    model.export(tmp_path / "export", verbose=False)
    serve = tf.saved_model.load(str(tmp_path / "export")).signatures["serving_default"]
    answer = serve(text=tf.constant(["a b"]))
    assert answer["topic/label"].numpy()[0].decode() == model.predict(["a b"])[0]["topic"]["label"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"format": "onnx"}, "Received: 'onnx'.*mtl_keras.publish"),
        ({"input_signature": []}, "not take 'input_signature'.*leave it out"),
    ],
)
def test_other_forms_say_what_does_it(given, message, tiny_model, tmp_path):
    with pytest.raises(InputError, match=message):
        tiny_model().export(tmp_path / "export", **given)
