"""Writes the files that start TensorFlow Serving over a folder of versions."""

import functools
import re
from pathlib import Path

from mtl_keras.errors import InputError, shown
from mtl_keras.storage.writing import write_whole

IMAGE = "tensorflow/serving:2.21.0"
METRICS = "/monitoring/prometheus/metrics"
MAX_BATCH_SIZE = 32


def write_serving_config(folder: str | Path, model_name: str) -> list[Path]:
    """Writes the files that start TensorFlow Serving for a folder of versions.

    `compose.yaml` (`docker compose up`) runs the official image with the folder mounted read-only.
    It batches requests, warms up each version and has a health check. It reads `models.config`,
    `batching.config` and `monitoring.config`. The newest version is served; a new one takes over
    when its folder appears. `Dockerfile` builds an image with the folder in it, and
    `kubernetes.yaml` runs that image, with probes and limits. Existing files are not changed.

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
        "object": kubernetes_name(model_name),
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


def check_model_name(model_name: str) -> str:
    """Returns the name; raises `InputError` if it cannot be part of an address."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", model_name):
        raise InputError(
            f"model name {shown(model_name)}: expected letters, digits, '.', '_' and '-', since it "
            "is part of addresses and paths; rename the folder"
        )
    return model_name


def kubernetes_name(model_name: str) -> str:
    """A name as Kubernetes' services and image registries take it (RFC 1035).

    Example:

    >>> kubernetes_name("Tickets_v2.small"), kubernetes_name("2026")
    ('tickets-v2-small', 'model-2026')
    """
    name = re.sub("[^a-z0-9]+", "-", model_name.lower())
    return (name if name[0].isalpha() else f"model-{name}")[:63].strip("-")


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

_DOCKERFILE = """\
# An image with the versions of this folder in it:
#   docker build --platform linux/amd64 -t {object}:1 .
#   docker run --rm -p 127.0.0.1:8501:8501 {object}:1
FROM {image}
COPY . {home}
ENTRYPOINT ["tensorflow_model_server", \\
    "--port=8500", \\
    "--rest_api_port=8501", \\
    "--model_config_file={home}/models.config", \\
    "--monitoring_config_file={home}/monitoring.config", \\
    "--enable_batching=true", \\
    "--batching_parameters_file={home}/batching.config", \\
    "--enable_model_warmup=true"]
"""

_DOCKERIGNORE = """\
Dockerfile
.dockerignore
compose.yaml
kubernetes.yaml
"""

_KUBERNETES = """\
# kubectl apply -f kubernetes.yaml, after the image of the Dockerfile was pushed and named below.
# It is reached inside the cluster only: put authentication and TLS in front of it (an Ingress).
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {object}
  labels: {{app: {object}}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app: {object}}}
  template:
    metadata:
      labels: {{app: {object}}}
    spec:
      nodeSelector: {{kubernetes.io/arch: amd64}}
      containers:
        - name: serving
          image: {object}:1  # with its registry
          ports:
            - {{name: grpc, containerPort: 8500}}
            - {{name: rest, containerPort: 8501}}
          startupProbe:  # loading and warming up
            httpGet: {{path: /v1/models/{name}, port: rest}}
            periodSeconds: 5
            failureThreshold: 60
          readinessProbe:
            httpGet: {{path: /v1/models/{name}/metadata, port: rest}}
            periodSeconds: 10
            timeoutSeconds: 5
          livenessProbe:
            httpGet: {{path: /v1/models/{name}, port: rest}}
            periodSeconds: 20
            timeoutSeconds: 5
          resources:  # measure yours: the metrics are at {metrics}
            requests: {{cpu: "1", memory: 1Gi}}
            limits: {{memory: 2Gi}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata:
  name: {object}
  labels: {{app: {object}}}
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/port: "8501"
    prometheus.io/path: {metrics}
spec:
  selector: {{app: {object}}}
  ports:
    - {{name: grpc, port: 8500, targetPort: grpc}}
    - {{name: rest, port: 8501, targetPort: rest}}
"""

_TEMPLATES = {
    "models.config": _MODELS,
    "batching.config": _BATCHING,
    "monitoring.config": _MONITORING,
    "compose.yaml": _COMPOSE,
    "Dockerfile": _DOCKERFILE,
    ".dockerignore": _DOCKERIGNORE,
    "kubernetes.yaml": _KUBERNETES,
}
