"""Tables of any kind go in; none is written to, none copied whole, float32 stays float32."""

import subprocess
import sys
import textwrap

import hypothesis
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule.fit.parameters import SOLVERS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
RNG = np.random.default_rng(0)
X = np.round(RNG.normal(size=(60, 4)), 3) * (RNG.random((60, 4)) > 0.4)
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)


def _model(kind, solver="adam", **settings):
    if kind in (MLPClassifier, MLPRegressor):
        settings = {"hidden_layer_sizes": (5,)} | settings
    return kind(
        solver=solver, max_iter=4, random_state=0, **({} if solver == "lbfgs" else {"batch_size": 16}), **settings
    )


def _weights(model):
    return [*model.coefs_, *model.intercepts_]


def _equal(a, b):
    return all(np.array_equal(u, v) and u.dtype == v.dtype for u, v in zip(_weights(a), _weights(b), strict=True))


def _memmap(tmp_path):
    path = tmp_path / "table.npy"
    np.save(path, X)
    return np.load(path, mmap_mode="r")


LAYOUTS = {
    "fortran": lambda _: np.asfortranarray(X),
    "negative strides": lambda _: X[::-1, ::-1].copy()[::-1, ::-1],
    "transposed copy": lambda _: X.T.copy().T,
    "every other row": lambda _: np.repeat(X, 2, axis=0)[::2],
    "every other column": lambda _: np.repeat(X, 2, axis=1)[:, ::2],
    "read-only memmap": _memmap,
    "list": lambda _: X.tolist(),
    "object": lambda _: X.astype(object),
    "pandas": lambda _: pd.DataFrame(X, columns=list("abcd")),
    "polars": lambda _: pl.DataFrame(X, schema=list("abcd")),
    "unaligned": lambda _: np.frombuffer(b"." + X.tobytes(), offset=1).reshape(X.shape),
    "big-endian": lambda _: X.astype(">f8"),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_d28_layout_changes_nothing(layout, kind, solver, tmp_path):
    table = layout(tmp_path)
    model = _model(kind, solver).fit(table, Y)
    plain = _model(kind, solver).fit(X, Y)
    assert all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(_weights(model), _weights(plain), strict=True))
    assert_allclose(model.predict(table), plain.predict(X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "gradient_descent", "lbfgs"])
@pytest.mark.parametrize("make", [np.array, np.asfortranarray, sparse.csr_array, sparse.csc_array])
def test_d28_inputs_are_never_written_to(kind, solver, make):
    """Also with weights, dropout and early stopping, which touch rows most."""
    table, y, weights = make(X), Y.astype(float), np.arange(60.0)
    parts = (table.data, table.indices, table.indptr) if sparse.issparse(table) else (table,)
    before = [part.tobytes() for part in (*parts, y, weights)]
    for part in (*parts, y, weights):
        part.flags.writeable = False
    more = {"dropout": 0.2, "dropout_input": 0.1} if kind in ESTIMATORS[:2] and solver == "adam" else {}
    kind = LinearRegressor if kind is LinearClassifier else kind
    model = _model(kind, "adam" if more else "lbfgs", early_stopping=True, **more).fit(table, y, weights)
    model.predict(table)
    assert [part.tobytes() for part in (*parts, y, weights)] == before


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_networks_stay_float32_linear_models_and_numbers_are_float64(kind, solver, early_stopping, make):
    model = _model(kind, solver) if solver != "gradient_descent" else kind(solver=solver, max_iter=3)
    model.set_params(early_stopping=early_stopping)
    model.fit(make(X.astype(np.float32)), Y)
    is_network, is_classifier = kind in (MLPClassifier, MLPRegressor), kind in (MLPClassifier, LinearClassifier)
    dtype = np.float32 if is_network else np.float64
    assert {part.dtype for part in _weights(model)} == {np.dtype(dtype)}
    outputs = model.predict_proba if is_classifier else model.predict
    assert outputs(make(X.astype(np.float32))).dtype == (dtype if is_classifier else np.float64)
    if is_network:
        assert model.transform(make(X.astype(np.float32))).dtype == np.float32


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_d16_float32_and_float64_start_alike_and_agree(kind, solver, early_stopping):
    table = X.astype(np.float32)
    more = {} if solver in ("gradient_descent", "lbfgs") else {"batch_size": 16}
    model = kind(solver=solver, early_stopping=early_stopping, max_iter=4, random_state=0, **more)
    single, double = clone(model).fit(table, Y), model.fit(table.astype(float), Y)
    outputs = "decision_function" if kind in (MLPClassifier, LinearClassifier) else "predict"
    assert_allclose(getattr(single, outputs)(table), getattr(double, outputs)(X), rtol=1e-2, atol=5e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.int8, np.uint8, bool])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, pd.DataFrame])
