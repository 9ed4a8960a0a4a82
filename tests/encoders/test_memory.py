"""Freed memory stays with the process, and any thread can have it."""

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, resource
from mtl_keras.encoders.memory import keep_freed_memory
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        block = libc.malloc(48 << 20)
        ctypes.memset(block, 1, 48 << 20)
        libc.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
KEEP
print(faults())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is Linux's")
def test_large_blocks_are_taken_from_the_system_once():
    def faults(keep: str) -> int:
        program = PROGRAM.replace("KEEP", keep)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        return int(done.stdout)

    once = (48 << 20) // 4096
    assert faults("keep_freed_memory()") < 2 * once
    assert faults("") > 10 * once, "what it is for"


ARENAS = """
import ctypes, threading
from mtl_keras.encoders.memory import share_freed_memory
SHARE
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
together = threading.Barrier(4)
def take():
    libc.malloc(100)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fopen.restype, libc.fopen.argtypes = ctypes.c_void_p, [ctypes.c_char_p] * 2
libc.malloc_info.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.fclose.argtypes = [ctypes.c_void_p]
stream = libc.fopen(b"/dev/stdout", b"w")
libc.malloc_info(0, stream)
libc.fclose(stream)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is Linux's")
def test_all_threads_take_from_one_stock():
    def arenas(share: str) -> int:
        program = ARENAS.replace("SHARE", share)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
        return done.stdout.count(b"<heap nr=")

    assert arenas("share_freed_memory()") == 1
    assert arenas("") > 1, "what it is for"
