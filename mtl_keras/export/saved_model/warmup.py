"""Writes the requests with which TensorFlow Serving warms a SavedModel up."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.served_answers import SERVING
from mtl_keras.export.saved_model.serving_files import MAX_BATCH_SIZE, check_model_name
from mtl_keras.storage.refusals import cause
from mtl_keras.storage.writing import write_whole

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
