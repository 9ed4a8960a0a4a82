"""Headers that nobody declared."""

from collections import Counter

from mtl_keras.data.columns import Columns
from mtl_keras.data.counts import Counts
from mtl_keras.data.examples import Example, RowError
from mtl_keras.data.first_lines import FirstLines
from mtl_keras.data.label_kinds import LABEL_KINDS
from mtl_keras.data.oddities import Oddities

LINES = FirstLines(LABEL_KINDS["classification"], Columns(text=0, label=1))


def test_a_faulty_first_line_may_be_a_header_unless_the_recipe_says_so():
    fault = RowError("wrong")
    assert (
        LINES.hint("a.csv", 1, fault) == "; if this line is a header, set header: true in columns"
    )
    assert not LINES.hint("a.csv", 2, fault)
    first_lines = FirstLines(LABEL_KINDS["classification"], Columns(text=0, label=1, header=False))
    assert not first_lines.hint("a.csv", 1, fault)


def test_a_label_that_only_first_lines_have_is_refused_unless_it_is_listed():
    assert LINES.label(Example("body", 3)) == 3
    assert LINES.label(Example("a whole text", 3)) is None
    oddities = Oddities(first={"topic": ["a.csv", "b.csv"]})
    (fault,) = LINES.faults(oddities, Counts(9, Counter(topic=2, x=7)), ())
    assert str(fault).startswith("a.csv:1: only this row has the label 'topic'; correct it")
    assert not [*LINES.faults(oddities, Counts(9, Counter(topic=3, x=6)), ())]
    assert not [*LINES.faults(oddities, Counts(9, Counter(topic=2, x=7)), ["topic"])]
