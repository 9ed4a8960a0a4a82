"""What a converted model may lose, and what its table tells."""

import numpy as np
import pytest
from support.every_kind import make_model

import mtl_keras as mtl
from mtl_keras.encoders.tokenizers.tokenizer_files import write_tokenizer_files
from mtl_keras.errors import WorkError
from mtl_keras.export.conversion.check import check_conversion


@pytest.fixture(scope="module")
def model(tiny_bert):
    return make_model(tiny_bert)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Texts that have to be cut and labels that are by chance."""
    folder = tmp_path_factory.mktemp("texts")
    rows = [f"{'abcdefg'[n % 7]} bcd {'gfedcba'[n % 7]},{'xýx'[n % 3]}" for n in range(60)]
    for split in ("train", "validation", "test"):
        (folder / f"{split}.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    files = {split: f"{split}.csv" for split in ("train", "validation", "test")}
    task = mtl.Task("topic", labels=["x", "ý", "<b>z</b>"], files=files)
    return mtl.TaskDataset(task, base_folder=folder)


class Changed:
    """Answers as the model, but for what `change` does to a batch's outputs."""

    def __init__(self, model, change):
        self._model, self._change = model, change

    def __call__(self, batch):
        return {
            name: self._change(name, output)
            for name, output in self._model.forward_pass(batch).items()
        }

    def milliseconds(self, batch):
        return 0.5 * len(batch["token_ids"])


@pytest.fixture
def check(model, dataset, tmp_path):
    """Compares the model with itself, changed."""

    def checked(change, precision="float32", datasets=None):
        file = tmp_path / "model.onnx"
        file.write_bytes(b"x" * 1000)
        write_tokenizer_files(model.encoder.tokenizer, tmp_path)
        datasets = {"topic": dataset} if datasets is None else datasets
        return check_conversion(model, Changed(model, change), file, precision, datasets)

    return checked


@pytest.mark.slow
def test_what_answers_alike_passes_and_is_reported(check, model):
    actual = check(lambda name, scores: scores + 5e-6)
    assert actual.difference == pytest.approx(5e-6, rel=0.1)
    assert actual.bytes == (4 * model.count_params(), 1000)
    rows = {row[""]: row for row in actual.rows()}
    assert rows["32 texts, ms"]["model.onnx"] == "16.0"
    records = rows["topic accuracy, test, 60 examples"]
    assert records["trained model"] == records["model.onnx"]
    assert records["change"] == "+0.0000"
    for place in ("topic, texts", "flags, texts", "entities, words", "parts, words"):
        assert rows[f"{place} with the same label"]["model.onnx"] == "100.00%"
    assert rows["texts that tokenizer.json splits as the model does"]["model.onnx"] == "100.00%"


def test_float32_may_be_off_by_rounding_alone(check):
    with pytest.raises(WorkError, match="a score differs by 2e-05 from the model's; expected"):
        check(lambda name, scores: scores + (2e-5 if name == "entities" else 0))
    assert check(lambda name, scores: scores + 2e-5, precision="float16").difference > 1e-5


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_a_score_that_is_no_number_is_refused(check, precision):
    with pytest.raises(WorkError, match="a score differs by nan from the model's"):
        check(lambda name, scores: scores * (np.nan if name == "stars" else 1), precision)


@pytest.mark.parametrize(("precision", "change"), [("float32", 9e-6), ("int8", 0.05)])
def test_answers_that_depend_on_their_company_are_refused(check, precision, change):
    """As those of activations that have one scale a batch."""
    beside = r"a score changes by .* with the other texts in its batch; .* use float32"
    with pytest.raises(WorkError, match=beside):
        check(lambda name, scores: scores + (change if len(scores) > 1 else -change), precision)


def test_other_labels_are_refused(check):
    with pytest.raises(WorkError, match=r"int8 changes too much: 0\.0% of the answers for topic"):
        check(lambda name, s: s[:, [1, 2, 0]] if name == "topic" else s, "int8")


def test_a_tokenizer_that_cuts_otherwise_is_refused(check, model, monkeypatch):
    monkeypatch.setattr(model.encoder.tokenizer, "max_length", 3)
    with pytest.raises(WorkError, match=r"tokenizer\.json splits 0\.0% of the texts as the model"):
        check(lambda name, scores: scores)


def test_without_files_odd_texts_are_compared(check):
    actual = check(lambda name, scores: scores, datasets={})
    assert actual.cut_alike is None
    assert [*actual.milliseconds] == [1, 32]
    assert all(task.split is None and task.same is None for task in actual.tasks.values())
