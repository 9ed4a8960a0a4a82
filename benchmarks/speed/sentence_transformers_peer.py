"""sentence-transformers: each text encoded once, then scikit-learn's logistic regression."""

from pathlib import Path

import joblib
import measure
import torch
import work
from sentence_transformers import SentenceTransformer, models
from sklearn.linear_model import LogisticRegression
from work import Job

MAX_ITERATIONS = 1000


def train(job: Job) -> dict[str, float]:
    """Files → a classifier a task on the disk; validation accuracy by task.

    There are no epochs: the solver ends when it has converged.
    """
    encoder = _encoder(job)
    accuracy = {}
    for task in work.TASKS:
        texts, labels = measure.read(job, task, "train")
        classifier = LogisticRegression(max_iter=MAX_ITERATIONS)
        classifier.fit(encoder.encode(texts, batch_size=work.BATCH_SIZE), labels)
        joblib.dump(classifier, Path(job.scratch, f"{task}.joblib"))
        texts, labels = measure.read(job, task, "validation")
        vectors = encoder.encode(texts, batch_size=work.BATCH_SIZE)
        accuracy[task] = float(classifier.score(vectors, labels))
    return accuracy


def settings(job: Job) -> dict:
    """How it was set up."""
    return {
        "encode": "sorted by length (its default), no normalization",
        "batch_size": work.BATCH_SIZE,
        "classifier": f"LogisticRegression(max_iter={MAX_ITERATIONS})",
        "threads": torch.get_num_threads(),
        "versions": measure.versions("sentence-transformers", "torch", "scikit-learn"),
    }


def _encoder(job: Job) -> SentenceTransformer:
    transformer = models.Transformer(job.encoder, max_seq_length=work.MAX_LENGTH)
    pooling = models.Pooling(transformer.get_word_embedding_dimension(), pooling_mode="mean")
    return SentenceTransformer(modules=[transformer, pooling], device="cpu")


if __name__ == "__main__":
    torch.set_num_threads(measure.num_cores())
    measure.main({work.TRAIN: train}, settings)
