"""The description of the REST face is OpenAPI, and real responses are what it says."""

import json
import urllib.request

import jsonschema
import openapi_spec_validator
import pytest
import tensorflow as tf
from support.serving_stub import ServingStub

from mtl_keras.export.saved_model.rest_description import (
    FILE,
    in_order,
    kinds_in,
    rest_description,
)

KINDS = {"topic": "classification", "stars": "regression"}


@pytest.fixture(scope="module")
def described(exported):
    signatures = tf.saved_model.load(str(exported)).signatures
    outputs = {name: of_name.structured_outputs for name, of_name in signatures.items()}
    return rest_description("tickets", "1", outputs, KINDS)


def test_it_is_an_openapi_document(described):
    openapi_spec_validator.validate(described)
    assert json.loads(json.dumps(described)) == described
    assert "/v1/models/tickets:predict" in described["paths"]


def test_a_name_may_hold_what_a_reference_may_not():
    score = tf.TensorSpec((None,), tf.float32)
    outputs = {"é/b/score": score, "read": tf.TensorSpec((None,), tf.bool)}
    document = rest_description("m", "1", {"é/b": outputs}, {"é/b": "regression"})
    openapi_spec_validator.validate(document)


def test_tasks_keep_the_models_order_if_the_export_says_it(described, tmp_path):
    by_task = {"entities": 1, "stars": 2, "topic": 3}
    assert [*in_order(by_task, tmp_path)] == ["entities", "stars", "topic"]
    (tmp_path / FILE).write_text(json.dumps(described))
    assert [*in_order(by_task, tmp_path)] == ["topic", "stars", "entities"]
    assert kinds_in(tmp_path) == KINDS
    wrong = ('{"info": {"x-tasks": 3, "x-kinds": []}}', '{"info": {"x-tasks": [[]]}}')
    for content in ("", "[]", '{"info": {}}', '{"info": 3}', *wrong):
        (tmp_path / FILE).write_text(content)
        assert in_order(by_task, tmp_path) == by_task
        assert kinds_in(tmp_path) == {}


@pytest.mark.slow
def test_the_server_answers_every_signature_as_described(described, exported):
    with ServingStub("tickets", {1: exported}) as stub:
        request = described["paths"]["/v1/models/tickets:predict"]["post"]["requestBody"]
        schema = request["content"]["application/json"]["schema"]
        for signature in schema["properties"]["signature_name"]["enum"]:
            body = {"signature_name": signature, "inputs": {"text": ["abc d.", ""]}}
            jsonschema.validate(body, schema)
            asked = urllib.request.Request(
                f"{stub.rest}/v1/models/tickets:predict", json.dumps(body).encode()
            )
            with urllib.request.urlopen(asked) as response:
                answer = json.load(response)
            jsonschema.validate(answer, described["components"]["schemas"][_schema(signature)])


def _schema(signature: str) -> str:
    return signature.replace("_", "_5f")
