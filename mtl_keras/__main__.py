"""The command `mtl-keras` as `python -m mtl_keras`."""

import sys

from mtl_keras.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
