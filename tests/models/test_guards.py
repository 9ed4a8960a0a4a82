"""Which guard a protection becomes, and what it refuses."""

import pytest

from mtl_keras.errors import InputError
from mtl_keras.models.guards import Guard, guard_of
from mtl_keras.plans.protection import Distillation, GradientProjection, StartingWeights

PROTECTIONS = [Distillation(), GradientProjection(), StartingWeights()]
each_protection = pytest.mark.parametrize("by", PROTECTIONS, ids=lambda by: type(by).__name__)


@each_protection
def test_without_tasks_nothing_is_guarded(tiny_model, by):
    assert type(guard_of(tiny_model(), [], by)) is Guard


@each_protection
def test_a_guard_holds_each_task_once(tiny_model, by):
    guard = guard_of(tiny_model(), ["topic", "topic"], by)
    assert guard.tasks == ("topic",)
    assert type(guard) is not Guard


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (["topics"], "there is no task 'topics'; there are topic, entities"),
        (["topic", "entities"], "with all of topic, entities protected none would learn"),
        ("topic", r"protect takes a list of tasks. Received: 'topic'; give \['topic'\]"),
    ],
)
def test_what_cannot_be_guarded_is_refused(tiny_model, tasks, message):
    with pytest.raises(InputError, match=message):
        guard_of(tiny_model(), tasks, Distillation())
