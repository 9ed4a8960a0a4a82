"""The demo listens where it may, says where, and ends when it is interrupted."""

import re
import signal
import socket
import subprocess
import sys

import pytest
from support.demo_server import answered
from support.places import TESTS

from mtl_keras.errors import InputError
from mtl_keras.serving.demo import server as demo


def test_a_port_that_is_taken_is_passed_over():
    with demo.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with demo.listen("127.0.0.1", port) as second:
            assert second.getsockname()[1] > port
            assert f", since port {port} is in use" in demo.address_of(second, port)
            assert demo.address_of(second, 0) == demo.address_of(second, second.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 70_000, "port must be a number from 0 to 65535. Received: 70000"),
        ("192.0.2.1", 8000, "cannot listen on 192.0.2.1, port 8000: .*; give an address"),
        ("no such host", 8000, "cannot listen on no such host, port 8000: .*; give an address"),
    ],
)
def test_where_it_cannot_listen_is_reported(host, port, message):
    with pytest.raises(InputError, match=message):
        demo.listen(host, port)


def test_absent_packages_are_reported_before_anything_is_loaded(monkeypatch):
    monkeypatch.setattr(demo, "EXTRA", ("starlette", "absent_package"))
    message = r"needs the package absent_package, .* pip install 'mtl_keras\[demo\]'"
    with pytest.raises(InputError, match=message):
        demo.serve("nowhere")


PROGRAM = """\
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it may be ignored
sys.path.insert(0, {tests!r})
from support.demo_server import stand_in
from mtl_keras.serving.demo import server as demo
demo.find_source = lambda folder: stand_in
try:
    demo.serve("run", port={port})
except KeyboardInterrupt:
    sys.exit("tensorflow" in sys.modules or 130)
"""


@pytest.mark.slow
def test_it_says_where_it_is_and_ends_when_interrupted():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        program = PROGRAM.format(tests=str(TESTS), port=port)
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        message = process.stdout.readline().decode()
        actual = re.fullmatch(
            rf"demo: http://127.0.0.1:(\d+)/, since port {port} is in use \(Ctrl-C ends it\)\n",
            message,
        )
        assert actual, message
        assert answered(int(actual[1]), "a")["answer"]["text"] == "a"
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors) == (130, b"", b"")
