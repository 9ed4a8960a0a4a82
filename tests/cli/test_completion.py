"""Scripts that complete the command line."""

import shutil
import subprocess
import sys

import pytest
from support.command import run_command

from mtl_keras.cli.completion import SHELLS


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_knows_commands_and_options(capsys, shell):
    status, script, _ = run_command(capsys, "completion", shell)
    assert status == 0
    for word in ("predict", "compare", "resume", "json"):
        assert word in script


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_bash_completes_a_command(capsys):
    _, script, _ = run_command(capsys, "completion", "bash")
    ask = "COMP_WORDS=(mtl-keras pre); COMP_CWORD=1; _shtab_mtl_keras; echo ${COMPREPLY[@]}"
    done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True)
    assert done.stdout.split() == ["predict"], done.stderr


def test_without_shtab_the_extra_is_named(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "shtab", None)
    status, _, err = run_command(capsys, "completion", "bash")
    assert status == 2
    assert err.endswith("scripts are made by shtab; pip install 'mtl_keras[completion]'\n")
