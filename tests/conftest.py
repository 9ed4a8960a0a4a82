"""What the tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

# The same examples on every machine, however slow.
hypothesis.settings.register_profile("tests", deadline=None, database=None, derandomize=True)
hypothesis.settings.load_profile("tests")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public data beside the checkout."""
    folder = Path(os.environ.get("MTL_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the folder ../shared: {folder} is absent")
    return folder
