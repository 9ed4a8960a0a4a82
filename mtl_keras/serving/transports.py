"""Requests to TensorFlow Serving, by REST or gRPC."""

import contextlib
import functools
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from mtl_keras.errors import InputError, WorkError

EXTRA = "which is not installed: pip install 'mtl_keras[serving]'"


class Served(NamedTuple):
    """One version of a model, as the server describes it: signature → names of its outputs."""

    version: int
    signatures: Mapping[str, Sequence[str]]


class RefusalError(Exception):
    """The server refused the request as wrong."""


class UnknownError(RefusalError):
    """The server has no such model, or no such version of it."""


class Transport(Protocol):
    """Sends requests about one model to one server. `timeout` is in seconds.

    Raises:
        RefusalError: the server refuses the request as wrong.
        WorkError: there is no server, it does not answer in time, or it failed.
    """

    def describe(self, version: int | None, timeout: float) -> Served:
        """The version asked for, or the newest that is available."""

    def run(
        self, served: Served, signature: str, texts: Sequence[str], timeout: float
    ) -> dict[str, np.ndarray]:
        """Name → output of a signature that takes `text`; strings are bytes or str."""

    def states(self, timeout: float) -> dict[int, str]:
        """Version → state, with the reason if it could not be loaded."""

    def close(self) -> None:
        """Closes the connection."""


class RestTransport:
    """The REST API, with nothing but the standard library.

    Source: https://www.tensorflow.org/tfx/serving/api_rest
    """

    def __init__(self, address: str, model: str):
        self.address = address.rstrip("/")
        self._path = f"/v1/models/{model}"

    def describe(self, version: int | None, timeout: float) -> Served:
        path = self._path if version is None else f"{self._path}/versions/{version}"
        answer = self._ask(f"{path}/metadata", timeout)
        signatures = answer["metadata"]["signature_def"]["signature_def"]
        outputs = {name: list(graph.get("outputs", ())) for name, graph in signatures.items()}
        return Served(int(answer["model_spec"]["version"]), _callable(outputs))

    def run(
        self, served: Served, signature: str, texts: Sequence[str], timeout: float
    ) -> dict[str, np.ndarray]:
        body = json.dumps({"signature_name": signature, "inputs": {"text": list(texts)}})
        path = f"{self._path}/versions/{served.version}:predict"
        outputs = self._ask(path, timeout, body.encode())["outputs"]
        names = served.signatures.get(signature, ())
        if len(names) == 1:  # the server omits the name of a single output
            outputs = {names[0]: outputs}
        return {name: np.array(values) for name, values in outputs.items()}

    def states(self, timeout: float) -> dict[int, str]:
        versions = self._ask(self._path, timeout)["model_version_status"]
        return {
            int(one["version"]): _state(one["state"], one["status"].get("error_message", ""))
            for one in versions
        }

    def close(self) -> None:
        pass  # each request opens its own connection

    def _ask(self, path: str, timeout: float, body: bytes | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data=body, headers=headers)
        with (
            _rest_errors(self.address, timeout),
            urllib.request.urlopen(request, timeout=timeout) as response,
        ):
            return json.load(response)


class GrpcTransport:
    """The gRPC API, with the messages of the package `tensorflow-serving-api`."""

    def __init__(self, address: str, model: str):
        try:
            import grpc
            from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc
        except ImportError:
            raise InputError(f"{address}: gRPC needs tensorflow-serving-api, {EXTRA}") from None
        self.address, self._model = address, model
        unlimited = [("grpc.max_receive_message_length", -1)]
        target = address.removeprefix("grpc://").rstrip("/")
        self._channel = grpc.insecure_channel(target, options=unlimited)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def describe(self, version: int | None, timeout: float) -> Served:
        from tensorflow_serving.apis import get_model_metadata_pb2 as messages

        request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
        self._name(request.model_spec, version)
        response = self._ask(self._prediction.GetModelMetadata, request, timeout)
        signatures = messages.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        outputs = {name: list(graph.outputs) for name, graph in signatures.signature_def.items()}
        return Served(response.model_spec.version.value, _callable(outputs))

    def run(
        self, served: Served, signature: str, texts: Sequence[str], timeout: float
    ) -> dict[str, np.ndarray]:
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        self._name(request.model_spec, served.version)
        request.model_spec.signature_name = signature
        encoded = [text.encode() for text in texts]
        request.inputs["text"].CopyFrom(tf.make_tensor_proto(encoded, tf.string, [len(texts)]))
        response = self._ask(self._prediction.Predict, request, timeout)
        return {name: tf.make_ndarray(output) for name, output in response.outputs.items()}

    def states(self, timeout: float) -> dict[int, str]:
        from tensorflow_serving.apis import get_model_status_pb2 as messages

        request = messages.GetModelStatusRequest()
        self._name(request.model_spec, None)
        response = self._ask(self._models.GetModelStatus, request, timeout)
        name = messages.ModelVersionStatus.State.Name
        return {
            one.version: _state(name(one.state), one.status.error_message)
            for one in response.model_version_status
        }

    def close(self) -> None:
        self._channel.close()

    def _name(self, model_spec: Any, version: int | None) -> None:
        model_spec.name = self._model
        if version is not None:
            model_spec.version.value = version

    def _ask(self, method: Any, request: Any, timeout: float) -> Any:
        with _grpc_errors(self.address, timeout):
            return method(request, timeout=timeout)


def _callable(outputs: dict[str, list[str]]) -> dict[str, list[str]]:
    """The signatures, without those that only TensorFlow's loader calls."""
    return {name: names for name, names in outputs.items() if not name.startswith("__")}


def _state(state: str, reason: str) -> str:
    return f"{state}: {reason}" if reason else state


@contextlib.contextmanager
def _rest_errors(address: str, timeout: float) -> Iterator[None]:
    try:
        yield
    except urllib.error.HTTPError as error:
        raise _rest_error(address, error) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, TimeoutError):
            raise _too_slow(address, timeout) from None
        raise WorkError(
            f"{address}: no TensorFlow Serving answers REST here: {str(reason) or repr(reason)}; "
            "start it, or check the address and the port"
        ) from None


def _rest_error(address: str, error: urllib.error.HTTPError) -> Exception:
    with error:
        body = error.read().decode(errors="replace")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        body = json.loads(body)["error"]
    kinds = {400: RefusalError, 404: UnknownError}
    kind = kinds.get(error.code, functools.partial(_failed, address))
    return kind(body or f"{error.code} {error.reason}")


@contextlib.contextmanager
def _grpc_errors(address: str, timeout: float) -> Iterator[None]:
    import grpc

    try:
        yield
    except grpc.RpcError as error:
        code, details = error.code(), error.details()
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            raise _too_slow(address, timeout) from None
        kinds = {
            grpc.StatusCode.INVALID_ARGUMENT: RefusalError,
            grpc.StatusCode.FAILED_PRECONDITION: RefusalError,
            grpc.StatusCode.NOT_FOUND: UnknownError,
        }
        raise kinds.get(code, functools.partial(_failed, address))(details) from None


def _too_slow(address: str, timeout: float) -> WorkError:
    return WorkError(
        f"{address}: no answer within {timeout:g} s; ask for fewer texts or allow a longer timeout"
    )


def _failed(address: str, message: str) -> WorkError:
    return WorkError(f"{address}: {message}; ask again, or see the server's log")
