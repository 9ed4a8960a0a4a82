"""The rooms of the package, in order: each may import the rooms above it, and nothing else of it.

A room is a folder, or a module beside the folders. The folders inside a room are rooms too: each
stands above the modules that lie beside it.
"""

import ast
import functools
from pathlib import Path

from support.places import ROOT, TESTS

PACKAGE = ROOT / "mtl_keras"
MOST_LINES = {"module": 300, "body": 35}

ROOMS = (
    "version",
    "registration",
    "display",
    "charts",
    "errors",
    "storage",
    "distribution",
    "encoders/tokenizers",
    "encoders/transformer",
    "encoders/pretrained",
    "encoders",
    "data",
    "plans",
    "recipes",
    "models/kinds",
    "models",
    "evaluation",
    "runs",
    "reports",
    "training/features",
    "training/solving",
    "training",
    "export/saved_model",
    "export/conversion",
    "export",
    "experiments",
    "serving/demo",
    "serving",
    "cli",
    "__main__",
)
# Rooms and modules that declare, ask and show: they load without waiting for TensorFlow.
WITHOUT_TENSORFLOW = (
    "version",
    "registration",
    "display",
    "charts",
    "errors",
    "storage",
    "distribution.child_process",
    "distribution.clusters",
    "distribution.launching",
    "encoders.transformer.config",
    "encoders.pretrained.archives",
    "encoders.pretrained.checksum",
    "encoders.pretrained.pickle_reader",
    "encoders.pretrained.small_berts",
    "encoders.pretrained.sources",
    "encoders.pretrained.torch_pickle",
    "encoders.embedding_transformer",
    "encoders.chunks",
    "encoders.length_sorting",
    "encoders.texts",
    "data.answer_forms",
    "data.arrow_rows",
    "data.audit",
    "data.cells",
    "data.clock",
    "data.columns",
    "data.constant_answers",
    "data.counts",
    "data.character_spans",
    "data.delimited",
    "data.epoch_order",
    "data.example_arrays",
    "data.examples",
    "data.faults",
    "data.file_formats",
    "data.findings",
    "data.first_lines",
    "data.hub_datasets",
    "data.interleaving",
    "data.json_rows",
    "data.label_findings",
    "data.label_index",
    "data.label_kinds",
    "data.labels",
    "data.levels",
    "data.model_labels",
    "data.multi_task_batches",
    "data.near_texts",
    "data.oddities",
    "data.own_blocks",
    "data.padding",
    "data.records",
    "data.row_errors",
    "data.rows",
    "data.schedules",
    "data.shuffling",
    "data.sniffing",
    "data.splits",
    "data.split_files",
    "data.split_rows",
    "data.split_sources",
    "data.tables",
    "data.tags",
    "data.task",
    "data.task_dataset",
    "data.task_names",
    "data.validation_cut",
    "data.word_columns",
    "plans",
    "recipes",
    "runs.building",
    "runs.checkpoint_files",
    "runs.data_check",
    "runs.provenance",
    "runs.run",
    "runs.starting_run",
    "runs.unfinished",
    "training.interruptions",
    "evaluation.figures",
    "evaluation.latency",
    "evaluation.shown_rows",
    "evaluation.paired_bootstrap",
    "export.conversion.formats",
    "export.conversion.process",
    "export.conversion.program",
    "export.model_card",
    "export.origin",
    "export.saved_model.loading",
    "export.saved_model.served_answers",
    "experiments.advice",
    "experiments.advice_rules",
    "experiments.advice_warnings",
    "experiments.compared_plans",
    "experiments.comparison",
    "experiments.comparison_summary",
    "experiments.conclusions",
    "experiments.data_profile",
    "experiments.depth_picture",
    "experiments.differences",
    "experiments.fronts",
    "experiments.matching",
    "experiments.plots",
    "experiments.report",
    "experiments.tables",
    "reports.drawing",
    "reports.answer_pictures",
    "reports.answers",
    "reports.names",
    "reports.page",
    "reports.reviewing",
    "reports.run_report",
    "reports.stages",
    "reports.tables",
    "reports.training_pictures",
    "reports.verdicts",
    "serving",
    "cli",
    "__main__",
)


@functools.cache
def modules() -> dict[str, Path]:
    """Dotted name below the package → file, of every module that stands in a room."""
    paths = (path for path in PACKAGE.rglob("*.py") if "samples" not in path.parts)
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in sorted(paths)
        if path.stem != "__init__"
    }


def room_of(module: str) -> str:
    """The room in which a module stands: `encoders.pretrained.loading` → `encoders/pretrained`."""
    return "/".join(module.split(".")[:-1]) or module


def imports(path: Path) -> set[str]:
    """Dotted names below the package of the modules that one imports, also inside functions."""
    paths = modules()
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {node.module or ""} | {f"{node.module}.{a.name}" for a in node.names}
    below = {name.removeprefix("mtl_keras.") for name in names if name.startswith("mtl_keras.")}
    return {name for name in below if name in paths}


def mirror_of(module: str) -> Path:
    """The file of a module's tests: `data.task` → `tests/data/test_task.py`."""
    *room, name = module.split(".")
    return TESTS.joinpath(*room, f"test_{name}.py")


def body_lines(path: Path) -> dict[str, int]:
    """Name → lines of the body, without the docstring, of every function of a module."""
    lines = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines[node.name] = body[-1].end_lineno - body[0].lineno + 1 if body else 0
    return lines
