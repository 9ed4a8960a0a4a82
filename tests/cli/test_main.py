"""The command's exit statuses, and its errors in one line."""

import errno
import os
import resource
import subprocess
import sys

import pytest
from support.command import run_command
from support.rights import bound_by_rights, failing

from mtl_keras.cli import commands
from mtl_keras.cli.main import main
from mtl_keras.errors import InputError


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train.csv", "absent.csv", "absent.csv: no such file"),
        (
            "freeze: none",
            "freeze: lowest:99",
            "recipe.yaml:13: training.stages.1: freeze 'lowest:99': the encoder has 2 blocks",
        ),
        ("freeze: none", "freeze: head:tone", "recipe.yaml:13: training.stages.1.freeze: "),
        ("batch_size", "batchsize", "did you mean 'batch_size'?"),
        ("max_length: 16", "max_length: 64", "32"),
    ],
)
def test_a_mistake_ends_with_one_line_and_status_2(
    tiny_recipe, tmp_path, capsys, old, new, message
):
    tiny_recipe.write_text(tiny_recipe.read_text().replace(old, new))
    status, out, err = run_command(
        capsys, "train", tiny_recipe, "--output", tmp_path / "run", "--quiet"
    )
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_mistakes_of_the_commands(tmp_path, tiny_recipe, tiny_bert, trained, capsys):
    empty = tmp_path / "empty.txt"
    empty.touch()
    (tmp_path / "y.npy").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    for arguments, message in [
        (("evaluate", tmp_path), "neither a finished run nor an export here; give the folder of a"),
        (
            ("predict", tmp_path / "absent", "text"),
            "absent: no such folder; give the folder of a run",
        ),
        (("train", tiny_recipe, "--output", tmp_path / "full"), "already exists"),
        (("train", tmp_path / "absent.yaml"), "no such file"),
        (
            ("embed", tiny_bert, "--input", tmp_path / "absent", "--output", tmp_path / "x.npy"),
            "absent",
        ),
        (("embed", tiny_bert, "--input", tiny_recipe, "--output", tmp_path / "x.txt"), ".npy file"),
        (("embed", tiny_bert, "--input", tiny_recipe, "--output", tmp_path / "y.npy"), ".npy file"),
        (("train", tiny_recipe, "--output", ""), "--output: an empty path"),
        (("train", "caf\udce9"), r"the argument 'caf\udce9' is not UTF-8"),
        (("predict", trained, "caf\udce9"), r"the argument 'caf\udce9' is not UTF-8"),
        (("predict", trained, "hello", "--input", tiny_recipe), "Received: both"),
        (("predict", trained, "--input", empty), "empty; give a text in each row"),
        (("predict", trained, "a", "--output", tmp_path / "a.xls"), "ends in '.csv', '.jsonl'"),
        (("compare", tiny_recipe, "--seeds", "7" * 5000), "7…' is not a whole number from 1"),
        (("train", tiny_recipe, "--workers", "7" * 5000), "7…' is not a whole number from 1"),
        (("train", tiny_recipe, "--workers", "7000"), "'7000' is not a whole number from 1 to"),
        (("demo", trained, "--port", "7" * 5000), "7…' is not a whole number; see"),
        (("train",), "arguments are required: recipe; see mtl-keras train --help"),
        (("trian",), "did you mean 'train'?; see mtl-keras --help"),
        ((), "arguments are required: COMMAND; see mtl-keras --help"),
        (("train", tiny_recipe, "--what\never"), r"unrecognized arguments: --what\never; see"),
        (
            ("compare", tiny_recipe, "--seeds", "x"),
            "'x' is not a whole number from 1 to 1,000; see mtl-keras compare",
        ),
    ]:
        status, out, err = run_command(capsys, *arguments)
        assert (status, out) == (2, ""), arguments
        assert message in err
        assert err.count("\n") == 1


@pytest.mark.slow
def test_a_full_disk_ends_with_status_1_and_no_half_written_file(tiny_recipe, tmp_path):
    program = (
        "import resource, signal, sys; from mtl_keras.cli.main import main;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, {resource.RLIM_INFINITY}));"
        "sys.exit(main(sys.argv[1:]))"
    )
    text = tiny_recipe.read_text()  # the best weights fit on the disk, the model does not
    tiny_recipe.write_text(text[: text.index("    - {freeze: backbone")] + "    - {freeze: all}\n")
    arguments = ["train", tiny_recipe, "--output", tmp_path / "run", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("mtl-keras: ")
    assert "Traceback" not in done.stderr
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert "run.json" not in left
    assert not any(name.startswith(".partial") or name == "model.keras" for name in left)


def test_help_is_quick_and_loads_no_tensorflow():
    program = "import sys; from mtl_keras.cli.main import main\ntry: main(['--help'])\n"
    program += "except SystemExit: sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)


def test_debug_shows_where_a_mistake_was_found(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        main(["train", str(tmp_path / "absent.yaml"), "--debug"])


def test_an_interruption_is_reported_in_a_line(capsys, monkeypatch):
    monkeypatch.setattr(commands, "recipes", _interrupt)
    assert run_command(capsys, "recipes") == (130, "", "mtl-keras: interrupted\n")


def _interrupt(options):
    """Is interrupted."""
    raise KeyboardInterrupt


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.ESTALE])
def test_whatever_the_system_refuses_is_one_line(number, capsys, monkeypatch):
    monkeypatch.setattr(commands, "recipes", failing(number, "/runs/.partial-ab/1/x"))
    status, out, err = run_command(capsys, "recipes")
    assert status == (2 if number == errno.EACCES else 1)
    assert err.startswith(f"mtl-keras: /runs/1/x: {os.strerror(number)}; ")
    assert (out, err.count("\n")) == ("", 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_output_that_is_full_is_reported():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mtl_keras.cli.main", "recipes"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    line = "mtl-keras: No space left on device; make room and try again\n"
    assert (done.returncode, done.stderr) == (1, line)


@pytest.mark.parametrize(
    "command",
    [
        *(("train",), ("inspect",), ("advise",), ("compare",), ("evaluate",), ("demo",)),
        *(
            ("predict", "a text"),
            ("export", "versions"),
            ("embed", "--input", "x", "--output", "y"),
        ),
    ],
)
def test_a_folder_without_rights_is_one_line(command, tmp_path, capsys):
    (tmp_path / "closed" / "run").mkdir(parents=True)
    (tmp_path / "closed").chmod(0)
    name, *rest = command
    with bound_by_rights():
        status, out, err = run_command(capsys, name, tmp_path / "closed" / "run", *rest)
    (tmp_path / "closed").chmod(0o755)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "closed" in err or name == "embed"


def test_who_stops_reading_ends_the_command_in_peace():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-u", "-m", "mtl_keras.cli.main", "recipes"],
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")