def test_everything_else_is_computed_in_float64(dtype, make):
    table = np.abs(X * 20).astype(dtype)
    model = _model(MLPRegressor).fit(make(table), Y)
    plain = _model(MLPRegressor).fit(table.astype(float), Y)
    assert {part.dtype for part in _weights(model)} == {np.dtype(np.float64)}
    assert_allclose(model.predict(make(table)), plain.predict(table.astype(float)), rtol=1e-9)


@pytest.mark.parametrize("settings", [{"solver": "adam"}, {"solver": "adam", "early_stopping": True}], ids=str)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d16_float32_and_float64_agree(kind, settings):
    """The tolerances of scikit-learn's own test_mlp_*_dtypes_casting."""
    settings = {"alpha": 1e-3, "max_iter": 50, "random_state": 0} | settings
    rng = np.random.default_rng(1)
    table = rng.normal(size=(150, 6))
    if kind in (MLPClassifier, LinearClassifier):
        y = (table[:, :3] + 0.1 * rng.normal(size=(150, 3))).argmax(axis=1)
    else:
        y = table[:, 0] - 2 * table[:, 1]
    double = kind(**settings).fit(table, y)
    single = kind(**settings).fit(table.astype(np.float32), y)
    if kind in (MLPClassifier, LinearClassifier):
        assert_allclose(
            single.predict_proba(table.astype(np.float32)), double.predict_proba(table), rtol=1e-2, atol=1e-4
        )
        assert (single.predict(table.astype(np.float32)) == double.predict(table)).all()
    else:
        assert_allclose(single.predict(table.astype(np.float32)), double.predict(table), rtol=5e-4, atol=5e-4)


@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_d16_float32_finds_the_minimum_of_a_convex_cost(kind):
    y = Y if kind is LinearClassifier else X @ [1.0, -2.0, 0.5, 0.0]
    double, single = kind(0.01).fit(X, y), kind(0.01).fit(X.astype(np.float32), y)
    assert_allclose(single.coefs_[0], double.coefs_[0], rtol=1e-3, atol=1e-3)


def test_d16_initial_weights_are_the_same_draws():
    settings = {"hidden_layer_sizes": (20,), "solver": "sgd", "learning_rate_init": 1e-30, "max_iter": 1}
    double = MLPRegressor(random_state=0, **settings).fit(X, Y)
    single = MLPRegressor(random_state=0, **settings).fit(X.astype(np.float32), Y)
    for a, b in zip(_weights(double), _weights(single), strict=True):
        assert_allclose(a.astype(np.float32), b, rtol=0, atol=1e-20)


SPARSE = [sparse.csr_matrix, sparse.csr_array, sparse.csc_matrix, sparse.csc_array, sparse.coo_array]


def _with_long_indices(table):
    table = sparse.csr_array(table)
    table.indices, table.indptr = table.indices.astype(np.int64), table.indptr.astype(np.int64)
    return table


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("make", [*SPARSE, _with_long_indices], ids=lambda make: make.__name__)
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_d29_sparse_and_dense_give_the_same(kind, make, settings):
    scattered, plain = _model(kind, **settings).fit(make(X), Y), _model(kind, **settings).fit(X, Y)
    for a, b in zip(_weights(scattered), _weights(plain), strict=True):
        assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert_allclose(scattered.predict(X), plain.predict(make(X)), rtol=1e-9, atol=1e-12)
    if settings.get("early_stopping"):
        assert_allclose(scattered.validation_scores_, plain.validation_scores_)


