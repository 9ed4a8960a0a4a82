"""Keras's `fit` computes frozen layers once a text, and trains the same model."""

import keras
import numpy as np
import pytest
from support.asserts import assert_same_weights

import mtl_keras as mtl
from mtl_keras.models.multi_task_model import MultiTaskModel

ROWS = [
    {"text": f"{word} {end}", "label": label}
    for word, label in (("aaa", "good"), ("aba", "good"), ("ccc", "bad"), ("cbc", "bad"))
    for end in ("d", "d e", "e", "fed", "feed bed", "e d e f")
]
DATA = {"train": ROWS, "validation": ROWS[::3], "test": ROWS[::5]}


@pytest.fixture
def datasets():
    return {name: mtl.TaskDataset(mtl.Task(name, data=DATA)) for name in ("mood", "tone")}


@pytest.fixture
def model_of(tiny_encoder, datasets):
    """A model of both tasks without dropout, the same every time: `model_of("lowest:1")`."""

    def make(frozen):
        keras.utils.set_random_seed(0)
        tasks = [dataset.task for dataset in datasets.values()]
        model = mtl.MultiTaskModel(tiny_encoder(dropout=0.0), tasks, head_dropout=0.0)
        mtl.FreezePlan(frozen).apply(model)
        model.compile()
        return model

    return make


@pytest.fixture
def levels_trained_from(monkeypatch):
    """The level that batches begin with, of every call of `fit_batches`."""
    levels, plain = [], MultiTaskModel.fit_batches

    def fit_batches(model, **given):
        levels.append(model.level)
        return plain(model, **given)

    monkeypatch.setattr(MultiTaskModel, "fit_batches", fit_batches)
    return levels


def _shorter(tokenizer):
    """The same, cut at fewer word pieces."""
    return type(tokenizer).from_config(tokenizer.get_config() | {"max_length": 4})


def _interleaved(model, datasets, split="train", seed=0):
    tokenizer = model.encoder.tokenizer
    by_task = {
        name: mtl.batches(dataset, split, tokenizer, batch_size=8, seed=seed)
        for name, dataset in datasets.items()
    }
    return mtl.interleave(by_task)


@pytest.mark.slow
@pytest.mark.parametrize("frozen", ["backbone", "lowest:1"])
def test_it_trains_what_keras_alone_would(model_of, datasets, frozen):
    fitted = []
    for name in ("fit", "fit_batches"):
        model = model_of(frozen)
        validation = _interleaved(model, datasets, "validation", seed=None)
        train = _interleaved(model, datasets)
        history = getattr(model, name)(train, validation_data=validation, epochs=2, verbose=0)
        assert model.level is None
        fitted.append((model, history.history))
    (kept, of_kept), (plain, of_plain) = fitted
    assert_same_weights(kept.weights, plain.weights, tolerance=1e-5)
    for name, values in of_plain.items():
        np.testing.assert_allclose(of_kept[name], values, atol=1e-4, err_msg=name)


def test_each_text_is_encoded_once(model_of, datasets, levels_trained_from, capsys):
    model = model_of("backbone")
    model.fit(_interleaved(model, datasets), epochs=3)
    assert levels_trained_from == ["sentence_embedding"]
    assert "keeps the output of sentence_embedding for 24 texts" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("frozen", "given"),
    [
        ("none", {"epochs": 2}),
        ("backbone", {"epochs": 1}),
        ("backbone", {"epochs": 3, "initial_epoch": 2}),
        ("backbone", {"epochs": 2, "steps_per_epoch": 1}),
    ],
    ids=["nothing frozen", "one epoch", "one epoch left", "counted steps"],
)
def test_it_encodes_each_batch_if_keeping_would_not_pay(
    model_of, datasets, levels_trained_from, frozen, given
):
    model = model_of(frozen)
    model.fit(_interleaved(model, datasets), verbose=0, **given)
    assert levels_trained_from == [None]


@pytest.mark.slow
def test_it_encodes_batches_whose_texts_it_does_not_know(model_of, datasets, levels_trained_from):
    model = model_of("backbone")
    model.fit(_interleaved(model, datasets).take(1), epochs=2, verbose=0)
    tokenizer = _shorter(model.encoder.tokenizer)
    by_task = {
        name: mtl.batches(dataset, "train", tokenizer, batch_size=8)
        for name, dataset in datasets.items()
    }
    model.fit(mtl.interleave(by_task), epochs=2, verbose=0)
    assert levels_trained_from == [None, None]


def test_validation_may_be_of_other_texts(model_of, datasets, levels_trained_from):
    model = model_of("backbone")
    test = _interleaved(model, datasets, "test", seed=None)
    history = model.fit(_interleaved(model, datasets), validation_data=test, epochs=2, verbose=0)
    assert levels_trained_from == ["sentence_embedding"]
    again = model.evaluate(test, return_dict=True, verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(again["loss"], abs=1e-5)


def test_a_failed_fit_leaves_a_model_that_takes_texts(model_of, datasets):
    class Stop(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise ZeroDivisionError

    model = model_of("backbone")
    with pytest.raises(ZeroDivisionError):
        model.fit(_interleaved(model, datasets), epochs=2, verbose=0, callbacks=[Stop()])
    assert model.level is None
    assert model.predict(["aaa d"])[0].keys() >= {"mood", "tone"}
