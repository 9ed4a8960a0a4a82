"""The files beside an export are what TensorFlow Serving, Docker and Kubernetes read."""

import errno
import re
import subprocess

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from support.serving_stub import ServingStub
from tensorflow_serving.config import model_server_config_pb2

from mtl_keras.errors import InputError, WorkError
from mtl_keras.export.saved_model.serving_files import (
    IMAGE,
    MAX_BATCH_SIZE,
    kubernetes_name,
    write_serving_config,
)

FILES = [
    *(".dockerignore", "Dockerfile", "batching.config", "compose.yaml"),
    *("kubernetes.yaml", "models.config", "monitoring.config"),
]


@pytest.fixture(scope="module")
def stub(exported):
    return ServingStub("tickets", {1: exported})


@pytest.fixture
def config(tmp_path):
    write_serving_config(tmp_path / "tickets", "tickets")
    return tmp_path / "tickets"


def test_the_models_config_is_a_model_server_config(config):
    served_models = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((config / "models.config").read_text(), served_models)
    [model] = served_models.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == (
        "tickets",
        "/models/tickets",
        "tensorflow",
    )


def test_the_batching_config_is_batching_parameters(config):
    batching = published_message("BatchingParameters")
    text_format.Parse((config / "batching.config").read_text(), batching)
    assert batching.max_batch_size.value == MAX_BATCH_SIZE
    assert batching.batch_timeout_micros.value == 2000
    assert batching.max_enqueued_batches.value == 100
    assert batching.HasField("enable_large_batch_splitting")
    assert not batching.enable_large_batch_splitting.value


def test_the_monitoring_config_turns_prometheus_on(config):
    monitoring = published_message("MonitoringConfig")
    text_format.Parse((config / "monitoring.config").read_text(), monitoring)
    assert monitoring.prometheus_config.enable
    assert monitoring.prometheus_config.path == "/monitoring/prometheus/metrics"


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


def test_the_image_starts_the_server_as_compose_does(config):
    [service] = yaml.safe_load((config / "compose.yaml").read_text())["services"].values()
    lines = (config / "Dockerfile").read_text().replace("\\\n", "").splitlines()
    steps = dict(line.split(" ", 1) for line in lines if not line.startswith("#"))
    assert steps["FROM"] == IMAGE
    assert steps["COPY"].split() == [".", "/models/tickets"]
    assert yaml.safe_load(steps["ENTRYPOINT"]) == [*service["entrypoint"], *service["command"]]
    ignored = (config / ".dockerignore").read_text().split()
    assert "models.config" not in ignored


def test_kubernetes_runs_that_image_and_asks_the_model_whether_it_is_ready(config):
    documents = yaml.safe_load_all((config / "kubernetes.yaml").read_text())
    deployment, service = documents
    assert (deployment["kind"], service["kind"]) == ("Deployment", "Service")
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "tickets:1"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert ports[asked["port"]] == 8501
        assert asked["path"].startswith("/v1/models/tickets")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"] == labels
    assert {port["targetPort"] for port in service["spec"]["ports"]} == set(ports)
    assert container["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize("name", ["a", "Tickets_v2.small", "2026", "x" * 80, "a" * 62 + "_b"])
def test_a_models_name_becomes_one_of_kubernetes(name):
    assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", kubernetes_name(name))


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
