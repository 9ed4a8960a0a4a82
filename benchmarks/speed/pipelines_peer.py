"""Two single-task Transformers pipelines, one after the other, as their documentation shows."""

from collections.abc import Sequence

import measure
import torch
import work
from transformers import AutoTokenizer, BertForSequenceClassification, logging, pipeline
from work import Job


def answer(job: Job) -> measure.Answer:
    """Strings → the label and score of each task; heads are untrained, which costs as much."""
    pipelines = {task: _pipeline(job, task) for task in work.TASKS}

    def answers(texts: Sequence[str]) -> list[dict]:
        result = [pipeline(list(texts)) for pipeline in pipelines.values()]
        return [dict(zip(pipelines, row, strict=True)) for row in zip(*result, strict=True)]

    return answers


def settings(job: Job) -> dict:
    """How the pipelines were made."""
    return {
        "pipeline": "text-classification, one a task, device cpu, truncation, dynamic padding",
        "batch_size": work.BATCH_SIZE,
        "threads": torch.get_num_threads(),
        "versions": measure.versions("torch", "transformers", "tokenizers"),
    }


def _pipeline(job: Job, task: str):
    labels = dict(enumerate(measure.labels(job, task)))
    model = BertForSequenceClassification.from_pretrained(
        job.encoder, num_labels=len(labels), id2label=labels
    )
    return pipeline(
        "text-classification",
        model=model.eval(),
        tokenizer=AutoTokenizer.from_pretrained(job.encoder),
        device="cpu",
        batch_size=work.BATCH_SIZE,
        truncation=True,
        max_length=work.MAX_LENGTH,
    )


if __name__ == "__main__":
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(measure.num_cores())
    measure.main({work.ANSWER: answer}, settings)
