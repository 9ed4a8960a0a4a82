"""Writes what TensorFlow Serving needs besides a SavedModel: warm-up requests, configuration."""

import functools
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from mtl_keras.errors import InputError, shown
from mtl_keras.export.saved_model.served_answers import SERVING
from mtl_keras.storage.refusals import cause
from mtl_keras.storage.writing import write_whole

IMAGE = "tensorflow/serving:2.21.0"
METRICS = "/monitoring/prometheus/metrics"
MAX_BATCH_SIZE = 32
WARMUP_SIZES = (1, 8, MAX_BATCH_SIZE)
WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MAX_WARMUP_REQUESTS = 1000  # TensorFlow Serving refuses a model with more


def write_warmup(
    saved_model: str | Path,
    texts: Sequence[str | bytes],
    *,
    model_name: str,
    batch_sizes: Sequence[int] = WARMUP_SIZES,
) -> Path:
    """Writes the requests that TensorFlow Serving runs before a version takes traffic.

    There is a request to `serving_default` for each batch size, and one with a single text to every
    other signature, so that no user waits for a graph's first run; at most 1,000, the server's
    limit. The file, `assets.extra/tf_serving_warmup_requests`, holds `PredictionLog` messages in a
    TFRecord.

    Args:
        saved_model: the folder of one version.
        texts: typical texts; they are repeated to fill a batch.
        model_name: the model's name on the server.
        batch_sizes: texts per request to `serving_default`.

    Returns:
        The file.

    Raises:
        InputError: there is no SavedModel, there are no texts, or `tensorflow-serving-api` is not
            installed.
        WorkError: the file could not be written; nothing is left behind.
    """
    path = Path(saved_model) / WARMUP_FILE
    if not texts:
        raise InputError(f"{path}: no texts to warm up with; give some that users would send")
    asked = [(SERVING, size) for size in batch_sizes]
    asked += [(name, 1) for name in _signatures(Path(saved_model)) if name != SERVING]
    records = (
        _prediction_log(check_model_name(model_name), signature, _first(texts, size))
        for signature, size in asked[:MAX_WARMUP_REQUESTS]
    )
    serialized = [record.SerializeToString() for record in records]
    write_whole(path, lambda beside: _write_records(beside, serialized))
    return path


def write_serving_config(folder: str | Path, model_name: str) -> list[Path]:
    """Writes the files that start TensorFlow Serving for a folder of versions: `docker compose up`.

    `compose.yaml` runs the official image with the folder mounted read-only. It batches requests,
    warms up each version and has a health check. It reads `models.config`, `batching.config` and
    `monitoring.config`. The newest version is served; a new one takes over when its folder appears.
    Existing files are not changed.

    Args:
        folder: of the versions, such as `saved_models/tickets` with `1/` and `2/`.
        model_name: the model's name for clients.

    Returns:
        The files that were written.

    Raises:
        InputError: the name cannot be part of an address.
        WorkError: a file could not be written; no part of it is left.
    """
    home = f"/models/{check_model_name(model_name)}"  # as the container sees the folder
    values = {
        "name": model_name,
        "home": home,
        "image": IMAGE,
        "metrics": METRICS,
        "max_batch_size": MAX_BATCH_SIZE,
    }
    written = []
    for name, template in _TEMPLATES.items():
        path = Path(folder) / name
        if path.exists():
            continue
        content = template.format(**values)
        write_whole(path, functools.partial(Path.write_text, data=content, encoding="utf-8"))
        written.append(path)
    return written


def _signatures(saved_model: Path) -> list[str]:
    """The signatures that take texts and nothing else."""
    path = saved_model / "saved_model.pb"
    try:
        graph = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {cause(error, 'give the folder of one version')}"
        ) from None
    signatures = graph.meta_graphs[0].signature_def
    return sorted(name for name, graph in signatures.items() if list(graph.inputs) == ["text"])


