"""A task of each kind: a tiny model, small files, and texts that are hard on offsets and pages."""

from pathlib import Path

import numpy as np

import mtl_keras as mtl

TASKS = [
    mtl.Task("topic", labels=["x", "ý", "<b>z</b>"]),
    mtl.Task("entities", kind="tagging", labels=["city", "product"]),
    mtl.Task("flags", kind="multilabel", labels=["p", "q", "r"]),
    mtl.Task("stars", kind="regression"),
    mtl.Task("parts", kind="token_labels", labels=["NOUN", "O", "B-x"]),
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
# Name → kind, suffix and content of a small file.
FILES = {
    "topic": ("classification", "csv", "text,label\n" + "aa b,x\nc d e,y\nf gg,x\n" * 8),
    "entities": ("tagging", "conll", "aa\tB-A\nb\tO\n\nc\tO\nd\tO\nef\tB-A\n\n" * 8),
    "products": ("multilabel", "csv", "text,label\n" + "aa b,p|q\nc d e,q\nf gg,p\n" * 8),
    "stars": ("regression", "csv", "text,label\n" + "aa b,1.5\nc d e,4\nf gg,2\n" * 8),
    "parts": ("token_labels", "conll", "aa\tX\nb\tO\n\nc\tO\nd\tO\nef\tX\n\n" * 8),
}


def open_every_kind(folder: Path) -> dict[str, mtl.TaskDataset]:
    """A data set of each kind; its validation examples are its training examples."""
    opened = {}
    for name, (kind, suffix, content) in FILES.items():
        file = folder / f"{name}.{suffix}"
        file.write_text(content)
        task = mtl.Task(name, kind=kind, files={"train": file, "validation": file})
        opened[name] = mtl.TaskDataset(task)
    return opened


def make_model(tiny_bert) -> mtl.MultiTaskModel:
    """Untrained; its answers differ from text to text."""
    encoder = mtl.TextEncoder.from_pretrained(str(tiny_bert), max_length=16)
    model = mtl.MultiTaskModel(encoder, TASKS)
    generator = np.random.default_rng(1)
    for task in TASKS:
        (head,) = model.layer_groups[f"heads/{task.name}"]
        head.set_weights([generator.normal(0, 3, weight.shape) for weight in head.get_weights()])
    return model
