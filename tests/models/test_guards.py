"""Which guard a protection becomes, and what it refuses."""

import pytest
import tensorflow as tf
from support.every_kind import TASKS, make_model

from mtl_keras.errors import InputError
from mtl_keras.models.guards import Guard, guard_of
from mtl_keras.plans.protection import Distillation, GradientProjection, StartingWeights

PROTECTIONS = [Distillation(), GradientProjection(), StartingWeights()]
each_protection = pytest.mark.parametrize("by", PROTECTIONS, ids=lambda by: type(by).__name__)


@pytest.mark.slow
@each_protection
def test_without_tasks_nothing_is_guarded(tiny_model, by):
    assert type(guard_of(tiny_model(), [], by)) is Guard


@pytest.mark.slow
@each_protection
def test_a_guard_holds_each_task_once(tiny_model, by):
    guard = guard_of(tiny_model(), ["topic", "topic"], by)
    assert guard.tasks == ("topic",)
    assert type(guard) is not Guard


@pytest.mark.slow
def test_a_teacher_of_each_kind_agrees_with_itself_until_the_model_moves(tiny_bert):
    model = make_model(tiny_bert)
    model.compile()
    tasks = [task.name for task in TASKS if task.name != "topic"]
    guard = guard_of(model, tasks, Distillation())
    x = {
        "token_ids": tf.constant([[2, 5, 6, 3], [2, 7, 3, 0]]),
        "padding_mask": tf.constant([[True] * 4, [True] * 3 + [False]]),
    }
    still = guard.penalties(model, x, model(x, training=False))
    assert [float(penalty) for penalty in still] == pytest.approx([0.0] * len(tasks), abs=1e-5)
    for name in tasks:
        (head,) = model.layer_groups[f"heads/{name}"]
        head.set_weights([-weight for weight in head.get_weights()])
    moved = guard.penalties(model, x, model(x, training=False))
    assert min(float(penalty) for penalty in moved) > 0.1


@pytest.mark.slow
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
