"""Workers on this machine: one trains the run, others help, and none is left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.tiny import of_one_task

from mtl_keras.cli.main import main
from mtl_keras.distribution.launching import free_ports, run_workers
from mtl_keras.distribution.lifeline import GRACE
from mtl_keras.runs.run import Run
from mtl_keras.storage.run_folder import CHECKPOINTS

EPOCHS = 30  # so many that a run is killed long before it ends


def test_ports_are_free_and_different():
    assert len(set(free_ports(8))) == 8


@pytest.mark.slow
def test_all_workers_run_the_command(capfd):
    assert run_workers(["recipes", "--json"], 2) == 0
    assert capfd.readouterr().out.count('"recipes"') == 1  # the chief's


@pytest.mark.slow
def test_a_mistake_ends_them_with_its_status(capfd):
    assert run_workers(["train", "absent.yaml"], 2) == 2
    assert "absent.yaml: no such file" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("strategy", "environment", "message"),
    [
        ("mirrored", {}, "the recipe says mirrored"),
        ("auto", {"TF_CONFIG": ""}, "TF_CONFIG already names the workers"),
    ],
)
def test_two_ways_to_say_who_trains_are_told_apart(
    tiny_recipe, tmp_path, monkeypatch, capsys, strategy, environment, message
):
    monkeypatch.setattr(os, "environ", os.environ | environment)
    text = tiny_recipe.read_text()
    tiny_recipe.write_text(text.replace("training:", f"training:\n  strategy: {strategy}"))
    arguments = ["train", str(tiny_recipe), "--output", str(tmp_path / "run"), "--workers", "2"]
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("count", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_is_whole(count, capsys):
    assert main(["train", "any.yaml", "--workers", count]) == 2
    assert "is not a whole number from 1" in capsys.readouterr().err


@contextlib.contextmanager
def start(recipe, folder, *flags) -> Iterator[subprocess.Popen]:
    """Trains with two workers, until the block ends."""
    command = [sys.executable, "-m", "mtl_keras.cli.main", "train", str(recipe), "--quiet"]
    with subprocess.Popen(
        [*command, "--output", str(folder), "--workers", "2", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as launcher:
        try:
            yield launcher
        finally:
            launcher.kill()


def wait_for_a_checkpoint(launcher: subprocess.Popen, folder: Path) -> None:
    """Returns once `folder` has a checkpoint that it has not now."""
    before = set(folder.glob("*.safetensors"))
    while not set(folder.glob("*.safetensors")) - before:
        assert launcher.poll() is None
        time.sleep(0.02)


def workers_of(launcher: subprocess.Popen) -> list[int]:
    """Their process numbers, the chief's first."""
    completed = subprocess.run(["pgrep", "-P", str(launcher.pid)], capture_output=True, text=True)
    return sorted(int(number) for number in completed.stdout.split())


def finish(launcher: subprocess.Popen, seconds: float = 300) -> tuple[int, str]:
    """Its status, and what it said in errors."""
    _, errors = launcher.communicate(timeout=seconds)
    return launcher.returncode, errors


@pytest.mark.slow
def test_who_is_killed_ends_all_and_the_run_goes_on_also_with_one(tiny_recipe, tmp_path, capsys):
    """With the bits of one never interrupted: `benchmarks/workers.py kills`."""
    training, stages = of_one_task(tiny_recipe).split("  stages:")
    stage = stages.strip().splitlines()[0].replace("epochs: 1", f"epochs: {EPOCHS}")
    tiny_recipe.write_text(
        f"{training}  checkpoint_minutes: 1.0e-4\n  cache: false\n  stages:\n    {stage}\n"
    )
    killed = tmp_path / "killed"
    with start(tiny_recipe, killed) as launcher:
        wait_for_a_checkpoint(launcher, killed / CHECKPOINTS)
        chief, other = workers_of(launcher)
        os.kill(other, signal.SIGKILL)
        status, message = finish(launcher, 60)
    assert status == 1
    assert "another worker has ended" in message
    assert "worker 1 was killed (SIGKILL)" in message
    assert "Traceback" not in message
    assert not Run(killed).is_finished
    assert not os.path.exists(f"/proc/{chief}")

    with start(tiny_recipe, killed, "--resume") as launcher:
        wait_for_a_checkpoint(launcher, killed / CHECKPOINTS)
        orphans = workers_of(launcher)
        launcher.kill()
        finish(launcher, GRACE + 20)  # the chief has its output too
    until = time.monotonic() + GRACE + 5
    while any(os.path.exists(f"/proc/{orphan}") for orphan in orphans):
        assert time.monotonic() < until
        time.sleep(0.05)

    assert main(["train", str(tiny_recipe), "--output", str(killed), "--resume", "--quiet"]) == 0
    (change,) = Run(killed).read_json("run.json")["changes"]
    assert change == "resumed with workers 1 instead of 2, devices 1 instead of 2"
    assert f"warning: resumes with {change[13:]}" in capsys.readouterr().out
    (stage,) = Run(killed).read_json("history.json")["stages"]
    assert all(len(values) == EPOCHS for values in stage["history"].values())
