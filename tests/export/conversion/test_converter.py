"""LiteRT and ONNX Runtime, neither of them ours, answer as the model does."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.every_kind import TASKS

import mtl_keras as mtl
from mtl_keras.encoders.tokenizers.tokenizer_files import SETTINGS, TOKENIZER, VOCABULARY
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.export.conversion.converter import convert, in_float32
from mtl_keras.export.conversion.formats import FORMATS, LITERT, PRECISIONS
from mtl_keras.export.conversion.process import open_converted
from mtl_keras.export.conversion_card import LABELS_FILE

# Of a product's kernel, in bytes a number; tables, norms and biases may stay as they are.
WIDTH = {"float32": 4, "float16": 2, "int8": 1}
# How far a score may be off: rounding to 24, 11 and 8 bits of what is about 1.
OFF = {"float32": 1e-5, "float16": 2e-2, "int8": 0.5}


def name(of_both):
    """Of a format and a precision."""
    form, precision = of_both
    return f"{form.name}-{precision}"


@pytest.fixture(scope="module")
def model(letters):
    """A block wide enough to be quantized, a task of each kind."""
    config = EncoderConfig(
        vocabulary_size=len(letters.vocabulary),
        hidden_dim=64,
        num_layers=1,
        num_heads=2,
        intermediate_dim=512,
        max_position=64,
    )
    keras.utils.set_random_seed(0)
    model = mtl.MultiTaskModel(mtl.TextEncoder(letters, config), TASKS)
    for weight in model.weights:
        weight.assign(np.random.default_rng(0).normal(0, 0.1, weight.shape))
    return model


@pytest.fixture(scope="module", params=itertools.product(FORMATS[1:], PRECISIONS), ids=name)
def converted(request, model, tmp_path_factory):
    """The model in a format and a precision."""
    form, precision = request.param
    folder = tmp_path_factory.mktemp("converted") / "1"
    conversion = convert(model, folder, form, precision, {})
    return form, precision, folder, conversion


def batches(model):
    """Of several sizes, one text and the longest among them."""
    for texts in (["a"], ["ab c. d", "", "我" * 99], ["hello, world"] * 5, ["a"]):
        token_ids = model.encoder.tokenizer(tf.constant(texts)).token_ids
        mask = tf.sequence_mask(token_ids.row_lengths())
        yield {"token_ids": token_ids.to_tensor().numpy(), "padding_mask": mask.numpy()}


@pytest.mark.slow
def test_its_runtime_answers_as_the_model(model, converted):
    form, precision, folder, conversion = converted
    assert conversion.difference <= OFF[precision]
    assert (conversion.difference > 1e-5) == (precision != "float32"), "it has this precision"
    with open_converted(folder / form.file, form) as ask:
        for batch in batches(model):
            actual, expected = ask(batch), model.forward_pass(batch)
            assert actual.keys() == expected.keys()
            for name, scores in actual.items():
                assert scores.dtype == np.float32
                np.testing.assert_allclose(scores, expected[name], atol=OFF[precision])
        assert ask.milliseconds(batch) > 0


def test_lower_precision_is_smaller(model, converted):
    form, precision, folder, _ = converted
    block = sum(
        weight.size for weight in model.get_layer("block_0").get_weights() if weight.ndim == 2
    )
    others = 4 * (model.count_params() - block)
    graph = 90_000  # bytes that are no weights
    assert (folder / form.file).stat().st_size < WIDTH[precision] * block + others + graph


def test_what_is_beside_it(model, converted):
    form, _, folder, _ = converted
    assert {path.name for path in folder.iterdir()} == {
        *(form.file, VOCABULARY, TOKENIZER, SETTINGS, LABELS_FILE)
    }
    records = json.loads((folder / LABELS_FILE).read_text(encoding="utf-8"))
    for name, task in model.tasks.items():
        assert records[name] == {"kind": task.kind, "classes": [*task.classes]}


def test_a_full_disk_is_reported_as_one(tiny_model, tmp_path, monkeypatch):
    def export(model, path, **options):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(keras.Model, "export", export)
    with pytest.raises(OSError, match="No space left on device"):
        convert(tiny_model(), tmp_path / "1", LITERT, "float32", {})


@pytest.mark.slow
def test_a_model_of_another_precision_is_converted_in_float32(tiny_model):
    model = tiny_model(dtype="mixed_bfloat16")
    plain = in_float32(model)
    assert plain.encoder.get_config()["dtype"] == "float32"
    for weight, expected in zip(plain.weights, model.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    assert in_float32(plain) is plain
