"""Modules of TF Hub, fetched over HTTP: once, and refused in a line."""

import tarfile

import pytest
from support.asserts import assert_same_weights
from support.published import HUB, assert_refused

from mtl_keras.encoders.pretrained import loading
from mtl_keras.encoders.text_encoder import TextEncoder


def test_tf_hub_archive_over_http(shared, hub_folder, served, tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    with tarfile.open(tmp_path / "bert.tar.gz", "w:gz") as archive:
        archive.add(hub_folder, arcname=".")
    address, requests = served
    for _ in range(2):
        encoder = TextEncoder.from_pretrained(f"{address}/bert.tar.gz")
    assert requests == ["/bert.tar.gz?tf-hub-format=compressed"]  # then from the cache
    expected = loading.load(str(shared / HUB)).transformer.get_weights()
    assert_same_weights(encoder.transformer.get_weights(), expected)


@pytest.mark.slow
def test_handles_out_of_reach(served, tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    address, _ = served
    (tmp_path / "page.tar.gz").write_text("<html>please sign in</html>")
    assert_refused(f"{address}/page.tar.gz", "not a complete .tar or .tar.gz archive", "network")
    assert_refused(f"{address}/none.tar.gz", "404", "give the path of a folder")
    with tarfile.open(tmp_path / "elsewhere.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "page.tar.gz", arcname="../elsewhere")
    assert_refused(f"{address}/elsewhere.tar.gz", "would write '../elsewhere', elsewhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("cache", "elsewhere.tar.gz", "page.tar.gz")
    ]
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
    assert_refused("http://127.0.0.1:9/x.tar.gz", "Connection refused", "check the handle")