def _prediction_log(model_name: str, signature: str, texts: Sequence[bytes]) -> Any:
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        raise InputError(
            "warm-up requests need tensorflow-serving-api, which is not installed: "
            "pip install 'mtl_keras[serving]'"
        ) from None
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model_name
    request.model_spec.signature_name = signature
    request.inputs["text"].CopyFrom(tf.make_tensor_proto(texts))
    return prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )


def _first(texts: Sequence[str | bytes], count: int) -> list[bytes]:
    chosen = itertools.islice(itertools.cycle(texts), count)
    return [text.encode() if isinstance(text, str) else text for text in chosen]


def _write_records(path: Path, records: Sequence[bytes]) -> None:
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                writer.write(record)
    except tf.errors.OpError as error:
        raise OSError(error.message) from error


def check_model_name(model_name: str) -> str:
    """Returns the name; raises `InputError` if it cannot be part of an address."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", model_name):
        raise InputError(
            f"model name {shown(model_name)}: expected letters, digits, '.', '_' and '-', since it "
            "is part of addresses and paths; rename the folder"
        )
    return model_name


_MODELS = """\
# TensorFlow Serving serves the newest version in this folder.
model_config_list {{
  config {{
    name: "{name}"
    base_path: "{home}"
    model_platform: "tensorflow"
  }}
}}
"""

_BATCHING = """\
# Texts of simultaneous requests go through the encoder together.
max_batch_size {{ value: {max_batch_size} }}
# How long a text waits for others: 2 ms.
batch_timeout_micros {{ value: 2000 }}
# How many batches may wait; further requests are refused at once (UNAVAILABLE).
max_enqueued_batches {{ value: 100 }}
# A request with more texts than a batch is refused. Its parts could not be joined again, because
# entities are padded to the largest number in each batch.
enable_large_batch_splitting {{ value: false }}
# No allowed_batch_sizes: this graph runs batches of any size, so padding them would waste work.
"""

_MONITORING = """\
# Prometheus reads http://localhost:8501{metrics}. Worth watching:
#   :tensorflow:serving:request_count      by status; anything but OK needs attention
#   :tensorflow:serving:request_latency    microseconds, a histogram by API and entrypoint
#   :tensorflow:serving:batching_session:queuing_latency   microseconds that texts waited
#   :tensorflow:cc:saved_model:load_attempt_count          by status: a version that fails to load
prometheus_config {{
  enable: true
  path: "{metrics}"
}}
"""

_COMPOSE = """\
# docker compose up --wait: TensorFlow Serving for the newest version in this folder.
# REST on 8501, gRPC on 8500, Prometheus metrics on 8501{metrics}.
services:
  serving:
    image: {image}
    platform: linux/amd64  # the image is built for no other
    entrypoint: [tensorflow_model_server]
    command:
      - --port=8500
      - --rest_api_port=8501
      - --model_config_file={home}/models.config
      - --monitoring_config_file={home}/monitoring.config
      - --enable_batching=true
      - --batching_parameters_file={home}/batching.config
      - --enable_model_warmup=true
    ports:  # for this machine only: TensorFlow Serving has no authentication
      - "127.0.0.1:8500:8500"
      - "127.0.0.1:8501:8501"
    volumes:
      - type: bind
        source: .
        target: {home}
        read_only: true
    healthcheck:  # with bash, since the image has no curl
      test:
        - CMD
        - bash
        - -c
        - >-
          exec 3<>/dev/tcp/127.0.0.1/8501 &&
          printf 'GET /v1/models/{name} HTTP/1.0\\r\\n\\r\\n' >&3 &&
          grep -Eq '"state": *"AVAILABLE"' <&3
      interval: 10s
      timeout: 5s
      start_period: 60s
    restart: unless-stopped
"""

_TEMPLATES = {
    "models.config": _MODELS,
    "batching.config": _BATCHING,
    "monitoring.config": _MONITORING,
    "compose.yaml": _COMPOSE,
}
