"""A demo server in a thread, and a model for it that needs no TensorFlow."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator

from mtl_keras.data.task import Task
from mtl_keras.serving.demo.application import make_application
from mtl_keras.serving.demo.connections import make_server
from mtl_keras.serving.demo.sources import Reading, ServedTask, Source

TASKS = [
    Task("topic", labels=["billing", "delivery", "account & sign-in"]),
    Task("entities", kind="tagging", labels=["place", "product"]),
    Task("flags", kind="multilabel", labels=["urgent", "legal"]),
    Task("stars", kind="regression"),
]
CARD = """\
# Tickets

Plain, **bold**, <b onclick="alert(1)">raw</b> and [a link](https://example.org).

| task | accuracy |
| --- | ---: |
| topic | 0.84 |

![picture](https://example.org/x.png) <script>document.title = "owned"</script>
"""
TRY = "Is there a Nimbus in Leeds?"
READ = 200  # characters that the stand-in reads


def stand_in(answer=None, **changes) -> Source:
    """A source; `Leeds` is a place and `Leeds Nimbus` a product, which overlap."""
    answer = answer or stand_in_answer
    fields = {
        "title": "tickets/1",
        "tasks": [ServedTask.of(task) for task in TASKS],
        "card": CARD,
        "reading": _read,
        "examples": [TRY],
    } | changes
    return Source(answers=lambda texts: [answer(text) for text in texts], **fields)


def stand_in_answer(text: str) -> dict:
    first = 0.1 + (len(text) % 7) / 10
    scores = {"billing": 0.05, "delivery": first, "account & sign-in": 0.95 - first}
    best = max(scores, key=scores.__getitem__)
    return {
        "text": text,
        "topic": {"label": best, "score": scores[best], "scores": scores},
        "entities": [
            entity
            for words, label in (("Leeds", "place"), ("Leeds Nimbus", "product"))
            for entity in _entities(text[:READ], words, label)
        ],
        "flags": {"labels": ["legal"], "scores": {"urgent": 0.25, "legal": 0.75}},
        "stars": {"value": len(text) / 3},
    }


@contextlib.contextmanager
def running(source: Source) -> Iterator[int]:
    """The port of a server that runs meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        application = make_application(source, "127.0.0.1")
        server = make_server(application)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def ask(port: int, body: bytes | str, method: str = "POST", path: str = "/answers", **headers):
    """Status, headers and body of a response; `_` in a header's name stands for `-`."""
    headers = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body.encode() if isinstance(body, str) else body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def answered(port: int, text: str) -> dict:
    """What the server answers about a text."""
    status, _, body = ask(port, json.dumps({"text": text}))
    assert status == 200, body
    return json.loads(body)


def _entities(text: str, words: str, label: str) -> Iterator[dict]:
    start = text.find(words)
    while start >= 0:
        place = {"start": start, "end": start + len(words), "text": words}
        yield place | {"label": label, "score": 0.9}
        start = text.find(words, start + 1)


def _read(text: str) -> Reading:
    return Reading(len(text[:READ].split()) + 2, min(len(text), READ), len(text) <= READ)
