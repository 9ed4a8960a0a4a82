"""flair's MultitaskModel: text classifiers that share one transformer, as its tutorial shows."""

from pathlib import Path

import flair
import measure
import torch
import work
from flair.data import Corpus, Sentence
from flair.datasets import FlairDatapointDataset
from flair.embeddings import TransformerDocumentEmbeddings
from flair.models import TextClassifier
from flair.nn.multitask import make_multitask_model_and_corpus
from flair.tokenization import SpaceTokenizer
from flair.trainers import ModelTrainer
from work import Job


def train(job: Job) -> dict[str, float]:
    """Files → a trained model on the disk; validation accuracy by task. Everything trains."""
    flair.set_seed(0)
    corpora = {task: _corpus(job, task) for task in work.TASKS}
    classifiers = _classifiers(job, corpora)
    model, corpus = make_multitask_model_and_corpus(
        [(classifiers[task], corpora[task]) for task in work.TASKS]
    )
    ModelTrainer(model, corpus).fine_tune(
        Path(job.scratch, "run"),
        learning_rate=work.LEARNING_RATES["encoder"],
        mini_batch_size=work.BATCH_SIZE,
        eval_batch_size=work.BATCH_SIZE,
        max_epochs=sum(stage.epochs for stage in job.stages),
        attach_default_scheduler=False,
    )
    return {task: _accuracy(classifiers[task], corpora[task].dev, task) for task in work.TASKS}


def settings(job: Job) -> dict:
    """How it was set up."""
    return {
        "model": "MultitaskModel, two TextClassifiers over one TransformerDocumentEmbeddings",
        "trainer": "fine_tune, both tasks in a batch, the tokens that blanks separate",
        "optimizer": f"AdamW, {work.LEARNING_RATES['encoder']}",
        "batch_size": work.BATCH_SIZE,
        "threads": torch.get_num_threads(),
        "versions": measure.versions("flair", "torch", "transformers"),
    }


def _classifiers(job: Job, corpora: dict[str, Corpus]) -> dict[str, TextClassifier]:
    """A classifier a task, all over one transformer."""
    encoder = TransformerDocumentEmbeddings(
        job.encoder,
        fine_tune=True,
        cls_pooling="mean",
        transformers_tokenizer_kwargs={"model_max_length": work.MAX_LENGTH},
    )
    return {
        task: TextClassifier(
            encoder, label_type=task, label_dictionary=corpus.make_label_dictionary(task)
        )
        for task, corpus in corpora.items()
    }


def _accuracy(classifier: TextClassifier, texts: FlairDatapointDataset, task: str) -> float:
    result = classifier.evaluate(texts, task, mini_batch_size=work.BATCH_SIZE)
    return result.classification_report["accuracy"]


def _corpus(job: Job, task: str) -> Corpus:
    train, dev = (_sentences(job, task, split) for split in ("train", "validation"))
    return Corpus(train=train, dev=dev, name=task, sample_missing_splits=False)


def _sentences(job: Job, task: str, split: str) -> FlairDatapointDataset:
    tokenizer = SpaceTokenizer()
    sentences = []
    for text, label in zip(*measure.read(job, task, split), strict=True):
        sentence = Sentence(text, use_tokenizer=tokenizer)
        sentence.add_label(task, label)
        sentences.append(sentence)
    return FlairDatapointDataset(sentences)


if __name__ == "__main__":
    flair.device = torch.device("cpu")
    torch.set_num_threads(measure.num_cores())
    measure.main({work.TRAIN: train}, settings)
