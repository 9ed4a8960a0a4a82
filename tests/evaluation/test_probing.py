"""Probes: scikit-learn's linear models on what the heads would read."""

import numpy as np
import pytest
from seqeval.metrics import f1_score
from sklearn.linear_model import LogisticRegression, Ridge
from support.asserts import assert_same_weights
from support.every_kind import FILES, open_every_kind

import mtl_keras as mtl
from mtl_keras.errors import InputError
from mtl_keras.evaluation.probing import Probe
from mtl_keras.experiments.job import READINGS


@pytest.fixture
def dataset_of(tmp_path):
    """Makes data sets of 60 texts of four letters to train on, and 30 to test."""

    def make(task: mtl.Task, suffix: str, row_of) -> mtl.TaskDataset:
        generator = np.random.default_rng(0)
        for split, count in (("train", 60), ("test", 30)):
            texts = generator.choice(list("abcdefg"), (count, 4))
            rows = [row_of(list(letters)) for letters in texts]
            header = "text,label\n" if suffix == "csv" else ""
            (tmp_path / f"{split}.{suffix}").write_text(header + "".join(rows))
        files = {split: f"{split}.{suffix}" for split in ("train", "test")}
        declared = mtl.Task(task.name, task.kind, labels=task.labels, files=files)
        return mtl.TaskDataset(declared, base_folder=tmp_path)

    return make


def _of_a_or_x(letters: list[str]) -> str:
    return f"{' '.join(letters)},{'a' if 'a' in letters else 'x'}\n"


def _number_of_a(letters: list[str]) -> str:
    return f"{' '.join(letters)},{letters.count('a')}\n"


def _tagged(letters: list[str]) -> str:
    return "".join(f"{letter}\t{'B-P' if letter in 'ab' else 'O'}\n" for letter in letters) + "\n"


def _embeddings(encoder, dataset, split):
    examples = list(dataset.examples(split))
    vectors = encoder.encode([example.text for example in examples])["sentence_embedding"]
    return vectors, np.array([example.label for example in examples])


@pytest.mark.slow
def test_classification_is_logistic_regression_on_sentence_embeddings(tiny_encoder, dataset_of):
    task = mtl.Task("topic", labels=["a", "never met", "x"])
    dataset, encoder = dataset_of(task, "csv", _of_a_or_x), tiny_encoder()
    before = encoder.transformer.get_weights()
    metrics = Probe.fit(encoder, dataset).evaluate(dataset)
    expected = LogisticRegression(max_iter=1000).fit(*_embeddings(encoder, dataset, "train"))
    assert metrics["accuracy"] == expected.score(*_embeddings(encoder, dataset, "test"))
    assert metrics["examples"] == 30
    assert_same_weights(encoder.transformer.get_weights(), before)


@pytest.mark.slow
def test_a_regression_is_ridge_regression(tiny_encoder, dataset_of):
    task = mtl.Task("stars", "regression")
    dataset, encoder = dataset_of(task, "csv", _number_of_a), tiny_encoder()
    metrics = Probe.fit(encoder, dataset).evaluate(dataset)
    vectors, values = _embeddings(encoder, dataset, "test")
    expected = Ridge().fit(*_embeddings(encoder, dataset, "train")).predict(vectors)
    assert metrics["mae"] == pytest.approx(np.mean(np.abs(expected - values)), rel=1e-4)


@pytest.mark.slow
def test_tagging_reads_the_vectors_of_words(tiny_encoder, dataset_of):
    task = mtl.Task("entities", "tagging", labels=["P"])
    dataset, encoder = dataset_of(task, "conll", _tagged), tiny_encoder()
    metrics = Probe.fit(encoder, dataset).evaluate(dataset)
    vectors, tags = {}, {}
    for split in ("train", "test"):
        examples = list(dataset.examples(split))
        pieces = encoder.encode([example.text for example in examples], ["sequence_output"])
        vectors[split] = pieces["sequence_output"][:, 1:5].reshape(-1, 8)  # each word is a piece
        tags[split] = np.concatenate([example.label for example in examples])
    probe = LogisticRegression(max_iter=1000).fit(vectors["train"], tags["train"])
    classes = np.array(dataset.task.classes)
    actual = classes[probe.predict(vectors["test"])].tolist()
    expected = classes[tags["test"]].tolist()
    assert metrics["span_f1"] == pytest.approx(f1_score([expected], [actual]), abs=0.02)
    assert metrics["span_f1"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("reads", READINGS.values(), ids=READINGS)
def test_one_label_in_training_is_always_answered(tiny_encoder, dataset_of, reads):
    task = mtl.Task("topic", labels=["never met", "x"])
    dataset = dataset_of(task, "csv", lambda letters: f"{' '.join(letters)},x\n")
    metrics = Probe.fit(tiny_encoder(), dataset, reads).evaluate(dataset)
    assert (metrics["accuracy"], metrics["ece"]) == (1.0, 0.0)


@pytest.mark.slow
def test_a_missing_split_is_refused(tiny_encoder, dataset_of):
    dataset, encoder = dataset_of(mtl.Task("topic"), "csv", _of_a_or_x), tiny_encoder()
    with pytest.raises(InputError, match="has no dev examples; it has train, test, validation"):
        Probe.fit(encoder, dataset).evaluate(dataset, "dev")


@pytest.mark.slow
@pytest.mark.parametrize("reads", READINGS.values(), ids=READINGS)
@pytest.mark.parametrize("name", FILES)
def test_a_probe_learns_each_kind_from_whatever_it_reads(tiny_encoder, tmp_path, name, reads):
    dataset, encoder = open_every_kind(tmp_path)[name], tiny_encoder()
    metrics = Probe.fit(encoder, dataset, reads).evaluate(dataset, "validation")
    kind = dataset.task.label_kind
    assert [*metrics] == ["examples", *kind.metrics, "ece", "loss", "low", "high"]
    assert metrics["low"] <= metrics[kind.metric] <= metrics["high"]
    assert metrics["examples"] == dataset.counts["validation"]
    # Among so few texts always to answer the most frequent label would do as well, but no better.
    assert metrics[kind.metric] > 0.6 if kind.higher_is_better else metrics[kind.metric] < 1
