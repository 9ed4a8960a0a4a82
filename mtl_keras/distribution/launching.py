"""Starts several worker processes on this machine that train one model together."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import IO

from mtl_keras.display import one_line, show
from mtl_keras.distribution.child_process import last_line
from mtl_keras.distribution.clusters import TF_CONFIG, Cluster
from mtl_keras.distribution.lifeline import GRACE, Lifeline, lifeline
from mtl_keras.errors import WorkError

PATIENCE = 60.0  # seconds in which the other workers may end by themselves after one has failed
POLL = 0.2  # seconds


def run_workers(arguments: Sequence[str], count: int) -> int:
    """Runs the `mtl-keras` command in several workers at once.

    The chief writes to this terminal; of another worker, only its error is shown. SIGTERM and
    Ctrl-C are passed on to all workers. If this process is killed, they end as after SIGTERM.

    Args:
        arguments: of the command.
        count: the number of workers.

    Returns:
        The exit status: 0, or that of the first worker that failed.

    Raises:
        WorkError: a worker was killed; the others end within about a minute.
    """
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(count))
    with contextlib.ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile()) for _ in addresses]
        life = stack.enter_context(lifeline())
        workers = [
            _start(arguments, Cluster(addresses, index), output if index else None, life)
            for index, output in enumerate(outputs)
        ]
        stack.callback(_end, workers)
        stack.enter_context(_passing_on(workers))
        failed = _wait(workers)
        if failed is None:
            return 0
        status = workers[failed].returncode
        if status < 0:
            name = signal.Signals(-status).name
            raise WorkError(f"worker {failed} was killed ({name}); --resume continues the run")
        if failed:  # the chief, worker 0, has written its error to this terminal
            outputs[failed].seek(0)
            line = one_line(last_line(outputs[failed].read(), status))
            show(f"worker {failed}: {line}", sys.stderr)
        return status


@contextlib.contextmanager
def _passing_on(workers: Sequence[subprocess.Popen]) -> Iterator[None]:
    """Inside this context, SIGTERM and SIGINT are passed on to the workers."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {
        number: signal.signal(number, lambda received, _: _send(workers, received))
        for number in signals
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(
    arguments: Sequence[str], cluster: Cluster, output: IO[bytes] | None, line: Lifeline
) -> subprocess.Popen:
    threads = max(1, (os.cpu_count() or 1) // len(cluster.addresses))
    environment = {
        "TF_NUM_INTRAOP_THREADS": str(threads),
        **os.environ,
        TF_CONFIG: cluster.to_environment(),
        **line.environment,
    }
    command = [sys.executable, "-m", "mtl_keras.cli.main", *arguments]
    # Each in its own process group, so that Ctrl-C reaches it once, from here.
    return subprocess.Popen(
        command,
        env=environment,
        stdout=output,
        stderr=output,
        process_group=0,
        pass_fds=line.fds,
    )


def _wait(workers: Sequence[subprocess.Popen]) -> int | None:
    """Waits for the workers; returns the first that failed, or None. Gives up after `PATIENCE`."""
    failed, since = None, 0.0
    while any(worker.poll() is None for worker in workers):
        for index, worker in enumerate(workers):
            if failed is None and worker.poll():
                failed, since = index, time.monotonic()
        if failed is not None and time.monotonic() - since > PATIENCE:
            break
        time.sleep(POLL)
    statuses = [worker.poll() for worker in workers]
    return (
        next((i for i, status in enumerate(statuses) if status), None) if failed is None else failed
    )


def _end(workers: Sequence[subprocess.Popen]) -> None:
    _send(workers, signal.SIGTERM)
    for worker in workers:
        try:
            worker.wait(GRACE)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


def _send(workers: Sequence[subprocess.Popen], number: int) -> None:
    for worker in workers:
        if worker.poll() is None:
            worker.send_signal(number)


def free_ports(count: int) -> list[int]:
    """Ports of this machine that are not in use."""
    sockets = [socket.socket() for _ in range(count)]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports
