"""The version, which runs and exports carry."""

import re

from packaging.version import Version
from support.places import ROOT

import mtl_keras
from mtl_keras.version import __version__


def test_the_changelog_tells_what_this_version_brings():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[?([^\]\s]+)", changes, re.MULTILINE)
    released = max(Version(heading) for heading in headings if heading != "Unreleased")
    assert mtl_keras.__version__ == __version__ == str(Version(__version__))
    assert Version(__version__) == released or (
        headings[0] == "Unreleased" and Version(__version__) > released
    )
