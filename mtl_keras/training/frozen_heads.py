"""How each task answered when its head was frozen: what drift is counted from."""

from collections.abc import Collection, Mapping

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.evaluation.drift import Snapshot, drift
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.freeze_plan import backbone_trains
from mtl_keras.plans.layer_groups import head_group


class FrozenHeads:
    """Snapshots of the tasks whose head is frozen while the encoder moves, over all stages.

    Args:
        model: what is trained.
        datasets: task name → its files.

    Attributes:
        snapshots: task → the model when the task's head was frozen and the encoder began to move.
    """

    def __init__(self, model: MultiTaskModel, datasets: Mapping[str, TaskDataset]):
        self._model = model
        self._datasets = datasets
        self.snapshots: dict[str, Snapshot] = {}

    def begin(self, frozen: Collection[str]) -> None:
        """A stage begins: drops the tasks whose head trains, and adds those newly frozen.

        Args:
            frozen: the layer groups that the stage freezes.
        """
        for name in self._model.tasks:
            if head_group(name) not in frozen:
                self.snapshots.pop(name, None)
            elif name not in self.snapshots:
                self.add(name)

    def add(self, task: str) -> None:
        """A task's head is about to be frozen; nothing drifts if the encoder is frozen too."""
        if backbone_trains(self._model):
            self.snapshots[task] = Snapshot.of(self._model, self._datasets[task])

    def resume(self, snapshots: Mapping[str, Snapshot]) -> None:
        """Takes over the snapshots of a checkpoint."""
        self.snapshots = dict(snapshots)

    def drift(self) -> dict[str, dict]:
        """Task → its drift (see `evaluation.drift`) from its snapshot to the model now."""
        return {
            name: drift(before, Snapshot.of(self._model, self._datasets[name]))
            for name, before in self.snapshots.items()
        }
