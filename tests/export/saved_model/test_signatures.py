"""The SavedModel answers as the model does, from raw strings and core operations."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.python.saved_model import loader_impl

import mtl_keras as mtl
from mtl_keras.errors import InputError, WorkError
from mtl_keras.export.saved_model.signatures import export_saved_model
from mtl_keras.models.prediction import answer

TEXTS = [
    "abc d. gg ff!",
    "",
    "   ",
    "aaa bcd aaa. (efg)",
    "[SEP] [CLS] a",
    "naïve ÀÉ ß ﬁ … 漢字 🙂 שלום",
    "a" * 300,
    "g f e d c b a " * 40,
]


@pytest.fixture(scope="module")
def model(every_kind_export):
    return every_kind_export[0]


@pytest.fixture(scope="module")
def exported(every_kind_export):
    _, path = every_kind_export
    return path, tf.saved_model.load(str(path)).signatures


@pytest.mark.slow
def test_every_answer_is_the_models(model, exported):
    _, signatures = exported
    actual = {k: v.numpy() for k, v in signatures["serving_default"](tf.constant(TEXTS)).items()}
    for row, (text, expected) in enumerate(zip(TEXTS, answer(model, TEXTS), strict=True)):
        topic, flags = expected["topic"], expected["flags"]
        assert actual["topic/label"][row].decode() == topic["label"]
        np.testing.assert_allclose(actual["topic/score"][row], topic["score"], atol=1e-5)
        np.testing.assert_allclose(
            actual["topic/scores"][row], [*topic["scores"].values()], atol=1e-5
        )
        count = actual["flags/count"][row]
        assert [label.decode() for label in actual["flags/label"][row, :count]] == flags["labels"]
        np.testing.assert_allclose(
            actual["flags/scores"][row], [*flags["scores"].values()], atol=1e-5
        )
        np.testing.assert_allclose(
            actual["stars/value"][row], expected["stars"]["value"], atol=1e-5
        )
        for task in ("entities", "parts"):
            passages = expected[task]
            assert actual[f"{task}/count"][row] == len(passages)
            for place, passage in enumerate(passages):
                start, limit, label, score = (
                    actual[f"{task}/{name}"][row, place]
                    for name in ("starts", "limits", "label", "score")
                )
                assert text.encode()[start:limit].decode() == passage["text"]
                assert label.decode() == passage["label"]
                np.testing.assert_allclose(score, passage["score"], atol=1e-5)
    assert actual["entities/count"].max() > 2, "a test without entities would show nothing"


@pytest.mark.slow
def test_each_task_has_its_signature(model, exported):
    _, signatures = exported
    everything = signatures["serving_default"](tf.constant(TEXTS))
    for name in model.tasks:
        own = signatures[name](tf.constant(TEXTS))
        assert own.keys() == {key for key in everything if key.startswith(f"{name}/")}
        for key, value in own.items():
            if value.dtype == tf.string:
                assert value.numpy().tolist() == everything[key].numpy().tolist()
            else:
                np.testing.assert_allclose(value, everything[key], atol=1e-6)


def test_embeddings_and_labels(model, exported):
    _, signatures = exported
    embedded = signatures["embed"](tf.constant(TEXTS))["embedding"]
    np.testing.assert_allclose(
        embedded, model.encoder.encode(TEXTS)["sentence_embedding"], atol=1e-5
    )
    actual = signatures["labels"](tf.constant(["any", "text"]))
    assert all(len(column) == 2 for column in actual.values()), "a row a text, for batching"
    labels = {name: column[1].numpy().tolist() for name, column in actual.items()}
    assert labels == {
        "topic": [b"x", "ý".encode(), b"<b>z</b>"],
        "entities": [b"city", b"product"],
        "flags": [b"p", b"q", b"r"],
        "parts": [b"NOUN", b"O", b"B-x"],
    }


@pytest.mark.parametrize("text", [b"\xff\xfe a\xc3", b"a\x00b", b"a" * 2**20, b"\xed\xa0\x80"])
def test_any_bytes_are_a_text(exported, text):
    _, signatures = exported
    actual = signatures["serving_default"](tf.constant([text]))
    assert np.isfinite(actual["topic/scores"]).all()
    limits = actual["entities/limits"].numpy()
    assert limits.size == 0 or limits.max() <= len(text)


def test_no_text_gives_no_answer(exported):
    _, signatures = exported
    actual = signatures["serving_default"](tf.constant([], tf.string))
    assert all(value.shape[0] == 0 for value in actual.values())


def test_the_graph_has_core_operations_and_the_tokenizers_two(exported):
    path, _ = exported
    graph = loader_impl.parse_saved_model(str(path)).meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
    text = {"FastBertNormalize", "FastWordpieceTokenizeWithOffsets"}
    own = {"TFText", "PyFunc", "EagerPyFunc"}
    kinds = {node.op for node in nodes}
    assert text <= {kind.removeprefix("TFText>") for kind in kinds}
    assert not [
        kind
        for kind in kinds
        if kind.startswith(tuple(own)) and kind.removeprefix("TFText>") not in text
    ]


def test_all_signatures_and_blocks_share_one_graph_of_a_block(exported):
    path, _ = exported
    graph = loader_impl.parse_saved_model(str(path)).meta_graphs[0].graph_def
    kinds = [node.op for function in graph.library.function for node in function.node_def]
    assert kinds.count("Softmax") == 1 + 3  # and three heads


def test_what_cannot_be_exported_is_refused(model, exported, tiny_encoder):
    path, _ = exported
    with pytest.raises(InputError, match="already exists; export to a new version number"):
        export_saved_model(model, path)
    embed = [mtl.Task("embed", labels=["x", "y"])]
    clashing = mtl.MultiTaskModel(tiny_encoder(), embed, has_names=True)
    with pytest.raises(InputError, match="'embed' is the name of a signature; rename the task"):
        export_saved_model(clashing, path.parent / "2")


@pytest.mark.slow
def test_two_exports_of_a_model_have_equal_weights_and_graphs(model, exported, tmp_path):
    first, second = exported[0], export_saved_model(model, tmp_path / "2")
    for name in ("variables.data-00000-of-00001", "variables.index"):
        assert (first / "variables" / name).read_bytes() == (
            second / "variables" / name
        ).read_bytes()
    assert _graph(first) == _graph(second)


def test_every_weight_is_written_once(model, exported):
    checkpoint = tf.train.load_checkpoint(str(exported[0] / "variables" / "variables"))
    shapes = checkpoint.get_variable_to_shape_map()
    written = sorted(tuple(shape) for name, shape in shapes.items() if "VARIABLE" in name)
    assert written == sorted(tuple(weight.shape) for weight in model.weights)


def _graph(path) -> list[str]:
    """Its functions and nodes, without debug names and the numbers that names are counted with."""
    saved, _ = loader_impl.parse_saved_model_with_debug_info(str(path))
    [graph] = [graph.graph_def for graph in saved.meta_graphs]
    for function in graph.library.function:
        function.ClearField("arg_attr")
    for node in graph.node:
        node.attr.pop("_user_specified_name", None)
    parts = [*graph.node, *graph.library.function]
    texts = (json_format.MessageToJson(part, sort_keys=True) for part in parts)
    return sorted(re.sub(r"_[0-9]+", "", text) for text in texts)


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(tiny_model, tmp_path, monkeypatch):
    def save(archive, path, **options):
        Path(path).mkdir()
        (Path(path) / "saved_model.pb").touch()
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", save)
    with pytest.raises(WorkError, match="1: cannot be written: No space left on device; make room"):
        export_saved_model(tiny_model(), tmp_path / "1")
    assert not list(tmp_path.iterdir())
