"""ColumnSummary and moments of batches add up to those of the whole, wherever it is cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.table import Column
from chainrule.table.column_summary import ColumnSummary
from chainrule.table.encoding.moments import Moments

FLOATS = st.one_of(st.just(np.nan), st.floats(-1e6, 1e6), st.integers(-5, 5).map(float))
COLUMNS = st.one_of(
    st.lists(FLOATS, min_size=1, max_size=40).map(lambda x: Column("x", "number", np.array(x, float))),
    st.permutations(range(25)).map(lambda x: Column("x", "number", np.array(x))),
    st.lists(st.integers(-1, 2), min_size=1, max_size=40).map(
        lambda x: Column("x", "text", np.array(x, np.int32), ("a", "b", "c"))
    ),
)


def batches_of(column, cuts):
    borders = [0, *sorted(cut % (len(column.values) + 1) for cut in cuts), len(column.values)]
    return [column.take(slice(start, stop)) for start, stop in pairwise(borders)]


def plain(summary):
    tally = summary.tally and (summary.tally.values.tolist(), summary.tally.counts.tolist())
    return summary.rows, summary.missing, summary.first, summary.low, summary.high, tally, summary.fills_range


@settings(deadline=None)
@given(column=COLUMNS, cuts=st.lists(st.integers(0, 1000), max_size=4))
def test_summaries_do_not_depend_on_the_cuts(column, cuts):
    whole, *parts = (ColumnSummary.of(part, tally=True) for part in (column, *batches_of(column, cuts)))
    assert plain(sum(parts[1:], parts[0])) == plain(whole)


@settings(deadline=None)
@given(x=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50), cuts=st.lists(st.integers(0, 1000), max_size=4))
def test_moments_do_not_depend_on_the_cuts(x, cuts):
    values = np.array(x) + 1e3
    parts = (Moments.of(batch.values) for batch in batches_of(Column("x", "number", values), cuts))
    found = sum(parts, Moments())
    assert found.count == len(x)
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.squares == pytest.approx(np.square(values - values.mean()).sum(), rel=1e-11, abs=1e-8)
    assert (found.low, found.high) == (values.min(), values.max())


def test_moments_keep_their_precision_far_from_zero():
    x = 1e9 + np.arange(1000) % 7 / 7
    found = sum((Moments.of(x[i : i + 10]) for i in range(0, 1000, 10)), Moments())
    assert found.deviation == pytest.approx(x.std(), rel=1e-7)


def test_moments_of_counts_are_those_of_copies():
    values, counts = np.array([1.0, 2.0, 5.0]), np.array([3, 1, 2])
    copies = Moments.of(np.repeat(values, counts))
    found = Moments.of(values, counts)
    assert (found.count, found.mean) == (copies.count, pytest.approx(copies.mean, rel=1e-15))
    assert found.squares == pytest.approx(copies.squares, rel=1e-14)
    assert Moments.repeated(4.0, 3) == Moments.of(np.full(3, 4.0))


@pytest.mark.parametrize(
    ("values", "fills"),
    [
        (np.arange(30) + 7, True),
        (np.arange(30)[::-1].copy(), True),
        (np.arange(30.0), True),
        (np.append(np.arange(29), 28), False),
        (np.append(np.arange(29), 30), False),
        (np.append(np.delete(np.arange(30), [3, 4]), [2, 5]), False),  # the sum and the range are right
        (np.arange(30) / 2, False),
    ],
    ids=["in order", "backwards", "floats", "a repetition", "a gap", "both", "halves"],
)
@pytest.mark.parametrize("cut", [0, 1, 15, 29])
def test_whole_numbers_of_a_range_each_once(values, fills, cut):
    parts = [ColumnSummary.of(Column("x", "number", part)) for part in (values[:cut], values[cut:]) if len(part)]
    assert sum(parts[1:], parts[0]).fills_range is fills


def test_a_tally_is_given_up_where_there_are_too_many_values(monkeypatch):
    monkeypatch.setattr("chainrule.table.column_summary.MAX_DIFFERENT", 5)
    batches = [ColumnSummary.of(Column("x", "number", np.arange(start, start + 4)), tally=True) for start in (0, 4)]
    assert (batches[0] + batches[0]).tally.counts.tolist() == [2, 2, 2, 2]
    assert (batches[0] + batches[1]).tally is None
