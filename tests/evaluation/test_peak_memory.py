"""Peak memory is this process's own."""

import subprocess
import sys

import numpy as np

from mtl_keras.evaluation.peak_memory import peak_bytes


def test_it_grows_with_what_is_held_and_stays_when_that_is_freed():
    before = peak_bytes()
    held = np.ones(before // 8 + 5_000_000)  # more than everything so far
    peak = peak_bytes()
    assert peak > before + 30_000_000
    del held
    assert peak_bytes() >= peak


def test_it_is_not_that_of_the_process_that_started_this_one():
    held = np.ones(40_000_000)  # 320 MB
    code = "from mtl_keras.evaluation.peak_memory import peak_bytes; print(peak_bytes())"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert int(child.stdout) < held.nbytes < peak_bytes()
