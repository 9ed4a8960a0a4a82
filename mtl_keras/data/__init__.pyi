from .batching import batches as batches
from .columns import Columns as Columns
from .interleaving import interleave as interleave
from .multi_task_batches import with_replay as with_replay
from .own_blocks import OwnBlocks as OwnBlocks
from .task import Task as Task
from .task_dataset import TaskDataset as TaskDataset
