"""Where the tests' files are."""

import os
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
CHECKPOINTS = TESTS / "checkpoints"
SUPPORT = TESTS / "support"
TICKETS = ROOT / "mtl_keras/samples/tickets"
SHARED = Path(os.environ.get("MTL_SHARED", ROOT.parent / "shared"))
