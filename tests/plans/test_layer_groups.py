"""Layer groups by name, and as a mapping."""

from mtl_keras.plans.layer_groups import LayerGroups, backbone_of, depth_of, head_group, tasks_of

NAMES = ["embeddings", "block_0", "block_1", "heads/topic", "heads/heads"]


def test_names_are_of_the_backbone_or_of_a_head():
    assert [*backbone_of(NAMES), *map(head_group, tasks_of(NAMES))] == NAMES
    assert depth_of(NAMES) == 2
    assert tasks_of(NAMES) == ["topic", "heads"]


def test_a_models_groups_are_its_encoders_and_its_heads(tiny_model):
    model = tiny_model()
    groups = model.layer_groups
    assert isinstance(groups, LayerGroups)
    assert list(groups.backbone) == list(model.encoder.layer_groups)
    assert list(groups.heads) == list(model.tasks)
    assert groups.heads["topic"] == [model.get_layer("topic_head")] == groups["heads/topic"]
