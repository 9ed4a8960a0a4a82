"""Serves a web page to try a model: every task's answer as you type."""

import errno
import importlib.util
import socket
from pathlib import Path

from mtl_keras.encoders.memory import share_freed_memory
from mtl_keras.errors import InputError
from mtl_keras.serving.demo.sources import find_source

EXTRA = ("starlette", "uvicorn", "anyio", "markdown_it")
PORTS_TRIED = 100


def serve(folder: str | Path, *, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serves the page until it is interrupted.

    Args:
        folder: of a run, of an export, or of numbered exports, of which the newest is served.
        host: the address to listen on. Unless it is loopback, anybody who can reach it can use it.
        port: the first port to try; if it is in use, the next free one is taken. 0 takes any.

    Raises:
        InputError: the folder is neither a run nor an export, the address is not this machine's, no
            port is free, or the packages of the extra `demo` are missing.
        KeyboardInterrupt: the server was interrupted; open requests had five seconds to finish.
    """
    _check_extra()
    from mtl_keras.serving.demo.application import make_application
    from mtl_keras.serving.demo.connections import make_server

    load = find_source(folder)
    share_freed_memory()
    with listen(host, port) as listener:
        application = make_application(load(), listener.getsockname()[0])
        print(f"demo: {address_of(listener, port)} (Ctrl-C ends it)", flush=True)
        make_server(application).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A socket on the first free port from this one; 0 takes any.

    Raises:
        InputError: no port is free, or the address is not this machine's.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"port must be a number from 0 to 65535. Received: {port}")
    last = min(port + PORTS_TRIED, 65536) if port else 1
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        for free in range(port, last):
            try:
                return socket.create_server((str(address[0]), free), family=family)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error  # the cures for files do not apply
        raise InputError(
            f"cannot listen on {host}, port {port}: {reason}; "
            "give an address of this machine and a port that you may use"
        ) from error
    raise InputError(f"the ports {port} to {last - 1} are all in use; give another")


def address_of(listener: socket.socket, asked: int) -> str:
    """The page's address, and a note if it is not at the requested port."""
    host, port = listener.getsockname()[:2]
    taken = f", since port {asked} is in use" if asked not in (0, port) else ""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/{taken}"


def _check_extra() -> None:
    absent = [name for name in EXTRA if importlib.util.find_spec(name) is None]
    if absent:
        raise InputError(
            f"the demo needs the package {absent[0]}, which is not installed; "
            "pip install 'mtl_keras[demo]'"
        )
