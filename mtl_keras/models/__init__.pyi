from .loading import load_model as load_model
from .multi_task_model import MultiTaskModel as MultiTaskModel
from .optimizers import LayerwiseOptimizer as LayerwiseOptimizer
from .optimizers import layerwise_adamw as layerwise_adamw
from .prediction import answer as answer
