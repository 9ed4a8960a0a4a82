"""Tag schemes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES, Entities

from mtl_keras.data.tags import span_ends, span_types, split_tag, to_bio
from mtl_keras.errors import InputError
from mtl_keras.models.kinds.spans import spans

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
    actual = Entities([tags], scheme=scheme).entities[0]
    return [(entity.tag, entity.start, entity.end) for entity in actual]


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
    with pytest.raises(InputError, match="fits no scheme") as refusal:
        to_bio(["O", tag])
    assert ("kind: token_labels" in str(refusal.value)) == (tag not in ("B", "B-"))


def test_span_types_may_be_listed_as_tags():
    assert span_types(["B-x", "I-x", "O", "S-y"]) == ("x", "y")
    assert span_types(["x", "O", "y"]) == ("x", "y")
    assert span_types(["B-side", "city"]) == ("B-side", "city")


@given(st.lists(st.integers(0, 4), max_size=12))
def test_a_span_ends_before_the_next_begins_or_outside(tags):
    is_bio = [
        not tag or tag % 2 or (place and (tags[place - 1] - 1) // 2 == (tag - 1) // 2)
        for place, tag in enumerate(tags)
    ]
    if all(is_bio):  # as `to_bio` gives them
        assert span_ends(tags) == [end for _, _, end in spans(tags)]
