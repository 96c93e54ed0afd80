"""Examples: batches, relative weights, and never a write to X (D28)."""

import math

import numpy as np
import pytest
from scipy import sparse

from chainrule.network import Dense, Network
from chainrule.network.examples import Examples
from chainrule.network.optimizers import Adam
from chainrule.network.training import segment
from chainrule.network.training.segment import Plan, initial_state, run_segment


def trained_on(X, Y, dtype=np.float64):
    """θ after an epoch over the table X (m, n), dropout on, so that the rows' numbers are read too."""
    layers = [Dense(4, "tanh", dropout=0.2), Dense(1, "identity")]
    net = Network(layers, n_inputs=3, loss="squared_error", dropout_input=0.1, dtype=dtype)
    plan = Plan(Adam(), batch_size=7)
    examples = Examples(X.T, Y)
    order = np.random.default_rng(0).permutation(examples.m)
    state, _ = run_segment(
        net.architecture, plan, initial_state(net.parameters, plan), examples, order, np.full(5, 0.01)
    )
    segment.mean_loss(net.architecture, state.parameters, examples)
    segment.cost_and_gradient(net.architecture, state.parameters, examples)
    return state.parameters.theta


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return rng.normal(size=(33, 3)) * (rng.random((33, 3)) > 0.4), rng.normal(size=(1, 33))


def read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


@pytest.mark.parametrize(
    "stored",
    [
        read_only,
        np.asfortranarray,
        lambda X: X[::-1].copy()[::-1],
        lambda X: np.repeat(X, 2, axis=0)[::2],
        lambda X: X[:, ::-1].copy()[:, ::-1],
    ],
    ids=["read-only", "fortran", "negative strides", "strided", "reversed columns"],
)
def test_d28_any_layout_gives_the_same_bits_and_stays_untouched(table, stored):
    X, Y = table
    given = stored(X)
    assert np.array_equal(trained_on(given, read_only(Y)), trained_on(X, Y))
    assert np.array_equal(given, X)


def test_d28_a_read_only_memory_map(table, tmp_path):
    X, Y = table
    path = tmp_path / "X.bin"
    X.tofile(path)
    mapped = np.memmap(path, dtype=X.dtype, mode="r", shape=X.shape)
    assert np.array_equal(trained_on(mapped, Y), trained_on(X, Y))
    assert np.array_equal(np.fromfile(path).reshape(X.shape), X)


@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_d29_sparse_trains_like_dense(table, kind, dtype):
    X, Y = table
    X, Y = X.astype(dtype), Y.astype(dtype)
    tolerance = 1e-12 if dtype == np.float64 else 1e-4
    theta = trained_on(kind(X), Y, dtype)
    assert theta.dtype == dtype
    np.testing.assert_allclose(theta, trained_on(X, Y, dtype), rtol=tolerance, atol=tolerance)


def test_d16_float32_trains_in_float32_and_agrees(table):
    X, Y = table
    theta = trained_on(X.astype(np.float32), Y.astype(np.float32), np.float32)
    assert theta.dtype == np.float32
    np.testing.assert_allclose(theta, trained_on(X, Y), rtol=5e-4, atol=5e-5)


def test_d16_a_float32_loss_of_many_examples_is_summed_in_float64():
    """The losses are float32, their sum is exact far beyond that."""
    rng = np.random.default_rng(0)
    net = Network([Dense(1, "identity")], n_inputs=3, loss="squared_error", dtype=np.float32)
    X, Y = rng.normal(size=(3, 4000)).astype(np.float32), rng.normal(size=(1, 4000)).astype(np.float32)
    losses = net.architecture.loss.per_example(net.forward(X).Z[-1], Y)
    assert losses.dtype == np.float32
    expected = math.fsum(losses.tolist()) / 4000
    mean = segment.mean_loss(net.architecture, net.parameters, Examples(X, Y))
    assert mean == pytest.approx(expected, rel=1e-13)
    cost, _ = segment.cost_and_gradient(net.architecture, net.parameters, Examples(X, Y))
    assert cost == pytest.approx(expected, rel=1e-13)


