"""The table of kinds, the only place that turns a task's kind into a `TaskKind`."""

from mtl_keras.data.task import Task
from mtl_keras.models.kinds.classification import Classification
from mtl_keras.models.kinds.multilabel import Multilabel
from mtl_keras.models.kinds.regression import Regression
from mtl_keras.models.kinds.tagging import Tagging
from mtl_keras.models.kinds.task_kind import TaskKind
from mtl_keras.models.kinds.token_labels import TokenLabels

TASK_KINDS: dict[str, TaskKind] = {
    kind.name: kind
    for kind in (Classification(), Tagging(), Regression(), Multilabel(), TokenLabels())
}


def kind_of(task: Task) -> TaskKind:
    """Returns the `TaskKind` of a task's kind.

    Example:

    >>> kind_of(Task("stars", kind="regression")).link.activation
    'linear'
    """
    return TASK_KINDS[task.kind]
