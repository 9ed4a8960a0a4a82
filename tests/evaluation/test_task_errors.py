"""Where a model is wrong on a split of a task."""

import pytest
from support.every_kind import open_every_kind

from mtl_keras.data.task import Task
from mtl_keras.errors import InputError
from mtl_keras.evaluation.scores import evaluate
from mtl_keras.models.multi_task_model import MultiTaskModel


@pytest.mark.slow
def test_every_kind_shows_its_mistakes(tiny_encoder, tmp_path):
    datasets = open_every_kind(tmp_path)
    model = MultiTaskModel(tiny_encoder(), [dataset.task for dataset in datasets.values()])
    for name, dataset in datasets.items():
        errors = model.errors(name, "validation")
        scores = [mistake.score for mistake in errors.mistakes]
        assert scores == sorted(scores, reverse=True)
        assert errors.examples == dataset.counts["validation"]
        assert errors.plot().axes[0].get_title() == f"{name}, validation"
        assert "<table" in errors.worst(3)._repr_html_()
        if name in ("topic", "parts"):
            right = sum(count for pair, count in errors.pairs.items() if pair[0] == pair[1])
            accuracy = evaluate(model, dataset, "validation")["accuracy"]
            assert right / errors.pairs.total() == pytest.approx(accuracy)
    words = model.errors("parts", "validation").worst()
    named = {row["expected"].split(", ")[0] for row in words}
    assert named <= {"X (aa)", "O (b)", "O (c)", "O (d)", "X (ef)"}


def test_a_label_that_training_lacks_is_a_mistake_with_its_text(tiny_encoder):
    rows = [{"text": "aaa b" if n % 2 else "c d", "label": "xy"[n % 2]} for n in range(20)]
    test = [*rows[:4], {"text": "only here", "label": "new"}]
    model = MultiTaskModel(tiny_encoder(), [Task("topic", data={"train": rows, "test": test})])
    errors = model.errors("topic")
    assert "only here" in [row["text"] for row in errors.worst() if row["expected"] == "new"]
    assert "of 5 examples have a mistake" in str(errors)
    with pytest.raises(InputError, match="no task 'topci'; it has 'topic'; did you mean 'topic'"):
        model.errors("topci")
    with pytest.raises(InputError, match="has no tset examples"):
        model.errors("topic", "tset")
    with pytest.raises(InputError, match=r"worst takes .* Received: 0"):
        errors.worst(0)
