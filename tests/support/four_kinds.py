"""A tiny model with a task of each kind, and texts that are hard on offsets and pages."""

import numpy as np

import mtl_keras as mtl

TASKS = [
    mtl.Task("topic", labels=["x", "ý", "<b>z</b>"]),
    mtl.Task("entities", kind="tagging", labels=["city", "product"]),
    mtl.Task("flags", kind="multilabel", labels=["p", "q", "r"]),
    mtl.Task("stars", kind="regression"),
]
LABELS = {task.name: task.labels for task in TASKS if task.labels}
TEXTS = [
    "abc d. gg ff!",
    "",
    "   ",
    "[SEP] [CLS] a",
    "naïve ÀÉ ß ﬁ … 漢字 🙂 abc שלום d 👩‍👩‍👧 e",
    "a\x00b c\r\nd",
    "<script>alert(1)</script> a b",
    "g f e d c b a " * 40,
]


def make_model(tiny_bert) -> mtl.MultiTaskModel:
    """Untrained; its answers differ from text to text."""
    encoder = mtl.TextEncoder.from_pretrained(str(tiny_bert), max_length=16)
    model = mtl.MultiTaskModel(encoder, TASKS)
    generator = np.random.default_rng(1)
    for task in TASKS:
        (head,) = model.layer_groups[f"heads/{task.name}"]
        head.set_weights([generator.normal(0, 3, each.shape) for each in head.get_weights()])
    return model


def assert_same_answers(found, expected) -> None:
    """Equal in everything, but for rounding in the numbers."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_same_answers(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same_answers(one, other)
    elif isinstance(expected, float):
        assert abs(found - expected) < 1e-5
    else:
        assert found == expected
