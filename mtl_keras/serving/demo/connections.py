"""Limits the demo's connections: how many at once, and how long each may take."""

import asyncio
import logging
from typing import Any

import h11
import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from mtl_keras.display import in_terminal

MOST_CONNECTIONS = 128  # served at once; another 128 get status 503, further ones are closed
SECONDS_FOR_HEADERS = 10.0
SECONDS_FOR_BODY = 30.0
SECONDS_FOR_ANSWER = 30.0  # in which the client must read it
SECONDS_TO_FINISH = 5


def make_server(application: ASGIApp) -> uvicorn.Server:
    """A server that closes slow connections, and answers 503 if there are too many."""
    config = uvicorn.Config(
        application,
        http=BoundedConnection,
        lifespan="off",
        ws="none",
        log_config=LOGGING,
        access_log=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    return uvicorn.Server(config)


class BoundedConnection(H11Protocol):
    """A connection that is closed if its client is slow to send headers or a body, or to read.

    uvicorn limits only the time between two requests (its issue 157).
    """

    _to_send: asyncio.TimerHandle | None = None  # closes the connection if nothing is sent
    _to_read: asyncio.TimerHandle | None = None  # closes the connection if nothing is read
    _due: object = None  # what the client must send next, as a state of h11

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # any unread output starts the timer
        if len(self.connections) > 2 * MOST_CONNECTIONS:
            transport.abort()
        elif len(self.connections) > MOST_CONNECTIONS:
            self.app = _too_many
        self._await_client()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await_client()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._await_client()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._to_read = self._closing_in(SECONDS_FOR_ANSWER)

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._to_read)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        _cancel(self._to_send)
        _cancel(self._to_read)

    def _await_client(self) -> None:
        """Starts the timer for what the client must send next; no timer while it waits for us."""
        due = self.conn.their_state
        if due is not self._due:
            self._due = due
            _cancel(self._to_send)
            self._to_send = self._closing_in(SECONDS[due]) if due in SECONDS else None

    def _closing_in(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, self.transport.abort)


class SafeFormatter(logging.Formatter):
    """Escapes hidden characters in the log: a traceback may hold a part of somebody's text."""

    def format(self, record: logging.LogRecord) -> str:
        return in_terminal(super().format(record))


SECONDS: dict[Any, float] = {h11.IDLE: SECONDS_FOR_HEADERS, h11.SEND_BODY: SECONDS_FOR_BODY}
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"safe": {"()": SafeFormatter, "format": "demo: %(levelname)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "safe"}},
    "loggers": {"uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


_too_many = JSONResponse(
    {"error": f"{MOST_CONNECTIONS} connections are already open; close one, or try again later"},
    status_code=503,
    headers={"Connection": "close", "Retry-After": "1"},
)
