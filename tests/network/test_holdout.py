"""Rows are held out at random by row: shares are what was asked for, whatever the table looks like."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.network.rows import row_keys
from chainrule.table import holdout as module
from chainrule.table.holdout import holdout

calm = settings(deadline=None, derandomize=True, max_examples=50)


@calm
@given(m=st.integers(3, 3000), fraction=st.floats(0.01, 0.9), seed=st.integers(0, 2**40))
def test_the_share_is_what_was_asked_for(m, fraction, seed):
    held_out = holdout(m, fraction, seed=seed)
    assert held_out.dtype == bool
    assert abs(held_out.sum() - max(2, m * fraction)) < 1


@calm
@given(seed=st.integers(0, 1000), sizes=st.lists(st.integers(7, 80), min_size=1, max_size=6))
def test_d7_every_class_gives_its_share(seed, sizes):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    held_out = holdout(len(labels), 0.3, seed=seed, classes=labels)
    for k, size in enumerate(sizes):
        assert abs(held_out[labels == k].sum() - max(0.3, 2 / len(labels)) * size) < 1


def test_d7_stratified_for_three_classes():
    labels = np.repeat([0, 1, 2], [700, 270, 30])
    held_out = holdout(1000, 0.1, seed=0, classes=labels)
    assert np.bincount(labels[held_out]).tolist() == [70, 27, 3]


def test_d7_many_small_classes_do_not_crowd_out_a_large_one():
    labels = np.concatenate([np.zeros(100, int), 1 + np.arange(20) // 2])  # 100 rows, and ten classes of two
    held_out = holdout(120, 0.1, seed=0, classes=labels)
    assert held_out.sum() == 12
    assert held_out[:100].sum() == 10


def test_d7_a_class_of_one_stays_in_training():
    labels = np.array([0] * 50 + [1] * 50 + [2] + [3] * 2)
    for seed in range(40):
        held_out = holdout(103, 0.9, seed=seed, classes=labels)
        assert not held_out[100]
        assert held_out[101:].sum() <= 1


def test_labels_of_any_kind_are_classes():
    codes = np.arange(60) % 3
    names = np.array(["a", "b", "c"])[codes]
    assert np.array_equal(holdout(60, 0.2, seed=0, classes=codes), holdout(60, 0.2, seed=0, classes=names))


@pytest.mark.parametrize("values", ["even", "skewed", "levels"])
def test_every_tenth_of_the_range_gives_its_share(values):
    rng = np.random.default_rng(0)
    y = {"even": rng.random(1000), "skewed": rng.lognormal(0, 3, 1000), "levels": rng.integers(0, 4, 1000) ** 3.0}
    held_out = holdout(1000, 0.1, seed=1, values=y[values])
    assert held_out.sum() == 100
    levels = y[values] if values == "levels" else np.argsort(np.argsort(y[values])) // 100
    for level in np.unique(levels):
        assert abs(held_out[levels == level].sum() - 0.1 * (levels == level).sum()) < 1.5


@pytest.mark.parametrize("of", ["nothing", "classes", "values", "copies"])
def test_every_row_is_held_out_equally_often(of):
    """Over 3,000 seeds: within five standard errors, for all of 60 rows."""
    rng = np.random.default_rng(0)
    given_ = {
        "nothing": {},
        "classes": {"classes": rng.permutation(np.repeat([0, 1, 2], [41, 13, 6]))},
        "values": {"values": rng.lognormal(0, 2, 60)},
        "copies": {"keys": row_keys(np.r_[np.arange(50), np.arange(5), np.arange(5)][:, None])},
    }[of]
    counts = sum(holdout(60, 0.25, seed=seed, **given_).astype(int) for seed in range(3000))
    assert np.abs(counts / 3000 - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 3000)


def test_rows_of_a_class_are_drawn_independently_of_their_places():
    """Two of 20 rows, of which 5 are held out, both are as often as in a draw without replacement."""
    labels = np.repeat([0, 1], [20, 40])
    both = sum(np.outer(*[holdout(60, 0.25, seed=seed, classes=labels)[:20]] * 2) for seed in range(3000)) / 3000
    expected = 5 / 20 * 4 / 19
    pairs = both[~np.eye(20, dtype=bool)]
    assert np.abs(pairs - expected).max() < 5 * np.sqrt(expected * (1 - expected) / 3000)


def test_purposes_and_seeds_draw_independently():
    draws = [holdout(4000, 0.25, seed=seed, purpose=purpose) for seed in (0, 1) for purpose in ("test", "validation")]
    for i in range(4):
        for j in range(i):
            assert (draws[i] & draws[j]).sum() == pytest.approx(250, abs=60)


def test_copies_stay_together_where_rows_are_nearly_all_distinct():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 3))[np.r_[np.arange(850), rng.integers(0, 850, 150)]]
    held_out = holdout(1000, 0.2, seed=0, keys=row_keys(X), values=rng.normal(size=1000))
    assert not {tuple(row) for row in X[held_out]} & {tuple(row) for row in X[~held_out]}
    assert held_out.sum() == pytest.approx(200, abs=3)


def test_copies_that_stay_together_may_differ_in_their_class():
    """Their class does not decide who belongs together, else the split would depend on the target."""
    rng = np.random.default_rng(0)
    X, labels = np.r_[np.arange(80), np.arange(20)].astype(float)[:, None], rng.integers(0, 2, 100)
    for seed in range(10):
        held_out = holdout(100, 0.3, seed=seed, keys=row_keys(X), classes=labels)
        assert np.array_equal(held_out[:20], held_out[80:])


@pytest.mark.parametrize("levels", [1, 2, 4, 16, 64, 512])
def test_copies_part_where_rows_are_few_distinct_ones(levels):
    """Every distinct row is on both sides, in its share up to the error of a draw."""
    X = np.random.default_rng(levels).integers(0, levels, 4000)
    held_out = holdout(4000, 0.25, seed=0, keys=row_keys(X[:, None].astype(float)))
    counts, inside = np.bincount(X, minlength=levels), np.bincount(X[held_out], minlength=levels)
    assert held_out.sum() == 1000
    assert (np.abs(inside - counts / 4) <= 5 * np.sqrt(counts * 0.25 * 0.75) + 1).all()


def test_a_row_that_makes_up_much_of_the_table_parts():
    """One row in six is the same, as the empty row of a sparse table is; all others are distinct."""
    X = np.where(np.arange(3000) % 6 == 0, 0.0, np.arange(3000))
    held_out = holdout(3000, 0.1, seed=0, keys=row_keys(X[:, None]))
    assert held_out[X == 0].sum() == pytest.approx(50, abs=35)


def test_tables_of_several_chapters(monkeypatch):
    monkeypatch.setattr(module, "CHAPTER", 1000)
    rng = np.random.default_rng(0)
    X = rng.normal(size=3500)
    X[rng.choice(3500, 300, replace=False)] = X[:300]
    labels = rng.integers(0, 3, 3500)
    held_out = holdout(3500, 0.2, seed=0, classes=labels, keys=row_keys(X[:, None]))
    for start in range(0, 3500, 1000):
        part = slice(start, start + 1000)
        assert held_out[part].mean() == pytest.approx(0.2, abs=0.006)
        for k in range(3):
            assert held_out[part][labels[part] == k].mean() == pytest.approx(0.2, abs=0.02)
    assert not np.array_equal(held_out[1000:2000], held_out[:1000])
    copies = [np.flatnonzero(value == X) for value in np.unique(X[:300])]
    parted = sum(len(set(held_out[rows])) > 1 for rows in copies if len(rows) > 1)
    assert parted <= 15  # of 300: those whose draw is at the border in one chapter and not in the other


def test_d44_at_least_two_rows_are_held_out():
    for seed in range(20):
        assert holdout(10, 0.01, seed=seed).sum() == 2
