"""What follows from a family's table: where each weight of the encoder is stored."""

import dataclasses

from mtl_keras.encoders.pretrained.families import GPT_2, HF_BERT, TF_HUB_BERT


def _names(family, **shape) -> dict[str, list[str]]:
    return {path: names for path, _, names in family.tensors(**{"pooler": False} | shape)}


def test_every_block_has_its_tensors_and_the_pooler_if_there_is_one():
    one, three = _names(HF_BERT, num_layers=1), _names(HF_BERT, num_layers=3)
    blocks = [{path for path in three if path.startswith(f"block_{i}/")} for i in range(3)]
    assert len(one) + len(blocks[1]) + len(blocks[2]) == len(three)
    assert {path.replace("block_2", "block_0") for path in blocks[2]} == blocks[0] <= set(one)
    with_pooler = _names(HF_BERT, num_layers=1, pooler=True)
    assert with_pooler.keys() - one.keys() == {"pooler/dense/kernel", "pooler/dense/bias"}


def test_query_key_and_value_are_three_tensors_or_one():
    place = "block_1/query_key_value_kernel"
    assert _names(HF_BERT, num_layers=2)[place] == [
        f"encoder.layer.1.attention.self.{part}.weight" for part in ("query", "key", "value")
    ]
    (name,) = _names(GPT_2, num_layers=2)[place]
    assert GPT_2.weights["block_{i}/query_key_value_kernel"].shape == "hidden_dim 3*hidden_dim"
    assert name.startswith("h.1.")


def test_a_layout_says_how_a_kernel_is_stored():
    name = "block_{i}/attention_output_kernel"
    assert HF_BERT.weights[name].shape == "hidden_dim hidden_dim"
    assert HF_BERT.weights[name].transpose
    assert TF_HUB_BERT.weights[name].shape == "num_heads head_dim hidden_dim"
    assert not TF_HUB_BERT.weights[name].transpose


def test_attention_without_bias_has_no_bias_to_store():
    settings = {**HF_BERT.settings, "attention_bias": False}
    family = dataclasses.replace(HF_BERT, settings=settings)
    absent = set(HF_BERT.weights) - set(family.weights)
    assert absent == {"block_{i}/query_key_value_bias"}
