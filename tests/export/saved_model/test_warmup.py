"""Warm-up requests are what TensorFlow Serving runs before a version takes traffic."""

import sys

import pytest
import tensorflow as tf
from support.serving_stub import ServingStub
from tensorflow_serving.apis import prediction_log_pb2

from mtl_keras.errors import InputError, WorkError
from mtl_keras.export.saved_model.serving_files import MAX_BATCH_SIZE
from mtl_keras.export.saved_model.warmup import WARMUP_FILE, write_warmup

TEXTS = ["abc d.", "", "naïve 🙂", "[SEP]", "g f e " * 50]


@pytest.fixture(scope="module")
def stub(exported):
    return ServingStub("tickets", {1: exported})


def read_requests(path):
    serialized = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    records = [prediction_log_pb2.PredictionLog.FromString(record) for record in serialized]
    assert {record.WhichOneof("log_type") for record in records} == {"predict_log"}
    return [record.predict_log.request for record in records]


@pytest.mark.slow
def test_every_warm_up_request_runs_on_the_export(exported, stub):
    path = write_warmup(exported, TEXTS, model_name="tickets")
    assert path == exported / "assets.extra" / "tf_serving_warmup_requests"
    asked = []
    for request in read_requests(path):
        assert request.model_spec.name == "tickets"
        [(key, tensor)] = request.inputs.items()
        texts = tf.make_ndarray(tensor)
        assert key == "text"
        assert {text.decode() for text in texts} <= set(TEXTS)
        asked.append((request.model_spec.signature_name, len(texts)))
        outputs = stub.predict(request).outputs
        assert all(len(tf.make_ndarray(output)) == len(texts) for output in outputs.values())
    assert asked[:3] == [("serving_default", size) for size in (1, 8, MAX_BATCH_SIZE)]
    others = ("embed", "entities", "flags", "labels", "parts", "reading", "stars", "topic")
    assert sorted(asked[3:]) == [(name, 1) for name in others]


def test_warm_up_sizes_and_their_limit(exported):
    path = write_warmup(exported, ["a"], model_name="m", batch_sizes=[2] * 1200)
    requests = read_requests(path)
    assert len(requests) == 1000
    assert {tuple(tf.make_ndarray(request.inputs["text"])) for request in requests} == {
        (b"a", b"a")
    }


def test_warm_up_that_cannot_be_written(exported, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no texts to warm up with"):
        write_warmup(exported, [], model_name="tickets")
    with pytest.raises(InputError, match=r"saved_model\.pb: cannot be read: No such file"):
        write_warmup(tmp_path, TEXTS, model_name="tickets")
    with pytest.raises(InputError, match="model name 'a b': expected letters"):
        write_warmup(exported, TEXTS, model_name="a b")
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'mtl_keras\[serving\]'"):
        write_warmup(exported, TEXTS, model_name="tickets")


def test_a_full_disk_leaves_the_warm_up_of_before(exported, monkeypatch):
    path = write_warmup(exported, TEXTS, model_name="before")

    class Full(tf.io.TFRecordWriter):
        def write(self, record):
            raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.io, "TFRecordWriter", Full)
    with pytest.raises(WorkError, match="cannot be written: No space left on device; make room"):
        write_warmup(exported, TEXTS, model_name="after")
    assert {request.model_spec.name for request in read_requests(path)} == {"before"}
    assert [child.name for child in path.parent.iterdir()] == [WARMUP_FILE.name]
