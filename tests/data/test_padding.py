"""The widths that cost least: of all sets of widths."""

import itertools
import math
from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from mtl_keras.data.padding import COMPILED_PIECES, budget_widths, static_widths

LENGTHS = st.lists(st.sampled_from([3, 5, 8, 13, 21, 500]), min_size=1, max_size=30)


def _all_sets(lengths):
    distinct = sorted(set(lengths))
    return [
        (*combination, distinct[-1])
        for count in range(len(distinct))
        for combination in itertools.combinations(distinct[:-1], count)
    ]


def _width_of(lengths, widths):
    return [min(width for width in widths if width >= length) for length in lengths]


@given(LENGTHS, st.sampled_from([1, 50, 1000]), st.sampled_from([COMPILED_PIECES, 10.5]))
def test_static_widths_cost_least_of_all_sets(lengths, epochs, compiled_pieces):
    def cost(widths):
        padded = sum(_width_of(lengths, widths)) - sum(lengths)
        return epochs * padded + compiled_pieces * len(widths)

    actual = static_widths(lengths, epochs, compiled_pieces)
    assert cost(actual) == min(map(cost, _all_sets(lengths)))
    assert static_widths(Counter(lengths), epochs, compiled_pieces) == actual


@example([3, 3, 500], 1000, 700)
@given(LENGTHS, st.sampled_from([10, 40, 1000]), st.sampled_from([0, 700]))
def test_widths_of_a_token_budget_have_fewest_batches_of_all_sets(lengths, budget, compiled):
    def cost(widths):
        texts = Counter(_width_of(lengths, widths))
        batches = sum(math.ceil(n / max(1, budget // width)) for width, n in texts.items())
        return 3 * budget * batches + compiled * len(widths), sum(_width_of(lengths, widths))

    actual = budget_widths(lengths, budget, epochs=3, compiled_pieces=compiled)
    least = min(map(cost, _all_sets(lengths)))
    assert cost(actual) == least, "and of these the least padding"


def test_one_long_text_among_short_ones_pads_no_other():
    lengths = [20] * 30_000 + [10_000]
    assert static_widths(lengths) == (20, 10_000)
    assert static_widths(lengths, compiled_pieces=1e6) == (20, 10_000)
    assert budget_widths(lengths, max_tokens=1024) == (20, 10_000)
