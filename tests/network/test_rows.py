"""Keys of rows: the same for the same content, over storage and precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from chainrule.network.rows import mix, row_keys

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


def test_keys_see_what_float32_does_not():
    X = np.concatenate([table(), table() + 1e-12])
    assert len(np.unique(row_keys(X))) == len(np.unique(X, axis=0)) == 120


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


def test_mix_is_the_finaliser_of_splitmix64():
    """The first three outputs of its published generator for seed 0, whose state grows by the golden ratio's bits."""
    states = np.array([0x9E3779B97F4A7C15 * k % 2**64 for k in (1, 2, 3)], np.uint64)
    assert [f"{int(key):016x}" for key in mix(states)] == ["e220a8397b1dcdaf", "6e789e6aa1b965f4", "06c45d188009454f"]
