"""Weights are copies: against NumPy on rows that are really repeated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.table.encoding.statistics import mean_and_deviation, median, merged

ROWS = st.lists(st.tuples(st.integers(-50, 50).map(lambda v: v / 8), st.integers(1, 4)), min_size=1, max_size=20)


@given(ROWS)
def test_statistics_are_those_of_the_copies(rows):
    x, weights = (np.array(part, float) for part in zip(*rows, strict=True))
    copies = np.repeat(x, weights.astype(int))
    mean, deviation = mean_and_deviation(*merged(x, weights))
    assert mean == pytest.approx(copies.mean(), rel=1e-12, abs=1e-12)
    assert deviation == pytest.approx(copies.std() if copies.min() < copies.max() else 1.0, rel=1e-12)
    assert median(*merged(x, weights)) == np.median(copies)
    assert median(*merged(x, weights / 10)) == np.median(copies)


@given(ROWS, st.randoms())
def test_copies_and_order_change_no_bit(rows, random):
    x, weights = (np.array(part, float) for part in zip(*rows, strict=True))
    copies = np.repeat(x, weights.astype(int)).tolist()
    random.shuffle(copies)
    for a, b in zip(merged(x, weights), merged(np.array(copies)), strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_constant_far_from_zero_has_no_deviation_to_divide_by():
    assert mean_and_deviation(np.full(7, 0.1)) == (pytest.approx(0.1), 1.0)
    assert mean_and_deviation(1e9 + np.array([0.0, 1.0])) == (1e9 + 0.5, 0.5)
