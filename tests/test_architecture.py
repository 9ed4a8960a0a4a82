"""The rooms of the package: which module may import which, and what is public."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mtl_keras

PACKAGE = Path(mtl_keras.__file__).parent
# Each row may import the rows above it, and nothing else of the package.
ROOMS = (
    "errors",
    "memory",
    "tasks",
    "files",
    "state_files",
    "locks",
    "interruptions",
    "clusters",
    "launching",
    "served_answers",
    "transports",
    "serving",
    "formats",
    "examples",
    "file_facts",
    "split_files",
    "shuffling",
    "datasets",
    "passes",
    "merged_batches",
    "provenance",
    "profiles",
    "advice_rules",
    "drawing",
    "report_tables",
    "plots",
    "reports",
    "replicas",
    "strategies",
    "words",
    "preprocessing",
    "byte_pairs",
    "sentence_pieces",
    "reading",
    "widths",
    "batching",
    "answers",
    "architecture",
    "poolings",
    "dropout",
    "blocks",
    "encoders",
    "keras_hub_structure",
    "keras_hub_encoders",
    "damaged_files",
    "layouts",
    "families",
    "torch_files",
    "weight_files",
    "checksums",
    "tokenizer_sources",
    "keras_hub_presets",
    "checkpoints",
    "archives",
    "hub_modules",
    "pretrained",
    "text_encoder",
    "prefixes",
    "forward_pass",
    "embedding_transformer",
    "heads",
    "losses",
    "metrics",
    "guards",
    "protection",
    "freezing",
    "stages",
    "plans",
    "grid",
    "optimizers",
    "proof",
    "schedules",
    "model",
    "prediction",
    "feature_stores",
    "features",
    "grouped_pass",
    "export",
    "serving_files",
    "saved_model_answers",
    "verification",
    "export_formats",
    "tokenizer_files",
    "litert",
    "onnx_export",
    "converted_answers",
    "converted_model",
    "selection",
    "intervals",
    "evaluation",
    "probing",
    "drift",
    "located_yaml",
    "recipe_values",
    "recipe_schema",
    "recipes",
    "advice",
    "runs",
    "begun_runs",
    "model_card",
    "conversion_check",
    "converted_card",
    "conversion",
    "demo_sources",
    "demo_application",
    "demo",
    "costs",
    "timings",
    "diagnosis",
    "checkpointing",
    "monitoring",
    "stage_batches",
    "compilation",
    "training_state",
    "resuming",
    "fitting",
    "stage_training",
    "training",
    "publication",
    "forecast",
    "comparison",
    "comparison_run",
    "arguments",
    "console",
    "cli",
)
WITHOUT_TENSORFLOW = (
    "errors",
    "tasks",
    "files",
    "state_files",
    "locks",
    "interruptions",
    "clusters",
    "launching",
    "served_answers",
    "transports",
    "serving",
    "formats",
    "examples",
    "file_facts",
    "split_files",
    "shuffling",
    "datasets",
    "passes",
    "merged_batches",
    "provenance",
    "profiles",
    "advice_rules",
    "drawing",
    "report_tables",
    "plots",
    "reports",
    "widths",
    "architecture",
    "torch_files",
    "checksums",
    "archives",
    "embedding_transformer",
    "protection",
    "freezing",
    "stages",
    "plans",
    "grid",
    "schedules",
    "export_formats",
    "tokenizer_files",
    "converted_answers",
    "converted_model",
    "located_yaml",
    "recipe_values",
    "recipe_schema",
    "recipes",
    "advice",
    "runs",
    "begun_runs",
    "model_card",
    "demo_sources",
    "demo_application",
    "demo",
    "comparison",
    "arguments",
    "console",
    "cli",
)


def _imports(path: Path) -> set[str]:
    """The package's modules that a module imports, at its top or inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found |= {name.split(".")[1] for name in names if name.startswith("mtl_keras.")}
    return found


def test_every_module_has_its_room():
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert modules == set(ROOMS)


@pytest.mark.parametrize("name", ROOMS)
def test_imports_point_upwards(name):
    above = set(ROOMS[: ROOMS.index(name)])
    assert _imports(PACKAGE / f"{name}.py") <= above


def test_what_is_public():
    assert sorted(mtl_keras.__all__) == [
        "Columns",
        "Distillation",
        "EmbeddingTransformer",
        "FreezePlan",
        "GradientProjection",
        "InputError",
        "LayerwiseOptimizer",
        "LearningRates",
        "MultiTaskModel",
        "RateSchedule",
        "Recipe",
        "Run",
        "Snapshot",
        "Stage",
        "StartingWeights",
        "Task",
        "TaskDataset",
        "TextEncoder",
        "TrainingPlan",
        "WorkError",
        "advise",
        "answer",
        "batches",
        "compare",
        "evaluate",
        "export_saved_model",
        "interleave",
        "layerwise_adamw",
        "load_model",
        "load_recipe",
        "publish",
        "train",
        "trainability",
        "with_replay",
    ]


@pytest.mark.parametrize("name", mtl_keras.__all__)
def test_public_names_are_there_and_described(name):
    assert getattr(mtl_keras, name).__doc__


def test_declarations_load_without_tensorflow():
    imports = "; ".join(f"import mtl_keras.{name}" for name in WITHOUT_TENSORFLOW)
    program = f"import sys; {imports}; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
