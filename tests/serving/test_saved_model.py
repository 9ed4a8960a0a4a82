"""An export in this process."""

import pytest
from support.asserts import assert_same_answers
from support.every_kind import LABELS, TEXTS

import mtl_keras as mtl
from mtl_keras.errors import InputError
from mtl_keras.models.prediction import answer
from mtl_keras.serving import saved_model
from mtl_keras.serving.saved_model import SavedModel


def test_it_answers_as_the_model_does(every_kind_export):
    model, folder = every_kind_export
    served = SavedModel(folder.parent)
    assert served.folder == folder
    assert {name: tuple(labels) for name, labels in served.labels.items()} == LABELS
    assert_same_answers(served(TEXTS, batch_size=3), answer(model, TEXTS))
    assert served([]) == []
    with pytest.raises(InputError, match=r"texts\[0\] must be a string. Received: 7"):
        served([7])
    with pytest.raises(InputError, match=r"batch_size must .* Received: 0"):
        served(["a"], batch_size=0)


def test_texts_of_similar_length_share_a_pass(every_kind_export, monkeypatch):
    _, folder = every_kind_export
    passes = []
    monkeypatch.setattr(
        saved_model,
        "answering",
        lambda *_: lambda texts: passes.append(texts) or [{"text": text} for text in texts],
    )
    texts = ["a" * length for length in (1, 9, 2, 8, 3)]
    assert [answer["text"] for answer in SavedModel(folder)(texts, batch_size=2)] == texts
    assert [[len(text) for text in batch] for batch in passes] == [[9, 8], [3, 2], [1]]


def test_a_folder_without_an_export_is_refused(tmp_path):
    with pytest.raises(InputError, match="no export here; give the folder that"):
        SavedModel(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        SavedModel(tmp_path / "absent")
    assert mtl.serving.SavedModel is SavedModel
