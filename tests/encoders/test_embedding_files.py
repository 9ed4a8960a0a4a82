"""Embeddings of streamed texts, written whole or not at all."""

import errno
import os

import numpy as np
import pytest

from mtl_keras.encoders.embedding_files import write_embeddings
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.errors import InputError, WorkError

TEXTS = ["abc. def!", "", "a", "hello worlds " * 20, "cab"]


@pytest.fixture
def encoder(tiny_encoder) -> TextEncoder:
    return tiny_encoder()


@pytest.mark.slow
def test_embeddings_are_written_as_they_stream(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("mtl_keras.encoders.embedding_files.CHUNK", 2)
    assert write_embeddings(encoder, iter(TEXTS), 5, tmp_path / "x.npy") == (5, 8)
    actual = np.load(tmp_path / "x.npy")
    np.testing.assert_allclose(actual, encoder.encode(TEXTS)["sentence_embedding"], atol=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == ["x.npy"]


def test_nothing_half_written(encoder, tmp_path):
    def texts():
        yield "a"
        raise InputError("no more")

    with pytest.raises(InputError):
        write_embeddings(encoder, texts(), 2, tmp_path / "x.npy")
    assert not list(tmp_path.iterdir())
    with pytest.raises(WorkError, match=r"x\.npy: cannot be written: Not a directory"):
        (tmp_path / "file").touch()
        write_embeddings(encoder, TEXTS, 5, tmp_path / "file" / "x.npy")


def test_full_disk_is_a_failure_of_the_work(encoder, tmp_path):
    def texts():
        yield "a"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(WorkError, match="cannot be written: No space left on device; make"):
        write_embeddings(encoder, texts(), 5, tmp_path / "x.npy")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_embeddings_do_not_follow_a_link(encoder, tmp_path):
    (tmp_path / "mine").write_text("kept")
    for name in ("x.npy", "x.npy.partial"):
        (tmp_path / name).symlink_to("mine")
    write_embeddings(encoder, TEXTS, 5, tmp_path / "x.npy")
    assert (tmp_path / "mine").read_text() == "kept"
    assert np.load(tmp_path / "x.npy").shape == (5, 8)
