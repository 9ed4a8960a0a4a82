"""The table of kinds: it agrees with that of the data, and nothing else asks for a kind."""

import ast

import pytest
from support.rooms import modules

from mtl_keras.data.label_kinds import LABEL_KINDS
from mtl_keras.data.task import Task
from mtl_keras.models.kinds.table import TASK_KINDS, kind_of

LOOK_UPS = ("data.task", "models.kinds.table")  # where a task's kind becomes a value
each_kind = pytest.mark.parametrize("kind", TASK_KINDS.values(), ids=lambda kind: kind.name)


def test_both_tables_have_the_same_names():
    assert [*TASK_KINDS] == [*LABEL_KINDS]


@each_kind
def test_a_task_has_the_kind_of_its_name(kind):
    assert kind_of(Task("task", kind=kind.name)) is kind


@each_kind
def test_a_kind_reads_words_if_it_labels_words(kind):
    assert (kind.reads.axes == 2) == LABEL_KINDS[kind.name].per_word


@each_kind
def test_the_metric_of_training_is_the_metric_that_judges(kind):
    assert kind.training_metric().name == LABEL_KINDS[kind.name].metric


@pytest.mark.parametrize("module", modules())
def test_nothing_asks_which_kind_a_task_has(module):
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    asked = [ast.unparse(node) for node in ast.walk(tree) if _asks(node)]
    assert not asked or module in LOOK_UPS


def _asks(node: ast.AST) -> bool:
    """Whether a name of a kind is compared with, keys a dict, or a `kind` is looked up."""
    if isinstance(node, ast.Compare):
        return any(map(_names_kind, [node.left, *node.comparators]))
    if isinstance(node, ast.Dict):
        return any(map(_names_kind, node.keys))
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Attribute) and node.slice.attr == "kind"
    return isinstance(node, ast.MatchValue) and _names_kind(node.value)


def _names_kind(node: ast.AST | None) -> bool:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(map(_names_kind, node.elts))
    return isinstance(node, ast.Constant) and node.value in LABEL_KINDS
