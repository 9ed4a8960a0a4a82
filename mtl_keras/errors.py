"""What goes wrong through no fault of the code: the user's input, or the machine."""


class InputError(ValueError):
    """Wrong input. The message is one line: what came, what was expected, the cure.

    `mtl-keras` prints it without a traceback and exits with status 2.
    """


class WorkError(RuntimeError):
    """Right input, but the work failed (a full disk). Exit status 1."""
