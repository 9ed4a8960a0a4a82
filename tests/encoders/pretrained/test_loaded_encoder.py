"""What every source gives."""

from mtl_keras.encoders.pretrained import LoadedEncoder, load


def test_every_source_gives_one_and_says_whether_embeddings_are_scaled(tiny_bert):
    loaded = load(str(tiny_bert), max_length=16)
    assert isinstance(loaded, LoadedEncoder)
    assert not loaded.normalize
