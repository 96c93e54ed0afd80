"""Rows are known by content: keys over storage and precision, and the hold-out drawn from them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from chainrule.network.rows import holdout, mix, row_keys

calm = settings(deadline=None, derandomize=True, max_examples=50)


def table(m=60, n=5, seed=0):
    """Values that float32 holds exactly, a third of them zero."""
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(size=(m, n)) * 8) / 8 * (rng.random((m, n)) > 1 / 3)


def test_equal_rows_have_equal_keys_and_others_have_not():
    X = np.array([[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [1.0, 2.5]])
    keys = row_keys(X)
    assert keys.dtype == np.uint64
    assert keys[0] == keys[2]
    assert len(set(keys.tolist())) == 3


@pytest.mark.parametrize(
    "stored",
    [
        np.asfortranarray,
        lambda X: X.astype(np.float32),
        lambda X: np.ascontiguousarray(X.T).T,
        lambda X: X[::-1][::-1],
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
        sparse.csr_array,
        sparse.csr_matrix,
        lambda X: sparse.csc_array(X.T).T,
        lambda X: sparse.csr_array(X.astype(np.float32)),
    ],
    ids=["fortran", "float32", "transposed", "reversed", "strided", "csr", "csr_matrix", "csc.T", "csr32"],
)
def test_keys_are_of_the_values_not_of_their_storage(stored):
    X = table()
    assert np.array_equal(row_keys(stored(X)), row_keys(X))


@pytest.mark.parametrize("stored", [np.asfortranarray, sparse.csr_array, lambda X: sparse.csc_array(X.T).T])
def test_exact_keys_are_of_the_values_too_and_see_what_float32_does_not(stored):
    X = np.concatenate([table(), table() + 1e-12])
    exact = row_keys(stored(X), exact=True)
    assert np.array_equal(exact, row_keys(X, exact=True))
    assert len(np.unique(exact)) == len(np.unique(X, axis=0)) == 120
    assert row_keys(np.array([[1.0]])) == row_keys(np.array([[1.0 + 1e-12]]))


def test_stored_zeros_and_index_types_do_not_matter():
    X = sparse.csr_array(table())
    explicit = X.copy()
    explicit.data[::3] = 0.0
    assert np.array_equal(row_keys(explicit), row_keys(explicit.toarray()))
    wide = sparse.csr_array((X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64)), shape=X.shape)
    assert np.array_equal(row_keys(wide), row_keys(X))


def test_integers_and_booleans_equal_their_floats():
    X = np.array([[0, 1, 3], [1, 0, 255]])
    assert np.array_equal(row_keys(X), row_keys(X.astype(np.float64)))
    assert np.array_equal(row_keys(X > 0), row_keys((X > 0).astype(np.float64)))


def test_minus_zero_is_zero():
    assert row_keys(np.array([[-0.0, 1.0]])) == row_keys(np.array([[0.0, 1.0]]))


def test_a_table_larger_than_a_chunk(monkeypatch):
    X = table(m=97)
    whole = row_keys(X)
    monkeypatch.setattr("chainrule.network.rows._CHUNK", 35)  # seven rows at a time
    assert np.array_equal(row_keys(X), whole)
    assert np.array_equal(row_keys(sparse.csr_array(X)), whole)


@calm
@given(X=st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=30))
def test_keys_tell_rows_apart_exactly_as_their_values_do(X):
    keys = row_keys(np.array(X, float)).tolist()
    assert len(set(keys)) == len({tuple(row) for row in X})


def test_no_collisions_among_many_rows():
    assert len(np.unique(row_keys(np.arange(200_000.0).reshape(-1, 2)))) == 100_000


def test_keys_are_spread_over_all_bits():
    bits = np.unpackbits(mix(np.arange(4096, dtype=np.uint64)).view(np.uint8).reshape(4096, 8), axis=1)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.04


def test_rows_may_be_empty():
    assert row_keys(np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_the_fraction_is_reached_and_no_more(fraction):
    held = holdout(row_keys(table(m=1000, n=9)), fraction, seed=0)
    assert held.dtype == bool
    assert held.sum() == pytest.approx(1000 * fraction, abs=3)


def test_the_hold_out_looks_random():
    """No bias along the table's order or by value; another seed draws other rows."""
    X = np.arange(4000.0).reshape(-1, 1)
    held = holdout(row_keys(X), 0.25, seed=0)
    assert X[held].mean() == pytest.approx(X.mean(), rel=0.06)
    other = holdout(row_keys(X), 0.25, seed=1)
    assert (held & other).sum() == pytest.approx(250, abs=60)


