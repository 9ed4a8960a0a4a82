"""Slow clients are closed, too many get an error, and what is logged is seen."""

import contextlib
import json
import logging
import socket
import time
from collections.abc import Iterator

import pytest
from support.demo_server import answered, ask, running, stand_in

from mtl_keras.serving.demo import connections

REQUEST = (
    b"POST /answers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 13\r\n\r\n"
)
BODY = b'{"text": "a"}'


@pytest.fixture
def quick(monkeypatch):
    """The port of a server that waits a fraction of a second for headers, bodies and readers."""
    waits = {connections.h11.IDLE: 0.3, connections.h11.SEND_BODY: 0.3}
    monkeypatch.setattr(connections, "SECONDS", waits)
    monkeypatch.setattr(connections, "SECONDS_FOR_ANSWER", 0.3)
    with running(stand_in()) as port:
        yield port


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def seconds_open(connection: socket.socket, sent: bytes) -> float:
    """How long a connection lasts to which these bytes are sent one by one, and over again."""
    started = time.monotonic()
    with contextlib.suppress(OSError):
        for place in range(200):
            connection.sendall(sent[place : place + 1] or b"a")
            time.sleep(0.05)
            connection.settimeout(0.001)
            with contextlib.suppress(TimeoutError):
                while connection.recv(1 << 16):
                    pass
                break
            connection.settimeout(20)
    return time.monotonic() - started


@pytest.mark.parametrize(
    "begun",
    [b"", b"POST /answers HTTP/1.1\r\nX: ", REQUEST, REQUEST.replace(b"json", b"text")],
    ids=["nothing", "headers", "body", "body after the answer"],
)
def test_who_sends_slowly_is_closed(quick, begun):
    with connected(quick) as connection:
        connection.sendall(begun)
        assert 0.2 < seconds_open(connection, b"") < 5
    assert answered(quick, "a")["answer"]["text"] == "a"


def test_who_is_silent_after_an_answer_is_closed(quick):
    with connected(quick) as connection:
        connection.sendall(REQUEST + BODY)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        assert 0.1 < seconds_open(connection, b"POST /answers") < 5


def test_who_does_not_read_is_closed(quick):
    text = json.dumps({"text": "a" * 1_000_000}).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", quick))
        request = REQUEST.replace(b" 13", b" %d" % len(text)) + text
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(20):  # more than the system's buffers hold
                connection.sendall(request)
    assert answered(quick, "a")["answer"]["text"] == "a"


def test_a_slow_model_is_waited_for(monkeypatch):
    waits = {connections.h11.IDLE: 0.2, connections.h11.SEND_BODY: 0.2}
    monkeypatch.setattr(connections, "SECONDS", waits)

    def answer(text):
        time.sleep(0.5)
        return {"text": text}

    with running(stand_in(answer)) as port:
        assert answered(port, "a")["answer"] == {"text": "a"}


def test_too_many_connections_are_reported_and_many_more_closed(monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 2)
    with running(stand_in()) as port, contextlib.ExitStack() as stack:
        held = [stack.enter_context(connected(port)) for _ in range(2)]
        status, headers, message = ask(port, BODY)
        assert (status, headers["connection"]) == (503, "close")
        assert json.loads(message)["error"].endswith("close one, or try again later")
        held += [stack.enter_context(connected(port)) for _ in range(3)]
        with contextlib.suppress(ConnectionResetError):
            assert held[-1].recv(1) == b""
        for connection in held[:2]:
            connection.sendall(REQUEST + BODY)
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        stack.close()
        until = time.monotonic() + 20
        while ask(port, BODY)[0] != 200:
            assert time.monotonic() < until


def test_a_log_shows_what_is_hidden():
    record = logging.LogRecord("uvicorn", logging.ERROR, "", 1, "a\x1b[2J %s", ("\u202e",), None)
    assert connections.SafeFormatter("%(message)s").format(record) == "a\\x1b[2J \\u202e"
