"""An export that a module may write into."""

import shutil

import pytest


@pytest.fixture(scope="module")
def exported(every_kind_export, tmp_path_factory):
    """The folder of version 1 of `tickets`, a model of every kind of task."""
    return shutil.copytree(every_kind_export[1], tmp_path_factory.mktemp("saved") / "tickets" / "1")
