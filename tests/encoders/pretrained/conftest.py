"""Folders of published encoders, to be changed."""

import functools
import gc
import http.server
import shutil
import threading
import warnings
from pathlib import Path

import pytest
from support.published import HUB


@pytest.fixture
def folder(tiny_bert, tmp_path) -> Path:
    """A copy of the tiny BERT, to be changed."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "bert"))


@pytest.fixture
def hub_folder(shared, tmp_path) -> Path:
    """A copy of the genuine TF Hub SavedModel, to be changed."""
    copy = tmp_path / "hub"
    shutil.copytree(shared / HUB, copy, copy_function=shutil.copyfile)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755)
    return copy


@pytest.fixture
def served(tmp_path):
    """Serves a folder over HTTP on this machine; gives its address and the requests it had."""
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *args):
            requests.append(self.path)

    handler = functools.partial(Handler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}", requests
        server.shutdown()
    with warnings.catch_warnings():  # tensorflow_hub leaves its sockets to the garbage collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
