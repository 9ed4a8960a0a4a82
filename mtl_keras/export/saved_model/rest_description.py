"""What TensorFlow Serving answers over REST for an export, as an OpenAPI document."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mtl_keras.errors import InputError
from mtl_keras.export.saved_model.served_answers import SERVING
from mtl_keras.storage.regular_files import open_regular

if TYPE_CHECKING:
    import tensorflow as tf

FILE, TASKS, KINDS = "openapi.json", "x-tasks", "x-kinds"
Value = TypeVar("Value")
LONGEST = 1 << 24  # bytes of such a file that are read
Outputs = Mapping[str, "tf.TensorSpec"]  # of a signature, by name


def rest_description(
    name: str, version: str, signatures: Mapping[str, Outputs], kinds: Mapping[str, str]
) -> dict[str, Any]:
    """An OpenAPI 3.1 document of a model's addresses on TensorFlow Serving.

    Sources: https://spec.openapis.org/oas/v3.1.1.html,
    https://www.tensorflow.org/tfx/serving/api_rest.

    Args:
        name: of the model on the server.
        version: of the export.
        signatures: name → its outputs; each takes `text`, strings `(batch,)`.
        kinds: task → its kind, in the model's order; signatures keep neither.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": name, "version": version, TASKS: [*kinds], KINDS: {**kinds}},
        "servers": [{"url": "http://localhost:8501"}],
        "paths": {
            f"/v1/models/{name}:predict": {"post": _predict(signatures)},
            f"/v1/models/{name}": {"get": _get("status", "The state of each version.")},
            f"/v1/models/{name}/metadata": {"get": _get("metadata", "The signatures.")},
        },
        "components": {
            "schemas": {
                "Error": _object({"error": {"type": "string"}}),
                **{_schema_of(key): _response(outputs) for key, outputs in signatures.items()},
            }
        },
    }


def in_order(by_task: Mapping[str, Value], export: Path) -> dict[str, Value]:
    """What belongs to tasks in the model's order, if the export says it.

    Args:
        by_task: task → anything.
        export: the folder of a version.
    """
    order = _info(export).get(TASKS)
    if not isinstance(order, list) or not all(isinstance(name, str) for name in order):
        return dict(by_task)
    places = {name: place for place, name in enumerate(order)}
    return dict(sorted(by_task.items(), key=lambda item: places.get(item[0], len(places))))


def kinds_in(export: Path) -> dict[str, str]:
    """Task → its kind, as far as an export says it.

    Args:
        export: the folder of a version.
    """
    kinds = _info(export).get(KINDS)
    return kinds if isinstance(kinds, dict) else {}


def _info(export: Path) -> dict[str, Any]:
    """What an export's description says of itself; nothing if it has none that can be read."""
    try:
        with open_regular(export / FILE) as file:
            info = json.loads(file.read(LONGEST))["info"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError, InputError):
        return {}
    return info if isinstance(info, dict) else {}


def _predict(signatures: Mapping[str, Outputs]) -> dict[str, Any]:
    texts = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    request = _object({"inputs": _object({"text": texts})})
    request["properties"]["signature_name"] = {"enum": [*signatures], "default": SERVING}
    answers = [{"$ref": f"#/components/schemas/{_schema_of(key)}"} for key in signatures]
    return {
        "operationId": "predict",
        "summary": "The answers to some texts, a row for each.",
        "requestBody": {"required": True, "content": _json(request)},
        "responses": {"200": _described("Its outputs.", {"anyOf": answers})} | _errors(),
    }


def _get(operation: str, summary: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": _described(summary, {"type": "object"})} | _errors(),
    }


def _errors() -> dict[str, Any]:
    error = {"$ref": "#/components/schemas/Error"}
    return {
        "400": _described("Not a request that the model takes.", error),
        "404": _described("No such model or version, or it is not loaded yet.", error),
        "503": _described("Too many requests wait.", error),
    }


def _response(outputs: Outputs) -> dict[str, Any]:
    """The body of a response; one output alone has no name in it (`json_tensor.cc`)."""
    by_name = {name: _tensor(spec) for name, spec in sorted(outputs.items())}
    if len(by_name) == 1:
        (output,) = by_name.values()
        return _object({"outputs": output})
    return _object({"outputs": _object(by_name)})


def _tensor(spec: "tf.TensorSpec") -> dict[str, Any]:
    """Nested arrays, an axis each."""
    schema: dict[str, Any] = {"type": _type_of(spec.dtype)}
    for _ in range(spec.shape.rank):
        schema = {"type": "array", "items": schema}
    return schema


def _type_of(dtype: "tf.DType") -> str:
    named = {"string": "string", "bool": "boolean"}
    return named.get(dtype.name, "integer" if dtype.is_integer else "number")


def _schema_of(signature: str) -> str:
    """A name that a reference may hold: letters, digits, `.`, `-` and `_`."""
    return re.sub("[^A-Za-z0-9]", lambda match: f"_{ord(match[0]):x}", signature)


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": [*properties]}


def _described(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": _json(schema)}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
