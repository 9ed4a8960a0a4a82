"""Snapshots of each task's answers when its head was frozen, from which drift is measured."""

from collections.abc import Collection, Mapping

from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.evaluation.drift import Snapshot, drift
from mtl_keras.models.multi_task_model import MultiTaskModel
from mtl_keras.plans.freeze_plan import backbone_trains
from mtl_keras.plans.layer_groups import head_group


class FrozenHeads:
    """Snapshots of the tasks whose head is frozen while the encoder moves, over all stages.

    Args:
        model: the model that trains.
        datasets: task name → its dataset.

    Attributes:
        snapshots: task → the model when the task's head was frozen and the encoder began to move.
    """

    def __init__(self, model: MultiTaskModel, datasets: Mapping[str, TaskDataset]):
        self._model = model
        self._datasets = datasets
        self.snapshots: dict[str, Snapshot] = {}

    def begin(self, frozen: Collection[str]) -> None:
        """Begins a stage: drops tasks whose head trains, and adds those whose head is now frozen.

        Args:
            frozen: the layer groups that the stage freezes.
        """
        for name in self._model.tasks:
            if head_group(name) not in frozen:
                self.snapshots.pop(name, None)
            elif name not in self.snapshots:
                self.add(name)

    def add(self, task: str) -> None:
        """Takes a snapshot of a task whose head is about to be frozen, if the encoder trains."""
        if backbone_trains(self._model):
            self.snapshots[task] = Snapshot.of(self._model, self._datasets[task])

    def resume(self, snapshots: Mapping[str, Snapshot]) -> None:
        """Takes over the snapshots of a checkpoint."""
        self.snapshots = dict(snapshots)

    def drift(self) -> dict[str, dict]:
        """Returns task → its drift (see `evaluation.drift`) from its snapshot to now."""
        return {
            name: drift(before, Snapshot.of(self._model, self._datasets[name]))
            for name, before in self.snapshots.items()
        }
