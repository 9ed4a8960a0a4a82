from .batching import batches as batches
from .interleaving import interleave as interleave
from .multi_task_batches import with_replay as with_replay
from .task import Columns as Columns
from .task import Task as Task
from .task_dataset import TaskDataset as TaskDataset
