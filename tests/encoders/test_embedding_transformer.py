"""scikit-learn over sentence embeddings."""

import copy
import importlib.util
import itertools
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from mtl_keras import Columns, Task, TaskDataset, TextEncoder
from mtl_keras.encoders import embedding_transformer
from mtl_keras.encoders.embedding_transformer import EmbeddingTransformer
from mtl_keras.errors import InputError

TEXTS = ["abc. def!", "", "cab", "abc. def!"]
COMMON_CHECKS = 40


class OfNumbers(EmbeddingTransformer):
    """Reads numbers, which scikit-learn's own checks feed: rounded, one letter a number."""

    def fit(self, X, y=None):  # noqa: N803
        return super().fit(_letters(validate_data(self, X)), y)

    def transform(self, X):  # noqa: N803
        return super().transform(_letters(validate_data(self, X, reset=False)))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = tags.input_tags.string = False
        return tags


def _letters(rows: np.ndarray) -> list[str]:
    return [" ".join(chr(ord("a") + int(abs(number)) % 26) for number in row) for row in rows]


@pytest.fixture
def transformer(tiny_bert) -> EmbeddingTransformer:
    return EmbeddingTransformer(str(tiny_bert), max_length=16)


@pytest.fixture
def loads(monkeypatch) -> list[str]:
    """The sources that are loaded from here on."""
    collected: list[str] = []
    load = TextEncoder.from_pretrained

    def recorded(source, **options):
        collected.append(source)
        return load(source, **options)

    monkeypatch.setattr(TextEncoder, "from_pretrained", recorded)
    embedding_transformer._load.cache_clear()
    return collected


@pytest.mark.slow
def test_the_same_as_encode(transformer, tiny_encoder):
    encoder = tiny_encoder()
    expected = encoder.encode(TEXTS)["sentence_embedding"]
    for one in (transformer, EmbeddingTransformer(encoder)):
        actual = one.fit_transform(TEXTS)
        assert actual.dtype == np.float32
        np.testing.assert_allclose(actual, expected, atol=1e-6)
        np.testing.assert_array_equal(one.transform(TEXTS), actual)
    assert transformer.transform([]).shape == (0, 8)


@pytest.mark.slow
def test_equal_texts_are_encoded_once(tiny_encoder, monkeypatch):
    encoder, seen = tiny_encoder(), []
    encode = encoder.encode
    monkeypatch.setattr(
        encoder, "encode", lambda texts, **options: seen.extend(texts) or encode(texts, **options)
    )
    actual = EmbeddingTransformer(encoder).transform(["a", "b", "a", "c", "b"])
    assert seen == ["a", "b", "c"]
    np.testing.assert_array_equal(actual[[0, 1]], actual[[2, 4]])


@pytest.mark.parametrize(
    "column",
    [
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, object),
        np.array(TEXTS).reshape(-1, 1),
        [[text] for text in TEXTS],
    ],
)
def test_lists_arrays_and_columns_are_read_alike(transformer, column):
    np.testing.assert_array_equal(transformer.transform(column), transformer.transform(TEXTS))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("a text", r"must be a list of strings: \[text\]\. Received: 'a text'"),
        (b"a text", r"strings: \[text\]"),
        (
            ["a", None],
            r"texts\[1\] must be a string\. Received: None; fill it in or remove the row",
        ),
        (np.array(["a", float("nan")], object), r"texts\[1\] must be a string\. Received: nan"),
        (["a", b"b"], r"texts\[1\] must be a string\. Received: b'b'; decode it"),
        ([1.5], r"texts\[0\] must be a string\. Received: 1.5"),
        ([["a", "b"], ["c", "d"]], r"one column of strings; choose the column.* shape \(2, 2\)"),
        ([["a", "b"], ["c"]], r"texts\[0\] must be a string\. Received: \['a', 'b'\]"),
        ({"text": ["a"]}, "Received: dict of shape"),
        (iter(["a"]), "list_iterator of shape"),
    ],
)
def test_what_is_not_texts_is_refused(transformer, texts, message):
    for method in (transformer.fit, transformer.transform):
        with pytest.raises(InputError, match=message):
            method(texts)


def test_fit_refuses_an_encoder_that_cannot_be_loaded():
    with pytest.raises(InputError, match=r"encoder is a source.* Received: 3"):
        EmbeddingTransformer(3).fit(TEXTS)
    with pytest.raises(InputError, match="no such folder"):
        EmbeddingTransformer("nowhere").fit(TEXTS)


@pytest.mark.slow
def test_a_source_is_loaded_once_for_all_clones(transformer, tiny_bert, loads):
    for one in (transformer, clone(transformer), pickle.loads(pickle.dumps(transformer))):
        one.fit(TEXTS).transform(TEXTS)
    assert loads == [str(tiny_bert)]
    clone(transformer).set_params(max_length=8).fit(TEXTS)
    assert len(loads) == 2


