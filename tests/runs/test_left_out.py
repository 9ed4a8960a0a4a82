"""What is saved by heads below the last block: parameters, bytes, computation."""

from mtl_keras.encoders.levels import cut_above
from mtl_keras.encoders.text_encoder import TextEncoder
from mtl_keras.encoders.transformer.config import EncoderConfig
from mtl_keras.runs.left_out import LeftOut


def test_what_a_cut_encoder_saves_is_counted_and_read_back(letters):
    config = EncoderConfig(
        vocabulary_size=len(letters.vocabulary),
        hidden_dim=8,
        num_layers=3,
        num_heads=2,
        intermediate_dim=16,
        pooler=True,
    )
    encoder = TextEncoder(letters, config)
    cut = cut_above(encoder, "block_0")
    saved = LeftOut.of(encoder, cut)
    kept = cut.transformer.count_params()
    assert saved.parameters == encoder.transformer.count_params() - kept > 0
    assert [saved.blocks, saved.of_blocks] == [2, 3]
    assert LeftOut.from_json(saved.to_json()) == saved
    assert LeftOut.of(cut, cut).blocks == LeftOut.of(cut, cut).parameters == 0
