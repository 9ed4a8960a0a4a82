"""A stand-in for TensorFlow Serving on loopback, over exports: its gRPC messages, its REST JSON.

It refuses what the server refuses, in the server's words; written after the server's sources:
`http_rest_api_handler.cc`, `json_tensor.cc`, `predict_util.cc`, `batching_session.cc`.
"""

import base64
import functools
import json
import re
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

HTTP = {"INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "NOT_FOUND": 404, "UNAVAILABLE": 503}
SIGNATURES = "signature_def"


class StubError(Exception):
    """A status of gRPC with its message."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code, self.message = code, message


class ServingStub:
    """Serves versions of one model, batching as `batching.config` asks; a context manager.

    `states` may be changed: version → its state and the reason. `delay` is in seconds.
    """

    def __init__(self, model: str, versions: Mapping[int, Path], max_batch_size: int = 32):
        self.model, self.max_batch_size, self.delay = model, max_batch_size, 0.0
        self.loaded = {version: _load(path) for version, path in versions.items()}
        self.states = dict.fromkeys(versions, ("AVAILABLE", ""))

    def __enter__(self):
        self._rest = ThreadingHTTPServer(("127.0.0.1", 0), _rest_handler(self))
        self._thread = threading.Thread(target=self._rest.serve_forever)
        self._thread.start()
        self.rest = f"http://127.0.0.1:{self._rest.server_port}"
        self._grpc = grpc.server(ThreadPoolExecutor(4))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            _Prediction(self), self._grpc
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(self), self._grpc)
        self.grpc = f"grpc://127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._grpc.start()
        return self

    def __exit__(self, *error):
        self._rest.shutdown()
        self._rest.server_close()
        self._thread.join()
        self._grpc.stop(0).wait()

    def predict(self, request):
        time.sleep(self.delay)
        version = self._version(request.model_spec)
        loaded, signatures = self.loaded[version]
        name = request.model_spec.signature_name or "serving_default"
        if name not in signatures:
            raise StubError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
        inputs = {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
        _check_inputs(signatures[name], inputs)
        rows = self._check_batch(inputs)
        actual = loaded.signatures[name](
            **{key: tf.constant(array) for key, array in inputs.items()}
        )
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(request.model_spec)
        response.model_spec.version.value = version
        for key, value in actual.items():
            if value.shape.rank == 0 or value.shape[0] != rows:
                raise StubError(
                    "FAILED_PRECONDITION",
                    "Batched output tensor's 0th dimension does not equal the sum of the 0th "
                    "dimension sizes of the input tensors",
                )
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return response

    def metadata(self, request):
        version = self._version(request.model_spec)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in self.loaded[version][1].items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = self.model
        response.model_spec.version.value = version
        response.metadata[SIGNATURES].Pack(signatures)
        return response

    def status(self, request):
        if request.model_spec.name != self.model or not self.states:
            raise StubError(
                "NOT_FOUND", f"Could not find any versions of model {request.model_spec.name}"
            )
        response = get_model_status_pb2.GetModelStatusResponse()
        for version, (state, reason) in sorted(self.states.items(), reverse=True):
            version_status = response.model_version_status.add(version=version, state=state)
            version_status.status.error_message = reason
            version_status.status.error_code = 13 if reason else 0
        return response

    def _version(self, model_spec) -> int:
        ready = [version for version, (state, _) in self.states.items() if state == "AVAILABLE"]
        asked = model_spec.version.value if model_spec.HasField("version") else None
        if model_spec.name != self.model or not ready or (asked is not None and asked not in ready):
            which = f"Latest({model_spec.name})"
            if asked is not None:
                which = f"Specific({model_spec.name}, {asked})"
            raise StubError("NOT_FOUND", f"Servable not found for request: {which}")
        return max(ready) if asked is None else asked

    def _check_batch(self, inputs) -> int:
        if not inputs:
            raise StubError(
                "INVALID_ARGUMENT", "Batching Run() must have at least one input tensor"
            )
        rows = len(next(iter(inputs.values())))
        if rows > self.max_batch_size:
            raise StubError(
                "INVALID_ARGUMENT",
                f"Task size {rows} is larger than maximum input batch size {self.max_batch_size}",
            )
        return rows


@functools.cache
def _load(path: Path) -> tuple:
    saved_model = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    return tf.saved_model.load(str(path)), dict(saved_model.meta_graphs[0].signature_def)


def _check_inputs(signature, inputs) -> None:
    if inputs.keys() != signature.inputs.keys():
        raise StubError(
            "INVALID_ARGUMENT",
            f"input size does not match signature: {len(inputs)}!={len(signature.inputs)}",
        )
    for place, (name, info) in enumerate(signature.inputs.items()):
        came, expected = tf.as_dtype(inputs[name].dtype), tf.as_dtype(info.dtype)
        if (came == tf.string) != (expected == tf.string):
            raise StubError(
                "INVALID_ARGUMENT",
                f"Expects arg[{place}] to be {expected.name} but {came.name} is provided",
            )


def _over_grpc(method):
    def serve(self, request, context):
        try:
            return method(self.stub, request)
        except StubError as error:
            context.abort(getattr(grpc.StatusCode, error.code), error.message)

    return serve


class _Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, stub):
        self.stub = stub

    Predict = _over_grpc(ServingStub.predict)
    GetModelMetadata = _over_grpc(ServingStub.metadata)


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, stub):
        self.stub = stub

    GetModelStatus = _over_grpc(ServingStub.status)


def _rest_handler(stub: ServingStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer(lambda: _get(stub, self.path))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(lambda: _post(stub, self.path, body))

        def log_message(self, *values):
            pass

        def _answer(self, ask):
            try:
                status, actual = 200, ask()
            except StubError as error:
                status, actual = HTTP[error.code], {"error": error.message}
            body = json.dumps(actual, indent=1, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _get(stub: ServingStub, path: str) -> dict:
    actual = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/(\d+))?(/metadata)?", path)
    if not actual:
        raise StubError("INVALID_ARGUMENT", f"Malformed request: GET {path}")
    model, version, metadata = actual.groups()
    if not metadata:
        request = get_model_status_pb2.GetModelStatusRequest()
        _name(request.model_spec, model, version)
        return _json(stub.status(request))
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[SIGNATURES])
    _name(request.model_spec, model, version)
    response = stub.metadata(request)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata[SIGNATURES].Unpack(signatures)
    return {
        "model_spec": _json(response.model_spec),
        "metadata": {SIGNATURES: _json(signatures)},
    }


def _post(stub: ServingStub, path: str, body: bytes) -> dict:
    actual = re.fullmatch(r"/v1/models/([^/:]+)(?:/versions/(\d+))?:predict", path)
    if not actual:
        raise StubError("INVALID_ARGUMENT", f"Malformed request: POST {path}")
    asked = json.loads(body)
    request = predict_pb2.PredictRequest()
    _name(request.model_spec, *actual.groups())
    name = request.model_spec.signature_name = asked.get("signature_name", "serving_default")
    signatures = stub.loaded[stub._version(request.model_spec)][1]
    if name not in signatures:
        raise StubError(
            "INVALID_ARGUMENT", f'Serving signature name: "{name}" not found in signature def'
        )
    if not signatures[name].inputs:
        raise StubError("INVALID_ARGUMENT", f"Failed to get input map for signature: {name}")
    for key, info in signatures[name].inputs.items():
        if key not in asked["inputs"]:
            raise StubError("INVALID_ARGUMENT", f"Missing named input: {key} in 'inputs' object.")
        request.inputs[key].CopyFrom(_from_json(asked["inputs"][key], info))
    outputs = {key: _to_json(key, output) for key, output in stub.predict(request).outputs.items()}
    return {"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}


def _name(model_spec, model: str, version: str | None) -> None:
    model_spec.name = model
    if version:
        model_spec.version.value = int(version)


def _json(message) -> dict:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _from_json(values, info):
    for value in values:
        if not isinstance(value, str):
            raise StubError(
                "INVALID_ARGUMENT",
                f"JSON Value: {json.dumps(value)} Type: Number is not of expected type: string",
            )
    return tf.make_tensor_proto([value.encode() for value in values], info.dtype, [len(values)])


def _to_json(name: str, tensor):
    array = tf.make_ndarray(tensor)
    if array.dtype == object:
        binary = name.endswith("_bytes")
        return _nested(array, lambda item: _base64(item) if binary else item.decode())
    return _nested(array, _decimal) if array.dtype == np.float32 else array.tolist()


def _nested(array, write):
    return [_nested(item, write) for item in array] if np.ndim(array) else write(_item(array))


def _item(value):
    return value.item() if isinstance(value, np.ndarray) else value


def _base64(value: bytes) -> dict:
    return {"b64": base64.b64encode(value).decode()}


def _decimal(value: float) -> float:
    """Six digits where they give the same float32, else nine."""
    short = float(f"{value:.6g}")
    return short if np.float32(short) == np.float32(value) else float(f"{value:.9g}")
