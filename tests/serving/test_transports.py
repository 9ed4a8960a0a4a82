"""What a transport asks, and what it says of servers that fail or are none."""

import contextlib
import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import numpy as np
import pytest

from mtl_keras.errors import InputError, WorkError
from mtl_keras.serving.client import Client
from mtl_keras.serving.transports import (
    RefusalError,
    RestTransport,
    Served,
    UnknownError,
)

SERVED = Served(3, {"topic": ["topic/label", "topic/scores"], "stars": ["stars/value"]})


@contextlib.contextmanager
def answering(status: int, body: bytes):
    """A server that gives one answer: its address, and the requests that came."""
    requests = []

    class Page(BaseHTTPRequestHandler):
        def do_POST(self):
            self._answer()

        def do_GET(self):
            self._answer()

        def _answer(self):
            length = int(self.headers.get("Content-Length", 0))
            requests.append((self.path, self.rfile.read(length)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *values):
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as page:
        thread = Thread(target=page.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{page.server_port}", requests
        thread.join()


def test_rest_asks_the_version_that_was_described():
    body = json.dumps({"outputs": {"topic/label": ["x"], "topic/scores": [[0.5, 0.5]]}}).encode()
    with answering(200, body) as (address, requests):
        outputs = RestTransport(address, "tickets").run(SERVED, "topic", ["a"], 10)
    assert outputs["topic/label"].tolist() == ["x"]
    np.testing.assert_array_equal(outputs["topic/scores"], [[0.5, 0.5]])
    [(path, sent)] = requests
    assert path == "/v1/models/tickets/versions/3:predict"
    assert json.loads(sent) == {"signature_name": "topic", "inputs": {"text": ["a"]}}


def test_an_only_output_has_its_name_back():
    with answering(200, b'{"outputs": [1.5]}') as (address, _):
        outputs = RestTransport(address, "tickets").run(SERVED, "stars", ["a"], 10)
    assert [*outputs] == ["stars/value"]


@pytest.mark.parametrize(
    ("status", "body", "error", "message"),
    [
        (400, b'{"error": "no text"}', RefusalError, "no text"),
        (404, b'{"error": "no model"}', UnknownError, "no model"),
        (503, b'{"error": "queue is full"}', WorkError, "queue is full; ask again, or see the ser"),
        (400, b"", RefusalError, "400 Bad Request"),
        (200, b"<html>", WorkError, "no TensorFlow Serving answers REST here"),
    ],
)
def test_what_the_server_says_is_the_kind_of_error(status, body, error, message):
    with answering(status, body) as (address, _), pytest.raises(error, match=message):
        RestTransport(address, "tickets").run(SERVED, "topic", ["a"], 10)


def test_rest_needs_no_tensorflow():
    program = (
        "import sys; from mtl_keras.serving.client import Client; "
        "Client('http://localhost:8501', model='m'); "
        "sys.exit('tensorflow' in sys.modules or 'grpc' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_grpc_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(InputError, match=r"not installed: pip install 'mtl_keras\[serving\]'"):
        Client("grpc://localhost:8500", model="tickets")