@pytest.mark.slow
def test_max_length_cuts_texts(transformer):
    short = EmbeddingTransformer(transformer.encoder, max_length=3)
    np.testing.assert_allclose(short.transform(["a b c"]), short.transform(["a"]), atol=1e-6)
    assert np.abs(transformer.transform(["a b c"]) - transformer.transform(["a"])).max() > 1e-3


def test_clones_share_an_encoder_and_nothing_else(tiny_encoder):
    original = EmbeddingTransformer(tiny_encoder(), batch_size=3)
    twin = clone(original)
    assert twin.encoder is original.encoder
    assert twin.get_params() == original.get_params()
    twin.set_params(batch_size=5)
    assert original.batch_size == 3
    assert copy.deepcopy(original).encoder is not original.encoder


def test_a_pickle_holds_the_source_not_the_weights(transformer):
    transformer.fit(TEXTS)
    pickled = pickle.dumps(transformer)
    assert len(pickled) < 1000
    restored = pickle.loads(pickled)
    np.testing.assert_array_equal(restored.transform(TEXTS), transformer.transform(TEXTS))


@pytest.mark.slow
def test_an_encoder_is_pickled_with_its_weights(tiny_encoder):
    original = EmbeddingTransformer(tiny_encoder(), batch_size=2)
    original.encoder.transformer.set_weights(
        [weight * 0.5 for weight in original.encoder.transformer.get_weights()]
    )
    restored = pickle.loads(pickle.dumps(original))
    np.testing.assert_allclose(restored.transform(TEXTS), original.transform(TEXTS), atol=1e-6)
    assert restored.batch_size == 2


def test_it_declares_what_it_takes(transformer):
    tags = get_tags(transformer)
    assert tags.input_tags.string
    assert tags.input_tags.one_d_array
    assert not tags.input_tags.two_d_array
    assert not tags.requires_fit
    check_is_fitted(transformer)


def test_output_columns_are_named(transformer):
    names = transformer.get_feature_names_out()
    assert names.tolist() == [f"embeddingtransformer{index}" for index in range(8)]


def test_a_column_of_a_table(transformer):
    table = np.array([["a", "b"], ["c", "d"]], object)
    columns = make_column_transformer((transformer, 0), (transformer, [1])).fit_transform(table)
    expected = [transformer.transform(column) for column in (["a", "c"], ["b", "d"])]
    np.testing.assert_allclose(columns, np.hstack(expected), atol=1e-6)


def test_data_frames_out_where_pandas_is_installed(transformer):
    clone_of_it = clone(transformer.set_output(transform="pandas"))
    if importlib.util.find_spec("pandas"):
        frame = clone_of_it.transform(TEXTS)
        assert frame.columns.tolist() == transformer.get_feature_names_out().tolist()
    else:
        with pytest.raises(ImportError, match="requires pandas to be installed"):
            clone_of_it.transform(TEXTS)


def test_the_common_checks_of_scikit_learn(tiny_bert):
    results = check_estimator(OfNumbers(str(tiny_bert), max_length=16), on_skip=None)
    assert sum(result["status"] == "passed" for result in results) >= COMMON_CHECKS


@pytest.mark.slow
def test_grid_search_over_worker_processes(transformer, tiny_encoder):
    texts = ["aaa bcd", "def bcd", "aaa efg", "gfe dcb"] * 6
    pipeline = make_pipeline(transformer, LogisticRegression(C=1e6))
    grid = {"embeddingtransformer__encoder": [transformer.encoder, tiny_encoder()]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise")
    search.fit(texts, [1, 0, 1, 0] * 6)
    assert search.cv_results_["mean_test_score"].tolist() == [1.0, 1.0]


def test_better_than_word_counts_on_few_real_sentences(shared):
    files = {split: shared / "data/sst2" / f"{split}.tsv" for split in ("train", "dev")}
    files["validation"] = files.pop("dev")
    task = Task("mood", labels=["0", "1"], files=files, columns=Columns(text="sentence"))
    dataset = TaskDataset(task)
    train, dev = (_first(dataset.examples(split), 300) for split in ("train", "validation"))
    scores = [
        make_pipeline(features, LogisticRegression(max_iter=1000)).fit(*train).score(*dev)
        for features in (EmbeddingTransformer(max_length=64), TfidfVectorizer())
    ]
    assert scores[0] > scores[1] + 0.05, scores


@pytest.mark.slow
def test_importing_it_does_not_load_tensorflow():
    program = (
        "import sys, pickle, mtl_keras.encoders.embedding_transformer as room;"
        "pickle.loads(pickle.dumps(room.EmbeddingTransformer()));"
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def _first(examples, count: int) -> tuple[list[str], list[int]]:
    texts, labels, _ = zip(*itertools.islice(examples, count), strict=True)
    return list(texts), list(labels)