def test_a_batch_is_the_columns_asked_for():
    X, Y = np.arange(12.0).reshape(2, 6), np.arange(6.0)[None, :]
    examples = Examples(X, Y, weights=np.array([1.0, 2, 3, 4, 5, 9]))
    XB, YB, wB = examples.batch(np.array([4, 0]), np.dtype("f8"))
    assert XB.tolist() == [[4, 0], [10, 6]]
    assert YB.tolist() == [[4, 0]]
    assert wB.tolist() == [5 / 4, 1 / 4]  # relative to the mean weight of all six


def test_chosen_rows_are_a_table_of_their_own():
    rng = np.random.default_rng(0)
    X, Y, w, rows = rng.normal(size=(3, 20)), rng.normal(size=(1, 20)), rng.uniform(1, 2, 20), np.array([3, 1, 17, 8])
    part, copy = Examples(X, Y, w, rows), Examples(X[:, rows], Y[:, rows], w[rows])
    assert part.m == 4
    assert part.mean_weight == pytest.approx(w[rows].mean())
    assert part.keys_of(slice(None)).tolist() == copy.keys_of(slice(None)).tolist() == [0, 1, 2, 3]
    numbered = Examples(X, Y, w, rows, numbers=np.array([7, 5, 6, 9], np.uint64))
    assert numbered.keys_of(np.array([2, 0])).tolist() == [6, 7]
    for one, two in zip(part.batch(np.array([2, 0]), X.dtype), copy.batch(np.array([2, 0]), X.dtype), strict=True):
        assert np.array_equal(one, two)


def test_chunks_cover_everything_once():
    examples = Examples(np.arange(10.0)[None, :], np.arange(10.0)[None, :])
    chunks = list(examples.chunks(np.dtype("f8"), size=4))
    assert [X.shape[1] for X, _, _ in chunks] == [4, 4, 2]
    assert np.concatenate([X for X, _, _ in chunks], axis=1).ravel().tolist() == list(range(10))


def test_integers_are_converted_batch_by_batch():
    X, Y = np.arange(12).reshape(2, 6), np.arange(6)[None, :]
    XB, YB, weights = Examples(X, Y).batch(slice(0, 2), np.dtype("f4"))
    assert XB.dtype == YB.dtype == np.float32
    assert weights is None


@pytest.mark.parametrize("kind", [np.asarray, sparse.csc_array])
def test_d6_merged_copies_are_weights_whatever_the_order(table, kind):
    X, Y = table
    copies = np.repeat(np.arange(33), np.random.default_rng(1).integers(1, 4, 33))
    order = np.random.default_rng(2).permutation(len(copies))
    copied = Examples(kind(X[copies[order]].T), Y[:, copies[order]]).merged()
    weighted = Examples(kind(X.T), Y, np.bincount(copies).astype(float)).merged()
    assert copied.m == weighted.m == 33
    assert np.array_equal(weighted.weights[weighted.rows], np.bincount(copies)[weighted.rows])
    for one, two in zip(copied.batch(slice(None), X.dtype), weighted.batch(slice(None), X.dtype), strict=True):
        one, two = (part.toarray() if hasattr(part, "toarray") else part for part in (one, two))
        assert np.array_equal(one, two)


def test_merged_keeps_rows_apart_that_have_their_target_in_common(table):
    X, _ = table
    twice = Examples(np.concatenate([X, X]).T, np.ones((1, 66))).merged()
    assert twice.m == len(np.unique(X, axis=0))
    assert twice.weights[twice.rows].sum() == 66


def test_merged_keeps_rows_apart_that_differ_in_their_target_only(table):
    X, Y = table
    twice = Examples(np.concatenate([X, X]).T, np.concatenate([Y, Y + 1], axis=1), rows=np.arange(5, 60))
    merged = twice.merged()
    assert merged.m == 55
    net = Network([Dense(4, "tanh"), Dense(1, "identity")], n_inputs=3, loss="squared_error")
    assert segment.mean_loss(net.architecture, net.parameters, merged) == pytest.approx(
        segment.mean_loss(net.architecture, net.parameters, twice), rel=1e-13
    )
