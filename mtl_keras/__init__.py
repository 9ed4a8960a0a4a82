"""Several text tasks, one compact transformer, every freezing plan.

The names are loaded when they are first used, so that `import mtl_keras` needs no TensorFlow.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtl_keras.advice import advise as advise
    from mtl_keras.batching import batches as batches
    from mtl_keras.comparison import compare as compare
    from mtl_keras.datasets import TaskDataset as TaskDataset
    from mtl_keras.drift import Snapshot as Snapshot
    from mtl_keras.embedding_transformer import EmbeddingTransformer as EmbeddingTransformer
    from mtl_keras.errors import InputError as InputError
    from mtl_keras.errors import WorkError as WorkError
    from mtl_keras.evaluation import evaluate as evaluate
    from mtl_keras.export import export_saved_model as export_saved_model
    from mtl_keras.freezing import FreezePlan as FreezePlan
    from mtl_keras.freezing import trainability as trainability
    from mtl_keras.merged_batches import with_replay as with_replay
    from mtl_keras.model import MultiTaskModel as MultiTaskModel
    from mtl_keras.model import load_model as load_model
    from mtl_keras.optimizers import LayerwiseOptimizer as LayerwiseOptimizer
    from mtl_keras.optimizers import layerwise_adamw as layerwise_adamw
    from mtl_keras.plans import TrainingPlan as TrainingPlan
    from mtl_keras.prediction import answer as answer
    from mtl_keras.protection import Distillation as Distillation
    from mtl_keras.protection import GradientProjection as GradientProjection
    from mtl_keras.protection import StartingWeights as StartingWeights
    from mtl_keras.publication import publish as publish
    from mtl_keras.recipes import Recipe as Recipe
    from mtl_keras.recipes import load_recipe as load_recipe
    from mtl_keras.runs import Run as Run
    from mtl_keras.schedules import interleave as interleave
    from mtl_keras.stages import LearningRates as LearningRates
    from mtl_keras.stages import RateSchedule as RateSchedule
    from mtl_keras.stages import Stage as Stage
    from mtl_keras.tasks import Columns as Columns
    from mtl_keras.tasks import Task as Task
    from mtl_keras.text_encoder import TextEncoder as TextEncoder
    from mtl_keras.training import train as train

__version__ = "0.1.0"

_MODULE_OF = {
    "advise": "advice",
    "compare": "comparison",
    "TaskDataset": "datasets",
    "Snapshot": "drift",
    "EmbeddingTransformer": "embedding_transformer",
    "InputError": "errors",
    "WorkError": "errors",
    "evaluate": "evaluation",
    "export_saved_model": "export",
    "FreezePlan": "freezing",
    "trainability": "freezing",
    "MultiTaskModel": "model",
    "load_model": "model",
    "LayerwiseOptimizer": "optimizers",
    "layerwise_adamw": "optimizers",
    "TrainingPlan": "plans",
    "answer": "prediction",
    "batches": "batching",
    "Distillation": "protection",
    "GradientProjection": "protection",
    "StartingWeights": "protection",
    "publish": "publication",
    "Recipe": "recipes",
    "load_recipe": "recipes",
    "Run": "runs",
    "interleave": "schedules",
    "with_replay": "merged_batches",
    "LearningRates": "stages",
    "RateSchedule": "stages",
    "Stage": "stages",
    "Columns": "tasks",
    "Task": "tasks",
    "TextEncoder": "text_encoder",
    "train": "training",
}
__all__ = list(_MODULE_OF)


def __getattr__(name: str):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