@pytest.mark.parametrize("make", SPARSE)
def test_d29_sparse_with_dropout_weights_and_partial_fit(make):
    settings = {"hidden_layer_sizes": (5,), "dropout": 0.3, "dropout_input": 0.2, "random_state": 0, "batch_size": 16}
    weights = np.arange(60) % 3
    a, b = MLPRegressor(**settings), MLPRegressor(**settings)
    for _ in range(3):
        a.partial_fit(make(X), Y, sample_weight=weights)
        b.partial_fit(X, Y, sample_weight=weights)
    for u, v in zip(_weights(a), _weights(b), strict=True):
        assert_allclose(u, v, rtol=1e-9, atol=1e-12)
    assert_allclose(a.transform(make(X)), b.transform(X), rtol=1e-9, atol=1e-12)


def test_stored_zeros_and_unsorted_duplicates_count_as_their_sum():
    rows, columns = np.nonzero(np.ones_like(X))
    halves = sparse.coo_matrix((np.tile(X.ravel() / 2, 2), (np.tile(rows, 2), np.tile(columns, 2))), X.shape)
    assert_allclose(_model(MLPRegressor).fit(halves, Y).predict(X), _model(MLPRegressor).fit(X, Y).predict(X))


@st.composite
def scattered(draw):
    """A CSR matrix whose rows name columns in any order and several times, as plain arrays and as a matrix."""
    counts = draw(st.lists(st.integers(0, 6), min_size=20, max_size=30))
    starts, n = np.cumsum([0, *counts]), sum(counts)
    columns = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    values = draw(st.lists(st.integers(-4, 4), min_size=n, max_size=n))
    dtype = draw(st.sampled_from([np.float64, np.float32, np.int8, np.uint8, bool]))
    arrays = np.array(values).astype(dtype), np.array(columns, np.int32), starts.astype(np.int32)
    return sparse.csr_array(tuple(part.copy() for part in arrays), shape=(len(counts), 4)), arrays


