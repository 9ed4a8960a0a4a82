"""A run that has begun in its folder: trained, evaluated, and written down."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from mtl_keras.data.audit import audit
from mtl_keras.data.findings import Finding
from mtl_keras.distribution.strategies import Workers
from mtl_keras.errors import InputError, WorkError
from mtl_keras.evaluation.peak_memory import peak_bytes
from mtl_keras.evaluation.review import evaluate_and_review
from mtl_keras.runs.provenance import provenance
from mtl_keras.runs.run import AUDIT, BEST, HISTORY, LOGS, METRICS, REVIEW, TABLE, Run
from mtl_keras.runs.unfinished import (
    CHANGES,
    NORMALIZES,
    UNITS,
    begin,
    changes_of,
    check_data,
    checkpoints_of,
    normalizes_as_source,
)
from mtl_keras.storage.refusals import as_user_error
from mtl_keras.storage.run_folder import MODEL, RECORD
from mtl_keras.training.interruptions import Interruption
from mtl_keras.training.materials import Materials
from mtl_keras.training.monitoring import HistoryTable, TensorBoardLogs
from mtl_keras.training.trainer import Trainer


@dataclass(frozen=True, kw_only=True, eq=False)
class BegunRun:
    """A run that has begun in its folder, ready to train.

    Args:
        run: the run's folder.
        materials: recipe, data and model.
        trainer: the trainer, at the first stage or at a checkpoint.
        workers: the workers that train together.
        facts: the run's provenance.
        audit: what to know about the examples.
    """

    run: Run
    materials: Materials
    trainer: Trainer
    workers: Workers
    facts: Mapping
    audit: Sequence[Finding]

    @classmethod
    def of(
        cls,
        run: Run,
        materials: Materials,
        workers: Workers,
        interruption: Interruption,
        of_encoder: Mapping[str, Any],
        *,
        resume: bool,
        report: Callable[[str], None],
    ) -> "BegunRun":
        """Begins a run in its folder, or resumes the one that has begun there."""
        recipe = materials.recipe
        devices = workers.strategy.num_replicas_in_sync
        units = dict(zip(UNITS, (workers.count, devices), strict=True))
        facts = units | provenance(materials.datasets, recipe.path.parent)
        facts |= {NORMALIZES: not resume or normalizes_as_source(run), **of_encoder}
        workers.check_same(json.dumps(facts["data"]), "data")
        has_begun = begin(run, recipe.as_written, facts, resume=resume, report=report)
        trainer = Trainer(materials, run.folder / BEST, checkpoints_of(run), interruption)
        if has_begun:
            trainer.resume(report)
        workers.check_same(str(trainer.resumed_at), "run folders")
        findings = reported_findings(materials, report) if workers.is_chief else ()
        return cls(
            run=run,
            materials=materials,
            trainer=trainer,
            workers=workers,
            facts=facts,
            audit=findings,
        )

    def train(
        self,
        report: Callable[[str], None],
        verbose: int | str,
        callbacks: Sequence[keras.callbacks.Callback],
    ) -> None:
        """Trains all stages and writes the run's files."""
        table = HistoryTable(self.run.folder / TABLE, self.trainer.histories)
        tasks = self.materials.model.tasks
        logs = TensorBoardLogs(self.run.folder / LOGS, tasks, self.trainer.histories)
        try:
            with self.workers.strategy.scope():
                self.trainer.run_stages(
                    report=report,
                    verbose=verbose,
                    callbacks=callbacks,
                    watchers=[table, logs],
                    at_end=functools.partial(self._check_data, self.workers.agree),
                )
            table.write()
            logs.write()
            if self.workers.is_chief:
                self._write(report)
        except (KeyboardInterrupt, SystemExit):
            report(f"{self.run.folder}: interrupted; --resume continues it")
            raise

    def _check_data(self, agree: Callable[[int], int] = lambda number: number) -> None:
        check_data(self.run, self.materials.datasets, self.materials.recipe.path.parent, agree)

    def _write(self, report: Callable[[str], None]) -> None:
        """Evaluates the model and writes the files of the run; `run.json` marks it as finished."""
        run, trainer, recipe = self.run, self.trainer, self.materials.recipe
        model, datasets = self.materials.model, self.materials.datasets
        best = trainer.selection.best
        history = {"stages": trainer.finished, "best": best, "drift": trainer.drift()}
        run.write_json(HISTORY, history)
        features = self.materials.features.look_up()
        scores, reviews = evaluate_and_review(model, datasets, features)
        metrics: dict[str, Any] = {**scores}
        if self.audit:
            metrics[AUDIT] = [finding.to_json() for finding in self.audit]
        run.write_json(METRICS, metrics)
        run.write_json(REVIEW, reviews)
        # The optimizer's state is twice the weights, and not of the best ones, which were put back.
        model.optimizer, model.compiled = None, False
        run.write(MODEL, model.save)
        self._check_data()
        record = {
            "recipe_folder": str(recipe.path.parent),
            "plan": str(recipe.plan),
            "tasks": {name: task.get_config() for name, task in model.tasks.items()},
            "examples": {name: dict(dataset.counts) for name, dataset in datasets.items()},
            "seed": recipe.seed,
            "peak_memory_bytes": peak_bytes(),
            **self.facts,
            CHANGES: changes_of(run),
        }
        run.write_json(RECORD, record)
        _show(run, report)


def _show(run: Run, report: Callable[[str], None]) -> None:
    """Writes the run's page. The run is finished: what goes wrong now is reported, not raised."""
    try:
        run.report()
    except (InputError, WorkError) as error:
        report(f"warning: the run's page is not written: {error}")
    except OSError as error:
        report(f"warning: the run's page is not written: {as_user_error(error)}")


def reported_findings(materials: Materials, report: Callable[[str], None]) -> tuple[Finding, ...]:
    """Reports, and returns, what to know about the examples."""
    findings = audit(materials.datasets, materials.model.encoder.tokenizer)
    for finding in findings:
        report(f"warning: {finding.in_words()}")
    return findings
