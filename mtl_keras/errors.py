"""What goes wrong through no fault of the code: the user's input, or the machine."""

LONGEST = 600  # characters of a message


class InputError(ValueError):
    """Wrong input. The message is one line: what came, what was expected, the cure.

    `mtl-keras` prints it without a traceback and exits with status 2.
    """

    def __init__(self, message: str):
        super().__init__(_on_one_line(message))


class WorkError(RuntimeError):
    """Right input, but the work failed (a full disk). Exit status 1."""

    def __init__(self, message: str):
        super().__init__(_on_one_line(message))


def _on_one_line(message: str) -> str:
    """Line ends and control characters escaped, and a very long middle left out.

    Names of files, values and arguments may hold anything.
    """
    line = "".join(each if each.isprintable() else repr(each)[1:-1] for each in message)
    if len(line) > LONGEST:
        line = f"{line[: 2 * LONGEST // 3]} … {line[-LONGEST // 3 :]}"
    return line
