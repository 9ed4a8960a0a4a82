"""The command by the package's name."""

import subprocess
import sys

import pytest

from mtl_keras.version import __version__


@pytest.mark.slow
def test_the_package_runs_as_the_command():
    program = [sys.executable, "-m", "mtl_keras"]
    done = subprocess.run([*program, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"mtl-keras {__version__}\n")
    done = subprocess.run([*program, "trian"], capture_output=True, text=True)
    assert done.returncode == 2 and "did you mean 'train'?" in done.stderr
