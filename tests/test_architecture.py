"""The rooms of the package: which may import which, and what is public."""

import ast
import re
import subprocess
import sys

import pytest
from support.draw_rooms import PICTURE, picture
from support.places import ROOT
from support.rooms import (
    MOST_LINES,
    PACKAGE,
    ROOMS,
    WITHOUT_TENSORFLOW,
    body_lines,
    imports,
    mirror_of,
    modules,
    room_of,
)

import mtl_keras

MODULES = modules()


def test_every_module_stands_in_a_room_and_every_room_has_modules():
    assert {room_of(module) for module in MODULES} == set(ROOMS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_come_from_the_same_room_or_from_rooms_above(module):
    above = ROOMS[: ROOMS.index(room_of(module)) + 1]
    climbing = {name for name in imports(MODULES[module]) if room_of(name) not in above}
    assert not climbing


def test_no_modules_import_each_other_in_a_circle():
    waiting = {module: imports(path) for module, path in MODULES.items()}
    while free := {module for module, needed in waiting.items() if not needed & waiting.keys()}:
        waiting = {module: needed for module, needed in waiting.items() if module not in free}
    assert not waiting


def test_every_module_has_a_mirror_test():
    assert not {module for module in MODULES if not mirror_of(module).is_file()}


def test_no_module_is_long():
    lengths = {module: len(path.read_text().splitlines()) for module, path in MODULES.items()}
    long = {module for module, length in lengths.items() if length > MOST_LINES["module"]}
    assert not long


def test_no_function_is_long():
    long = {
        f"{module}.{name}"
        for module, path in MODULES.items()
        for name, lines in body_lines(path).items()
        if lines > MOST_LINES["body"]
    }
    assert not long


@pytest.mark.parametrize("room", [room for room in ROOMS if (PACKAGE / room).is_dir()])
def test_a_door_says_in_a_sentence_what_its_room_is_for(room):
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    assert len((ast.get_docstring(tree) or "").splitlines()) == 1


@pytest.mark.parametrize("room", [path.parent for path in PACKAGE.rglob("__init__.pyi")])
def test_names_on_a_door_are_there_and_no_module_of_the_room_hides_one(room):
    dotted = ".".join(("mtl_keras", *room.relative_to(PACKAGE).parts))
    door = __import__(dotted, fromlist=["*"])
    for name in door.__all__:
        assert getattr(door, name) is not None
        assert not (room / f"{name}.py").exists()
        assert not (room / name).is_dir()


def test_the_picture_shows_the_rooms_as_they_are():
    assert PICTURE.read_text(encoding="utf-8") == picture(), "python tests/support/draw_rooms.py"


def test_the_page_on_architecture_names_files_that_are_there():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for line in page.splitlines():
        folder = PACKAGE
        for name in re.findall(r"`([a-z_/]+(?:\.py|/))`", line):
            path = next(root / name for root in (PACKAGE, ROOT, folder) if (root / name).exists())
            folder = path.parent  # a second file of a row stands in the folder of the first


def test_what_is_public():
    assert sorted(mtl_keras.__all__) == [
        "Aligned",
        "CAGrad",
        "Columns",
        "DBMTL",
        "DWA",
        "Distillation",
        "EmbeddingTransformer",
        "FAMO",
        "FreezePlan",
        "GLS",
        "GradVac",
        "GradientProjection",
        "IMTLG",
        "InputError",
        "LayerwiseOptimizer",
        "LearningRates",
        "MGDA",
        "MultiTaskModel",
        "Nash",
        "OwnBlocks",
        "PCGrad",
        "RLW",
        "RateSchedule",
        "Recipe",
        "Run",
        "STCH",
        "Snapshot",
        "Stage",
        "StartingWeights",
        "Task",
        "TaskDataset",
        "TextEncoder",
        "TrainingPlan",
        "UPGrad",
        "Uncertainty",
        "WorkError",
        "advise",
        "answer",
        "batches",
        "check",
        "compare",
        "evaluate",
        "export_saved_model",
        "interleave",
        "layerwise_adamw",
        "load_model",
        "load_recipe",
        "publish",
        "search",
        "train",
        "trainability",
        "with_replay",
    ]


@pytest.mark.parametrize("name", mtl_keras.__all__)
def test_public_names_are_there_and_described(name):
    assert getattr(mtl_keras, name).__doc__


@pytest.mark.slow
def test_declarations_load_without_tensorflow():
    names = [
        name
        for name in MODULES
        if any(f"{name}.".startswith(f"{declared}.") for declared in WITHOUT_TENSORFLOW)
    ]
    imports = "; ".join(f"import mtl_keras.{name}" for name in names)
    program = f"import sys; {imports}; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
