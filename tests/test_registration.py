"""Whoever imports the package can load its files with Keras, and waits for nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import ROOT

from mtl_keras.registration import CLASSES

BEFORE = "import mtl_keras, keras"
AFTER = "import keras, mtl_keras"
LOOKED_FOR = "import mtl_keras, importlib.util; importlib.util.find_spec('keras'); import keras"
LOAD = """
object = keras.saving.get_registered_object("mtl_keras>MeanPooling")
layer = keras.saving.deserialize_keras_object({
    "module": "mtl_keras.encoders.transformer.pooling", "class_name": "MeanPooling",
    "config": {"name": "mean"}, "registered_name": "mtl_keras>MeanPooling"})
assert type(layer).__module__ == "mtl_keras.encoders.transformer.pooling"
"""


def _run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize("imports", [BEFORE, AFTER, LOOKED_FOR])
def test_keras_finds_a_class_of_the_package(imports):
    _run(imports + LOAD)


def test_neither_keras_nor_tensorflow_is_imported_for_it():
    _run("import mtl_keras, sys; assert not {'keras', 'tensorflow', 'numpy'} & {*sys.modules}")


def test_every_serializable_class_is_listed():
    collected = {}
    for path in sorted((ROOT / "mtl_keras").rglob("*.py")):
        names = tuple(name for node in _statements(path) if (name := _registered(node)))
        if names:
            module = path.relative_to(ROOT / "mtl_keras").with_suffix("")
            collected[".".join(module.parts)] = names
    assert collected == CLASSES


def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body


def _registered(node: ast.stmt) -> str | None:
    """The class that a statement registers: by decorator, or `register…("mtl_keras")(Name)`."""
    if isinstance(node, ast.ClassDef):
        return node.name if any(map(_is_registration, node.decorator_list)) else None
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.args[0]) if _is_registration(node.value.func) else None
    return None


def _is_registration(node: ast.expr) -> bool:
    return ast.unparse(node).startswith("keras.saving.register_keras_serializable(")
