"""Declarations of tasks and columns, and tag schemes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, Entities

from mtl_keras.data.task import Columns, Task, split_tag, to_bio
from mtl_keras.errors import InputError

types = st.sampled_from(["city", "creative-work", "B-side"])
# Spans as (type, length), type None for words outside: any sentence, in any scheme.
sentences = st.lists(st.tuples(st.none() | types, st.integers(1, 3)), max_size=8)


def _bio(spans):
    return [tag for kind, length in spans for tag in _span(kind, length, "B", "I", "I", "B")]


def _span(kind, length, first, inside, last, single):
    if kind is None:
        return ["O"] * length
    if length == 1:
        return [f"{single}-{kind}"]
    return [f"{first}-{kind}", *[f"{inside}-{kind}"] * (length - 2), f"{last}-{kind}"]


def _iob1(spans):
    """`B` only where a span follows one of its own type."""
    tags, previous = [], None
    for kind, length in spans:
        first = "B" if kind == previous else "I"
        tags += _span(kind, length, first, "I", "I", first)
        previous = kind
    return tags


def _scheme(scheme, tags):
    found = Entities([tags], scheme=scheme).entities[0]
    return [(entity.tag, entity.start, entity.end) for entity in found]


@given(sentences)
def test_to_bio_reads_every_scheme_alike(spans):
    bio = _bio(spans)
    bioes = [tag for kind, length in spans for tag in _span(kind, length, *"BIES")]
    bilou = [tag for kind, length in spans for tag in _span(kind, length, *"BILU")]
    assert to_bio(bio) == to_bio(_iob1(spans)) == to_bio(bioes) == to_bio(bilou) == bio


@given(sentences)
def test_spans_are_those_of_seqeval(spans):
    bio = _bio(spans)
    entities = _scheme(IOB2, bio)
    bioes = [tag for kind, length in spans for tag in _span(kind, length, *"BIES")]
    bilou = [tag for kind, length in spans for tag in _span(kind, length, *"BILU")]
    assert entities == _scheme(IOB2, to_bio(bioes)) == _scheme(IOBES, bioes)
    assert entities == _scheme(IOB2, to_bio(bilou)) == _scheme(BILOU, bilou)
    assert entities == _scheme(IOB2, to_bio(_iob1(spans))) == _scheme(IOB1, _iob1(spans))


@given(
    st.lists(st.just("O") | st.tuples(st.sampled_from("BIES"), st.sampled_from("xy")).map("-".join))
)
def test_tags_in_any_order_give_the_spans_of_seqeval(tags):
    assert get_entities(to_bio(tags)) == get_entities(tags)


@given(st.lists(st.tuples(st.sampled_from("BIELSU"), types).map("-".join) | st.just("O")))
def test_to_bio_changes_no_bio(tags):
    bio = to_bio(tags)
    assert to_bio(bio) == bio
    assert [split_tag(tag)[1] for tag in bio] == [split_tag(tag)[1] for tag in tags]


@pytest.mark.parametrize("tag", ["X-city", "B", "B-", "city", "", "o", "B_city", "I city"])
def test_a_tag_of_no_scheme_is_refused(tag):
    with pytest.raises(InputError, match="fits no scheme"):
        to_bio(["O", tag])


def test_columns_may_be_given_once_or_by_split():
    columns = Columns(text=0, label=1)
    assert Task("topic", columns=columns).columns_of("test") == columns
    task = Task("topic", columns={"train": columns})
    assert task.columns_of("train") == columns
    assert task.columns_of("test") == Columns()


def test_label_names_are_strings():
    names = Columns(label_names={1: "World", "2": " Sports "}).label_names
    assert names == {"1": "World", "2": "Sports"}


@pytest.mark.parametrize("wrong", [{"text": True}, {"text": ()}, {"label": 1.5}, {"label": None}])
def test_a_column_that_is_neither_name_nor_position_is_refused(wrong):
    with pytest.raises(InputError, match="a name or a position"):
        Columns(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": "Topic"}, "lower-case letters"),
        ({"name": "block_3"}, "another meaning"),
        ({"kind": "regresion"}, "kind must be one of classification, tagging"),
        ({"kind": "regression", "labels": ["a"]}, "a regression has no labels"),
        ({"labels": ["a", " a"]}, "listed twice"),
        ({"labels": "positive"}, "labels must be a list. Received: 'positive'"),
        ({"labels": None}, "labels must be a list"),
        ({"labels": [True, "maybe"]}, "Received: True; in YAML, quote it"),
        ({"name": "t" * 65}, "64 at most"),
        ({"labels": ["a", " "]}, "a label is empty"),
        ({"labels": ["a"]}, "two labels or more, or none listed"),
        ({"kind": "tagging", "labels": ["O"]}, "'O' is what words outside of spans have"),
        ({"kind": "tagging", "labels": ["O", "city"]}, "'O' is what words outside of spans have"),
        ({"files": {"train": []}}, "the list of train files is empty"),
        ({"files": {"dev": "x.csv"}}, "train, validation, test. Received: 'dev'"),
        ({"columns": {"dev": Columns()}}, "train, validation, test. Received: 'dev'"),
    ],
)
def test_wrong_declarations_are_refused(wrong, message):
    with pytest.raises(InputError, match=message):
        Task(**{"name": "topic"} | wrong)


def test_span_types_may_be_listed_as_tags():
    assert Task("entities", "tagging", ["O", "B-city", "I-city"]).labels[0] == "O"


@pytest.mark.parametrize("columns", [{"text": "label"}, {"text": (0, 1), "label": 1}])
def test_one_column_cannot_be_text_and_label(columns):
    with pytest.raises(InputError, match="text and label are both column"):
        Columns(**columns)


def test_classes_of_tagging_are_bio_tags():
    task = Task("entities", "tagging", ["city", "product"])
    assert task.classes == ("O", "B-city", "I-city", "B-product", "I-product")
    assert task.num_outputs == 5
    assert Task("price", "regression").num_outputs == 1
