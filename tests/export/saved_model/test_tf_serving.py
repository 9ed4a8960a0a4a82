"""The files beside an export are what TensorFlow Serving reads."""

import errno
import shutil
import subprocess
import sys

import pytest
import tensorflow as tf
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from support.serving_stub import ServingStub
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from mtl_keras.errors import InputError, WorkError
from mtl_keras.export.saved_model.tf_serving import (
    IMAGE,
    MAX_BATCH_SIZE,
    WARMUP_FILE,
    write_serving_config,
    write_warmup,
)

TEXTS = ["abc d.", "", "naïve 🙂", "[SEP]", "g f e " * 50]
FILES = ["batching.config", "compose.yaml", "models.config", "monitoring.config"]


@pytest.fixture(scope="module")
def exported(every_kind_export, tmp_path_factory):
    return shutil.copytree(every_kind_export[1], tmp_path_factory.mktemp("saved") / "tickets" / "1")


@pytest.fixture(scope="module")
def stub(exported):
    return ServingStub("tickets", {1: exported})


@pytest.fixture
def config(tmp_path):
    write_serving_config(tmp_path / "tickets", "tickets")
    return tmp_path / "tickets"


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


def test_the_models_config_is_a_model_server_config(config):
    actual = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((config / "models.config").read_text(), actual)
    [model] = actual.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (
        "tickets",
        "/models/tickets",
        "tensorflow",
    )


def test_the_batching_config_is_batching_parameters(config):
    actual = published_message("BatchingParameters")
    text_format.Parse((config / "batching.config").read_text(), actual)
    assert actual.max_batch_size.value == MAX_BATCH_SIZE
    assert actual.batch_timeout_micros.value == 2000
    assert actual.max_enqueued_batches.value == 100
    assert actual.HasField("enable_large_batch_splitting")
    assert not actual.enable_large_batch_splitting.value


def test_the_monitoring_config_turns_prometheus_on(config):
    actual = published_message("MonitoringConfig")
    text_format.Parse((config / "monitoring.config").read_text(), actual)
    assert actual.prometheus_config.enable
    assert actual.prometheus_config.path == "/monitoring/prometheus/metrics"


def test_compose_starts_the_server_over_the_folder(config):
    [service] = yaml.safe_load((config / "compose.yaml").read_text())["services"].values()
    assert service["image"] == IMAGE == "tensorflow/serving:2.21.0"
    assert service["entrypoint"] == ["tensorflow_model_server"]
    [volume] = service["volumes"]
    assert (volume["source"], volume["target"], volume["read_only"]) == (
        ".",
        "/models/tickets",
        True,
    )
    flags = dict(flag.removeprefix("--").split("=") for flag in service["command"])
    assert (flags["port"], flags["rest_api_port"]) == ("8500", "8501")
    assert flags["enable_batching"] == flags["enable_model_warmup"] == "true"
    for name, file in flags.items():
        if name.endswith("_file"):
            inside = file.removeprefix("/models/tickets/")
            assert (config / inside).is_file(), "the container finds each file under its mount"
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]


@pytest.mark.slow
def test_the_health_check_tells_a_ready_model_from_others(config, stub):
    """Its command, run against a server that speaks the same REST."""
    [service] = yaml.safe_load((config / "compose.yaml").read_text())["services"].values()
    kind, *command = service["healthcheck"]["test"]
    assert kind == "CMD"
    with stub:
        port = stub.rest.rpartition(":")[2]
        command[-1] = command[-1].replace("/8501", f"/{port}")

        def healthy():
            return subprocess.run(command, capture_output=True, timeout=10).returncode == 0

        assert healthy()
        stub.states[1] = ("LOADING", "UNAVAILABLE")
        assert not healthy()
        stub.states.clear()
        assert not healthy()
    assert not healthy(), "nothing listens"


def test_a_file_that_is_there_is_left_and_one_that_cannot_be_written_is_not_there(
    config, monkeypatch
):
    assert sorted(path.name for path in config.iterdir()) == FILES
    (config / "compose.yaml").write_text("mine")
    (config / "models.config").unlink()

    def full(self, **arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_text", full)
        with pytest.raises(WorkError, match=r"models\.config: cannot be written: No space left"):
            write_serving_config(config, "other")
    assert not (config / "models.config").exists()
    assert write_serving_config(config, "other") == [config / "models.config"]
    assert (config / "compose.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "a b", "../x", "a:b", "-x", "é"])
def test_a_name_that_cannot_stand_in_an_address(tmp_path, name):
    with pytest.raises(InputError, match="expected letters, digits"):
        write_serving_config(tmp_path, name)
    assert not list(tmp_path.iterdir())


def published_message(name: str):
    """An empty message of TensorFlow Serving's that its Python package leaves out.

    The fields are those of `session_bundle_config.proto` and `monitoring_config.proto`.
    """
    integer, boolean = ".google.protobuf.Int64Value", ".google.protobuf.BoolValue"
    messages = {
        "BatchingParameters": {
            "max_batch_size": integer,
            "batch_timeout_micros": integer,
            "max_enqueued_batches": integer,
            "num_batch_threads": integer,
            "enable_large_batch_splitting": boolean,
            "max_execution_batch_size": integer,
        },
        "PrometheusConfig": {"enable": bool, "path": str},
        "MonitoringConfig": {"prometheus_config": ".published.PrometheusConfig"},
    }
    file = descriptor_pb2.FileDescriptorProto(
        name="published.proto",
        package="published",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in messages.items():
        described = file.message_type.add(name=message)
        for number, (field, kind) in enumerate(fields.items(), 1):
            added = described.field.add(name=field, number=number, label=kinds.LABEL_OPTIONAL)
            if isinstance(kind, str):
                added.type, added.type_name = kinds.TYPE_MESSAGE, kind
            else:
                added.type = {bool: kinds.TYPE_BOOL, str: kinds.TYPE_STRING}[kind]
    pool = descriptor_pool.DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    descriptor_pool.Default().FindFileByName("google/protobuf/wrappers.proto").CopyToProto(wrappers)
    pool.Add(wrappers)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"published.{name}"))()
