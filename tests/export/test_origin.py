"""What a card says of where a model comes from."""

import pytest

from mtl_keras.data.task import Task
from mtl_keras.export.origin import Origin
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.stage import Stage

ROWS = [{"text": "aaa b" if n % 2 else "c d", "label": "xy"[n % 2]} for n in range(20)]


@pytest.mark.slow
def test_the_training_is_known_until_the_model_trains_otherwise(tiny_encoder):
    model = MultiTaskModel(tiny_encoder(), [Task("topic", data={"train": ROWS})])
    model.fit_stages([Stage(freeze="backbone")], verbose=0, report=lambda line: None)
    origin = Origin.of_model(model, model.datasets())
    assert origin.training.startswith("Plan: stages. Trained by mtl_keras ")
    assert [stage["freeze"] for stage in origin.stages] == ["backbone"]
    assert origin.encoder == "tiny_bert0"
    assert origin.examples == {"topic": {"train": 18, "validation": 2}}
    assert {finding.about for finding in origin.findings} >= {"shared_with_train"}
    model.compile(run_eagerly=True)
    model.train_on_batch(["a"], {"topic": [0]})
    origin = Origin.of_model(model, {})
    assert origin.training.startswith("Plan: not recorded.")
    assert not origin.stages