def test_d7_stratified_for_three_classes():
    X = np.arange(1000.0).reshape(-1, 1)
    labels = np.repeat([0, 1, 2], [700, 270, 30])
    held = holdout(row_keys(X), 0.1, seed=0, strata=labels)
    assert np.bincount(labels[held]).tolist() == [70, 27, 3]


@calm
@given(seed=st.integers(0, 1000), sizes=st.lists(st.integers(2, 80), min_size=1, max_size=6))
def test_d7_every_stratum_gives_its_share(seed, sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    held = holdout(row_keys(np.arange(len(labels) * 1.0)[:, None]), 0.3, seed=seed, strata=labels)
    for k, size in enumerate(sizes):
        assert abs(held[labels == k].sum() - 0.3 * size) <= 1.5


def test_d7_many_small_classes_do_not_crowd_out_a_large_one():
    labels = np.concatenate([np.zeros(100, int), 1 + np.arange(20) // 2])  # 100 rows, and ten classes of two
    held = holdout(row_keys(np.arange(120.0)[:, None]), 0.1, seed=0, strata=labels)
    assert held.sum() == 12
    assert held[:100].sum() >= 10


def test_d7_a_class_of_one_stays_in_training():
    labels = np.array([0] * 50 + [1] * 50 + [2])
    for seed in range(20):
        held = holdout(row_keys(np.arange(101.0)[:, None]), 0.5, seed=seed, strata=labels)
        assert not held[-1]


def test_copies_stay_together():
    X = table(m=30, n=4)
    X = X[np.random.default_rng(0).integers(0, 30, 200)]
    held = holdout(row_keys(X), 0.3, seed=0)
    assert not {tuple(row) for row in X[held]} & {tuple(row) for row in X[~held]}
    assert 0 < held.sum() < 200


def test_a_weight_counts_like_copies():
    X, weights = np.arange(40.0)[:, None], np.random.default_rng(0).integers(1, 6, 40)
    labels = np.arange(40) % 3
    weighted = holdout(row_keys(X), 0.25, seed=3, strata=labels, weights=weights)
    copies = np.repeat(np.arange(40), weights)
    copied = holdout(row_keys(X[copies]), 0.25, seed=3, strata=labels[copies])
    assert np.array_equal(copied, weighted[copies])


@calm
@given(seed=st.integers(0, 1000))
def test_the_order_of_the_rows_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    X, labels, order = np.arange(80.0)[:, None], rng.integers(0, 3, 80), rng.permutation(80)
    held = holdout(row_keys(X), 0.2, seed=seed, strata=labels)
    assert np.array_equal(holdout(row_keys(X[order]), 0.2, seed=seed, strata=labels[order]), held[order])


def test_labels_of_any_kind_are_strata():
    X, codes = np.arange(60.0)[:, None], np.arange(60) % 3
    names = np.array(["a", "b", "c"])[codes]
    assert np.array_equal(
        holdout(row_keys(X), 0.2, seed=0, strata=codes), holdout(row_keys(X), 0.2, seed=0, strata=names)
    )


def test_d44_at_least_two_rows_are_held_out():
    assert holdout(row_keys(np.arange(10.0)[:, None]), 0.01, seed=0).sum() == 2


def test_mix_is_the_finaliser_of_splitmix64():
    """The first three outputs of its published generator for seed 0, whose state grows by the golden ratio's bits."""
    states = np.array([0x9E3779B97F4A7C15 * k % 2**64 for k in (1, 2, 3)], np.uint64)
    assert [f"{int(key):016x}" for key in mix(states)] == ["e220a8397b1dcdaf", "6e789e6aa1b965f4", "06c45d188009454f"]
