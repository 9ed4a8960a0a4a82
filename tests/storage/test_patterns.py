"""Patterns find what `glob` finds, and end."""

import glob
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_keras.errors import InputError
from mtl_keras.storage.limits import FILES, SEARCHED
from mtl_keras.storage.patterns import DEEPEST, MOST_PARTS, find_matches

PARTS = ["**", "*", "a*", "?", "[ab]", "[!a]*", ".*", "a", "b", "b.csv", "*.csv", ".", "**a"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tree") / "[t*ree"
    for name in ("a/b.csv", "a/a/b.csv", "a/.hidden/b.csv", "b/a/c.csv", ".b/a", "a.csv", "[a]"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "link").symlink_to("a")
    (root / "broken").symlink_to("absent")
    return root


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_what_matches_is_what_glob_finds(tree, parts, is_absolute, ends_in_slash):
    pattern = "/".join(parts) + "/" * ends_in_slash
    if is_absolute:
        pattern = f"{glob.escape(str(tree))}/{pattern}"
    expected = glob.glob(pattern, root_dir=tree, recursive=True)
    actual = find_matches(pattern, tree)
    if not is_absolute:
        expected = [path for path in expected if os.path.normpath(path) != "."]
    assert {os.path.normpath(path) for path in actual} == {
        os.path.normpath(tree / path) for path in expected
    }


def test_a_pattern_that_matches_too_much_is_refused(tmp_path, monkeypatch):
    for number in range(11):
        (tmp_path / f"{number}.csv").touch()
    monkeypatch.setenv(FILES.variable, "10")
    assert len(find_matches("?.csv", tmp_path)) == 10
    with pytest.raises(InputError, match=r"^\*\.csv: the pattern matches more than 10 files \(set"):
        find_matches("*.csv", tmp_path)


@pytest.mark.parametrize("pattern", ["/**/*", "/**/absent", "/**/**/a/**/x", "/*/*/*/*/absent"])
def test_a_pattern_that_looks_everywhere_is_refused(pattern, monkeypatch):
    monkeypatch.setenv(SEARCHED.variable, "300")
    monkeypatch.setenv(FILES.variable, "1000000")
    with pytest.raises(InputError, match=r"the pattern searches more than 300 names \(set MTL_"):
        find_matches(pattern)


def test_folders_in_each_other_have_an_end(tmp_path):
    (tmp_path / "circle").symlink_to(".")
    assert find_matches("**/*.csv", tmp_path) == []
    tmp_path.joinpath(*"a" * (DEEPEST + 1)).mkdir(parents=True)
    with pytest.raises(InputError, match=f"searches more than {DEEPEST} nested folders"):
        find_matches("**/*.csv", tmp_path)
    with pytest.raises(InputError, match=f"a pattern of more than {MOST_PARTS} parts"):
        find_matches("*/" * 1000, tmp_path)