@hypothesis.settings(max_examples=25, deadline=None)
@hypothesis.given(
    scattered(),
    st.sampled_from([{"batch_size": 7}, {"batch_size": 7, "dropout": 0.2, "dropout_input": 0.2}, {"solver": "lbfgs"}]),
)
def test_what_stands_twice_in_a_row_counts_as_its_sum(drawn, parameters):
    table, arrays = drawn
    summed = sparse.csr_array(table.toarray())  # in SciPy's words: the sum in the matrix's own type
    table.has_sorted_indices = True  # what a matrix remembers of itself is not believed
    Y = np.arange(float(table.shape[0]))
    fitted = [MLPRegressor((3,), max_iter=3, random_state=0, **parameters).fit(one, Y) for one in (table, summed)]
    for a, b in zip(_weights(fitted[0]), _weights(fitted[1]), strict=True):
        assert_array_equal(a, b)
    assert_array_equal(fitted[0].predict(table), fitted[0].predict(summed))
    assert fitted[0].data_loss(table, Y) == fitted[0].data_loss(summed, Y)
    assert_array_equal(fitted[0].transform(table), fitted[0].transform(summed))
    for now, before in zip((table.data, table.indices, table.indptr), arrays, strict=True):
        assert_array_equal(now, before)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_wide_sparse_tables_are_never_densified_whole(solver):
    """2,000 x 200,000 would be 3.2 GB dense; each dense batch of 200 rows would still be 320 MB."""
    pytest.importorskip("resource")
    script = f"""
    import resource, warnings
    import numpy as np
    from scipy import sparse
    from chainrule import MLPClassifier
    warnings.simplefilter("ignore")
    X = sparse.random_array((2_000, 200_000), density=1e-5, format="csr", rng=np.random.default_rng(0))
    y = np.arange(2_000) % 2
    MLPClassifier((2,), max_iter=1).fit(X[:50, :50], y[:50])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model = MLPClassifier((2,), solver={solver!r}, max_iter=2, early_stopping=True).fit(X, y)
    model.predict_proba(X), model.transform(X)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 250


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, lambda X, columns: pl.DataFrame(X, schema=columns)], ids=["pandas", "polars"]
)
@pytest.mark.parametrize("kind", ESTIMATORS)
class TestFrames:
    def test_names_are_remembered(self, frame, kind):
        model = _model(kind).fit(frame(X, columns=list("abcd")), Y)
        assert model.feature_names_in_.tolist() == list("abcd")
        assert model.n_features_in_ == 4

    def test_other_names_are_refused(self, frame, kind):
        model = _model(kind).fit(frame(X, columns=list("abcd")), Y)
        with pytest.raises(
            ValueError, match="unseen at fit time:\n- e\nFeature names seen at fit time, yet now missing:\n- d"
        ):
            model.predict(frame(X, columns=list("abce")))
        with pytest.raises(ValueError, match="missing:\n- d"):
            model.predict(frame(X[:, :3], columns=list("abc")))
        with pytest.raises(ValueError, match="same order"):
            model.predict(frame(X, columns=list("dcba")))

    def test_missing_names_warn(self, frame, kind):
        model = _model(kind).fit(frame(X, columns=list("abcd")), Y)
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            model.predict(X)

    def test_d25_stopping_early_warns_of_nothing(self, frame, kind):
        table = frame(X, columns=list("abcd"))
        for settings in ({}, {"solver": "lbfgs"}):
            model = _model(kind, early_stopping=True, **settings).fit(table, Y)
            assert np.isfinite(model.validation_scores_).all()
            model.predict(table), model.score(table, Y)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize(
    ("table", "words"),
    [
        (np.where(np.eye(60, 4), np.nan, X), "Input X contains NaN"),
        (np.where(np.eye(60, 4), np.inf, X), "Input X contains infinity"),
        (sparse.csr_array(np.where(np.eye(60, 4), np.nan, X)), "Input X contains NaN"),
        (X + 1j, "Complex data not supported"),
        (X[0], "Expected 2D array, got 1D array"),
        (np.zeros((60, 2, 2)), "Found array with dim 3"),
        (X[:0], r"Found array with 0 sample\(s\)"),
        (X[:, :0], r"Found array with 0 feature\(s\)"),
        (np.array([["a", "b"]] * 60), "not compatible with arrays of bytes/strings"),
    ],
    ids=["NaN", "inf", "sparse NaN", "complex", "1d", "3d", "no rows", "no columns", "text"],
)
def test_d22_tables_that_cannot_be(kind, table, words):
    with pytest.raises(ValueError, match=words):
        kind().fit(table, Y[: len(table)] if not sparse.issparse(table) else Y)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d22_predicting_needs_the_same_columns_and_finite_values(kind):
    model = _model(kind).fit(X, Y)
    with pytest.raises(ValueError, match=f"X has 3 features, but {kind.__name__} is expecting 4 features"):
        model.predict(X[:, :3])
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict(np.full((2, 4), np.nan))


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_d23_a_row_is_predicted_alike_alone_and_in_company(kind, dtype):
    table = np.random.default_rng(5).normal(size=(300, 40)).astype(dtype)
    model = _model(kind).fit(table, np.arange(300) % 2)
    outputs = model.decision_function if kind in (MLPClassifier, LinearClassifier) else model.predict
    together, alone = outputs(table), np.concatenate([outputs(table[i : i + 1]) for i in range(50)])
    tolerance = 1e-12 if dtype == np.float64 else 2e-6
    assert_allclose(together[:50], alone, rtol=tolerance, atol=tolerance)
    assert_allclose(outputs(table[::-1])[::-1], together, rtol=tolerance, atol=tolerance)
