"""The command in this process, and what it printed."""

from mtl_keras.cli.main import main


def run_command(capsys, *arguments) -> tuple[int, str, str]:
    """Runs `mtl-keras`; returns its exit status, its output and its errors."""
    status = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err
