"""The entry of `mtl-keras`: exit statuses, and errors in one line."""

import os
import sys
from collections.abc import Sequence

from mtl_keras.cli.arguments import check_utf8
from mtl_keras.cli.parser import make_parser
from mtl_keras.display import show
from mtl_keras.errors import InputError, WorkError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status: 0, 1 (the work failed) or 2 (wrong input)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        check_utf8(arguments)
        options = make_parser().parse_args(arguments)
        return options.run(options) or 0
    except (InputError, WorkError) as error:
        if "--debug" in arguments:
            raise
        show(f"mtl-keras: {error}", sys.stderr)
        return 1 if isinstance(error, WorkError) else 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("mtl-keras: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
