"""The entry point of `mtl-keras`: exit statuses, and errors in one line."""

import sys
from collections.abc import Sequence

from mtl_keras.cli.arguments import check_utf8
from mtl_keras.cli.console import end_output, show_all_letters
from mtl_keras.cli.parser import make_parser
from mtl_keras.display import show
from mtl_keras.distribution.lifeline import end_with_parent
from mtl_keras.errors import InputError, WorkError
from mtl_keras.storage.refusals import as_user_error


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status: 0, 1 (the work failed) or 2 (wrong input)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    show_all_letters()
    try:
        check_utf8(arguments)
        options = make_parser().parse_args(arguments)
        status = options.run(options) or 0
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        end_output()
        return 0
    except (InputError, WorkError, OSError) as error:
        if "--debug" in arguments:
            raise
        return _report(error)
    except KeyboardInterrupt:
        show("mtl-keras: interrupted", sys.stderr)
        return 130


def _report(error: InputError | WorkError | OSError) -> int:
    """Prints an error in one line; returns the exit status."""
    if isinstance(error, OSError):
        end_output()  # stdout may be what cannot be written
        error = as_user_error(error)
    show(f"mtl-keras: {error}", sys.stderr)
    return 1 if isinstance(error, WorkError) else 2


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main())
