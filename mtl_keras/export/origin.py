"""What a card says of where a model comes from: a run's folder, or a program that held it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtl_keras.data.audit import audit
from mtl_keras.data.findings import Finding
from mtl_keras.data.task import Task
from mtl_keras.data.task_dataset import TaskDataset
from mtl_keras.display import in_markdown
from mtl_keras.encoders.pretrained.sources import without_place
from mtl_keras.runs.left_out import LeftOut
from mtl_keras.runs.provenance import versions
from mtl_keras.runs.run import HISTORY, LEFT_OUT, Run
from mtl_keras.runs.unfinished import CHANGES
from mtl_keras.storage.run_folder import RECORD

if TYPE_CHECKING:
    from mtl_keras.models.multi_task_model import MultiTaskModel


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a model comes from.

    Args:
        encoder: its name: a source; of a folder only the last part, whose place is nobody's
            business.
        weights: which they are, in Markdown.
        max_length: word pieces that are read of a text.
        tasks: name → task.
        examples: task → split → how many it was trained and judged on.
        left_out: what is saved as no head reads the encoder's last block; None: nothing.
        findings: what is to know of the examples.
        training: the plan, and by what it was trained.
        stages: a record each, as in a run's `history.json`.
        drift: task → what became of its answers while its head was frozen.
    """

    encoder: str
    weights: str
    max_length: int
    tasks: Mapping[str, Task]
    examples: Mapping[str, Mapping[str, int]]
    left_out: str | None
    findings: Sequence[Finding]
    training: str
    stages: Sequence[Mapping]
    drift: Mapping[str, Mapping]

    @classmethod
    def of_run(cls, run: Run, best: str | None) -> "Origin":
        """Of a run.

        Args:
            run: finished.
            best: the task, or `mean`, whose best weights these are; None: those of the end.
        """
        record, history, recipe = run.read_json(RECORD), run.read_json(HISTORY), run.recipe
        which = f"the best weights for {in_markdown(best)}" if best else "the final weights"
        saved = record.get(LEFT_OUT)
        by = _trained_by(record.get("versions", {}))
        return cls(
            encoder=without_place(recipe.encoder),
            weights=f"{which} of the run {in_markdown(run.folder.resolve().name)}",
            max_length=recipe.max_length,
            tasks=run.tasks,
            examples=record["examples"],
            left_out=LeftOut.from_json(saved).in_words() if saved else None,
            findings=run.audit,
            training=f"Plan: {record['plan']}. {by}{_changes(record)}",
            stages=history["stages"],
            drift=history.get("drift", {}),
        )

    @classmethod
    def of_model(cls, model: "MultiTaskModel", datasets: Mapping[str, TaskDataset]) -> "Origin":
        """Of a model that a program holds, and its tasks' data.

        Its training is known if nothing trained it after `fit_stages`.
        """
        trained = model.in_stages
        plan = f"Plan: {trained.plan}." if trained else "Plan: not recorded."
        return cls(
            encoder=without_place(model.encoder.source or "an encoder without a source"),
            weights="the weights that it had in the program that exported it",
            max_length=model.encoder.tokenizer.max_length,
            tasks=model.tasks,
            examples={name: dict(dataset.counts) for name, dataset in datasets.items()},
            left_out=None,
            findings=audit(datasets, model.encoder.tokenizer),
            training=f"{plan} {_trained_by(versions())}",
            stages=trained.stages if trained else (),
            drift=trained.drift if trained else {},
        )


def _trained_by(versions: Mapping[str, str]) -> str:
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"Trained by {listed}."


def _changes(record: Mapping) -> str:
    """What changed between the run's begin and its end."""
    changes = record.get(CHANGES) or ()
    return f" Changed since it began: {'; '.join(map(str, changes))}." if changes else ""
