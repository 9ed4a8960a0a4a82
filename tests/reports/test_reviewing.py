"""What became of a run's examples: as it was kept, found again, or why not."""

import json
import shutil

import pytest

from mtl_keras.reports.reviewing import reviews_of
from mtl_keras.runs.run import REVIEW, Run

pytestmark = pytest.mark.slow


@pytest.fixture
def copied(trained, tmp_path) -> Run:
    return Run(shutil.copytree(trained, tmp_path / "run"))


def test_what_was_kept_is_found_again_without_it(copied):
    kept, missing = reviews_of(copied)
    assert missing == ""
    assert {name: review["split"] for name, review in kept.items()} == {
        "topic": "test",
        "entities": "test",
    }
    (copied.folder / REVIEW).unlink()
    again, _ = reviews_of(copied)
    assert json.loads(json.dumps(again)) == kept
    assert (copied.folder / REVIEW).is_file()


def test_data_that_changed_or_are_gone_are_named(copied, trained, tmp_path):
    (copied.folder / REVIEW).unlink()
    record = copied.read_json("run.json") | {"recipe_folder": str(tmp_path)}
    copied.write_json("run.json", record)
    reviews, missing = reviews_of(copied)
    assert reviews == {}
    assert "train.csv" in missing
    for name in ("train", "test"):
        for suffix in ("csv", "conll"):
            shutil.copy(trained.parent / f"{name}.{suffix}", tmp_path)
    file = tmp_path / "test.csv"
    file.write_text(file.read_text() + "aaa,x\n")
    assert reviews_of(copied) == ({}, "changed since the run began: 'test.csv'")
