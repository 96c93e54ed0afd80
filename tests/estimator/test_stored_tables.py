"""X as a path, a query or a Dask data frame: the same bits as in memory, and no more memory than allowed."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest
from sklearn import config_context

from chainrule import LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import InvalidParameterError, ShapeError, TableError, TargetError
from chainrule.estimator.open_inputs import opened
from chainrule.outofcore.stored_matrix import StoredMatrix, StoredRows

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter")
ENCODED = {"scale": True, "missing": "impute", "categorical_features": "from_dtype"}
SETTINGS = {"max_iter": 4, "batch_size": 64, "shuffle": False, "random_state": 0}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(3000, 4)).astype(np.float32), columns=list("abcd"))
    table["colour"] = rng.choice(["blue", "green", "red"], 3000)
    table.loc[::7, "d"] = np.nan
    table["weight"] = rng.integers(0, 3, 3000).astype(float)
    table["label"] = np.where(table.a + table.b * (table.colour == "red") > 0.3, "yes", "no")
    table["price"] = (100 + 9 * table.a - table.b).astype(np.float64)
    return table


@pytest.fixture(scope="module")
def path(frame, tmp_path_factory):
    file = tmp_path_factory.mktemp("stored") / "table.parquet"
    frame.to_parquet(file, row_group_size=500)
    return file


def query(path, *columns):
    return f"SELECT {', '.join(columns)} FROM '{path}'"


def same(one, other):
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return all(np.array_equal(p, q) for p, q in pairs)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"early_stopping": True, "n_iter_no_change": 2},
        {"class_weight": "balanced", "dropout": 0.2},
        {"solver": "sgd", "engine": "reference"},
        {"max_iter": 30, "validation_fraction": 200, "early_stopping": True, "label_smoothing": 0.1},
    ],
    ids=str,
)
@pytest.mark.parametrize("weights", [None, "weight"])
def test_a_classifier_is_the_one_of_the_table_in_memory_to_the_bit(frame, path, changes, weights):
    features = ["a", "b", "c", "d", "colour"]
    settings = SETTINGS | ENCODED | changes
    here = MLPClassifier((8,), **settings).fit(frame[features], frame.label, weights and frame[weights])
    there = MLPClassifier((8,), **settings).fit(
        query(path, *features, "label", *filter(None, [weights])), "label", weights
    )
    assert same(here, there)
    assert there.history_.final == here.history_.final
    assert there.classes_.tolist() == ["no", "yes"]
    assert there.feature_names_in_.tolist() == features
    asked = query(path, "price", "colour", "d", "c", "b", "a")  # another order, and one too many
    assert np.array_equal(there.predict_proba(asked), here.predict_proba(frame[features]))
    assert np.array_equal(there.predict(asked), here.predict(frame[features]))


def test_a_regressor_is_too_and_it_takes_plain_numbers(frame, path):
    X = frame[["a", "b", "c"]]
    here = MLPRegressor((8,), **SETTINGS).fit(X, frame.price)
    there = MLPRegressor((8,), **SETTINGS).fit(query(path, "a", "b", "c", "price"), "price")
    assert same(here, there)
    assert np.array_equal(there.predict(query(path, "c", "b", "a")), here.predict(X))
    assert np.array_equal(there.transform(query(path, "c", "b", "a")), here.transform(X))


@pytest.mark.parametrize("changes", [{}, {"scale": True}, {"missing": "impute"}], ids=str)
def test_the_same_rows_are_held_out_of_numbers_encoded_or_not(frame, path, changes):
    settings = SETTINGS | {"early_stopping": True} | changes
    here = MLPRegressor((8,), **settings).fit(frame[["a", "b"]], frame.price)
    there = MLPRegressor((8,), **settings).fit(query(path, "a", "b", "price"), "price")
    assert same(here, there)
    assert there.history_["val_loss"] == here.history_["val_loss"]


@pytest.mark.parametrize("weights", [None, "weight"])
def test_a_source_is_judged_as_the_table_in_memory(frame, path, weights):
    features, given = ["a", "b", "colour"], weights and frame[weights]
    asked = query(path, "price", *features, "label", *filter(None, [weights]))
    model = MLPClassifier((8,), **SETTINGS | ENCODED).fit(asked.replace("price, ", ""), "label", weights)
    assert model.score(asked, "label", weights) == model.score(frame[features], frame.label, given)
    assert model.data_loss(asked, "label", weights) == pytest.approx(model.history_.final["loss"], rel=1e-12)
    assert model.data_loss(asked, "label", weights) == pytest.approx(
        model.data_loss(frame[features], frame.label, given), rel=1e-6
    )


def test_a_regressor_is_judged_and_calibrated_by_a_source(frame, path):
    asked, X = query(path, "a", "b", "price"), frame[["a", "b"]]
    here = MLPRegressor((8,), **SETTINGS).fit(X, frame.price, X_cal=X, y_cal=frame.price)
    there = MLPRegressor((8,), **SETTINGS).fit(asked, "price", X_cal=asked, y_cal="price")
    assert there.score(asked, "price") == here.score(X, frame.price)
    assert np.array_equal(there.predict_interval(query(path, "a", "b")), here.predict_interval(X))


def test_several_targets_and_a_validation_table_of_ones_own(frame, path):
    X, Y = frame[["a", "b"]], frame[["c", "price"]]
    settings = SETTINGS | {"early_stopping": True, "standardize_target": True}
    here = MLPRegressor((8,), **settings).fit(X[:2000], Y[:2000], X_val=X[2000:], y_val=Y[2000:])
    first, rest = (query(path, "a", "b", "c", "price") + part for part in (" LIMIT 2000", " OFFSET 2000"))
    there = MLPRegressor((8,), **settings).fit(first, ["c", "price"], X_val=rest, y_val=["c", "price"])
    assert same(here, there)
    assert there.history_["val_loss"] == here.history_["val_loss"]


def test_lbfgs_goes_over_it_to_the_same_minimum(frame, path):
    here = LinearRegressor(tol=1e-10).fit(frame[["a", "b"]].astype(np.float64), frame.price)
    there = LinearRegressor(tol=1e-10).fit(query(path, "a::DOUBLE + 1e-12 AS a", "b::DOUBLE AS b", "price"), "price")
    np.testing.assert_allclose(there.coef_, here.coef_, rtol=1e-6)


def test_warm_start_goes_on(path):
    asked = query(path, "a", "b", "label")
    twice = MLPClassifier((8,), warm_start=True, **SETTINGS | {"max_iter": 2}).fit(asked, "label").fit(asked, "label")
    assert same(twice, MLPClassifier((8,), **SETTINGS).fit(asked, "label"))


def test_a_dask_data_frame_is_computed_by_partitions(frame, path):
    dataframe = pytest.importorskip("dask.dataframe")
    columns = frame[["a", "b", "price"]]
    there = MLPRegressor((8,), **SETTINGS).fit(dataframe.from_pandas(columns, npartitions=3), "price")
    assert same(there, MLPRegressor((8,), **SETTINGS).fit(query(path, "a", "b", "price"), "price"))


@pytest.mark.parametrize("chunks", [(700, -1), (1000, 1)])
def test_dask_arrays_are_computed_by_blocks(frame, chunks):
    array = pytest.importorskip("dask.array")
    X, weight = frame[["a", "b"]].to_numpy(np.float64) / 3, frame.weight.to_numpy()
    here = MLPClassifier((8,), **SETTINGS, early_stopping=True).fit(X, frame.label, weight)
    lazy = array.from_array(X, chunks=chunks)
    for y in (frame.label, array.from_array(frame.label.to_numpy(), chunks=600)):
        there = MLPClassifier((8,), **SETTINGS, early_stopping=True).fit(lazy, y, array.from_array(weight))
        assert same(here, there)
        assert not hasattr(there, "feature_names_in_")
        assert np.array_equal(there.predict_proba(lazy), here.predict_proba(X))
        assert there.score(lazy, y) == here.score(X, frame.label)
    some = MLPRegressor((8,), **SETTINGS).fit(lazy[lazy[:, 0] > 0], X[X[:, 0] > 0, 1])  # of unknown length
    assert same(some, MLPRegressor((8,), **SETTINGS).fit(X[X[:, 0] > 0], X[X[:, 0] > 0, 1]))


def test_the_target_may_come_beside_a_dask_data_frame(frame):
    dataframe = pytest.importorskip("dask.dataframe")
    lazy = dataframe.from_pandas(frame, npartitions=3)
    features = ["a", "b", "colour"]
    here = MLPClassifier((8,), **SETTINGS | ENCODED).fit(frame[features], frame.label, frame.weight)
    there = MLPClassifier((8,), **SETTINGS | ENCODED).fit(lazy[features], lazy.label, lazy.weight)
    assert same(here, there)
    assert there.feature_names_in_.tolist() == features
    two = MLPRegressor((8,), **SETTINGS).fit(lazy[["a", "b"]], lazy[["c", "price"]])
    assert same(two, MLPRegressor((8,), **SETTINGS).fit(frame[["a", "b"]], frame[["c", "price"]]))


def test_names_are_learned_and_forgotten_with_the_table(frame):
    array, dataframe = pytest.importorskip("dask.array"), pytest.importorskip("dask.dataframe")
    lazy = dataframe.from_pandas(frame[["a", "b"]], npartitions=2)
    model = MLPRegressor((4,), **SETTINGS).fit(lazy, frame.price)
    X = array.from_array(frame[["a", "b"]].to_numpy(), chunks=(1000, 2))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        assert np.array_equal(model.predict(X), model.predict(lazy))
    assert not hasattr(model.fit(X, frame.price), "feature_names_in_")


def test_dask_collections_that_are_no_tables_are_refused(frame):
    array, sparse = pytest.importorskip("dask.array"), pytest.importorskip("scipy.sparse")
    y, model = frame.label, MLPClassifier((4,), **SETTINGS)
    X = array.from_array(frame[["a", "b"]].to_numpy(), chunks=(1000, 2))
    for bad, words in (
        (X[:, 0], "must have two dimensions, rows and columns, got 1"),
        (X.map_blocks(sparse.csr_matrix), "must be NumPy arrays of numbers, got a csr_matrix of float32"),
        (X.astype(str), "must be NumPy arrays of numbers, got a ndarray of <U32"),
    ):
        with pytest.raises(TableError, match=words):
            model.fit(bad, y)
    with pytest.raises(ShapeError, match="Array has 3,000 rows, but 2,999 values come with it"):
        model.fit(X, y[1:])
    with pytest.raises(ShapeError, match="but 3 values come with it"):
        model.fit(X, y, np.ones(3))
    with pytest.raises(ShapeError, match="but 0 values come with it"):
        model.fit(X, [])
    with pytest.raises(InvalidParameterError, match="y and sample_weight are names of its columns; got NoneType as y"):
        model.fit(X, None)
    with pytest.raises(InvalidParameterError, match="y names a column twice; values, not names, must come as an array"):
        model.fit(X, [1, 2] * 1500)


def test_arrow_datasets_and_readers_are_read_in_batches(frame, path):
    columns = frame[["a", "b", "price"]]
    table = pyarrow.Table.from_pandas(columns)
    here = MLPRegressor((8,), **SETTINGS).fit(columns[["a", "b"]], columns.price)
    for source in (pyarrow.dataset.dataset(table), table.to_reader(max_chunksize=700)):
        assert same(here, MLPRegressor((8,), **SETTINGS).fit(source, "price"))
    in_memory = MLPRegressor((8,), **SETTINGS).fit(table.select(["a", "b"]), columns.price)
    assert same(here, in_memory)


def test_windows_are_shuffled_and_it_learns(frame, path):
    features, settings = ["a", "b", "colour"], {"max_iter": 60, "random_state": 0, **ENCODED}
    here = MLPClassifier((8,), **settings).fit(frame[features], frame.label)
    with config_context(working_memory=1):
        there = MLPClassifier((8,), **settings).fit(query(path, *features, "label"), "label")
    assert not same(here, there)
    assert there.score(frame[features], frame.label) > here.score(frame[features], frame.label) - 0.02


@pytest.mark.parametrize(
    ("columns", "y", "settings", "error", "words"),
    [
        (["a", "colour", "label"], "label", {}, TableError, "'colour' holds texts: name it in categorical_features"),
        (["a", "d", "label"], "label", {}, TableError, "'d' lacks 429"),
        (["a", "label"], "labl", {}, TableError, "Did you mean 'label'"),
        (["label"], "label", {}, TableError, "no column beside y"),
        (["a", "d"], "d", {}, TargetError, "contains NaN: column 'd' lacks 429"),
        (["a", "label"], np.zeros(3), {}, InvalidParameterError, "are names of its columns; got ndarray"),
        (["a", "label"], [], {}, InvalidParameterError, "are names of its columns; got list as y"),
        (["a", "label"], "label", {"scoring": "accuracy", "early_stopping": True}, InvalidParameterError, "on disk"),
        (["a", "label"], "label", {"categorical_features": ["b"]}, InvalidParameterError, "names 'b'"),
        (["a", "DATE '2026-01-01' + a::INT AS day"], "day", {}, TargetError, "y='day' holds dates"),
    ],
)
def test_what_cannot_be_is_said(path, columns, y, settings, error, words):
    with pytest.raises(error, match=words):
        MLPClassifier((4,), **SETTINGS | settings).fit(query(path, *columns), y)


@pytest.mark.parametrize(("column", "kind"), [("colour", "texts"), ("DATE '2026-01-01' + a::INT AS colour", "dates")])
def test_weights_that_are_no_numbers_are_refused(path, column, kind):
    with pytest.raises(TableError, match=f"sample_weight='colour' must be a column of numbers, it holds {kind}"):
        MLPClassifier((4,), **SETTINGS).fit(query(path, "a", column, "label"), "label", "colour")


def test_a_file_that_is_not_there_and_a_column_that_is_missing(path):
    with pytest.raises(TableError, match="No such file"):
        MLPClassifier().fit(path.with_name("none.parquet"), "label")
    model = MLPClassifier((4,), **SETTINGS).fit(query(path, "a", "b", "label"), "label")
    with pytest.raises(TableError, match="'b'"):
        model.predict(query(path, "a"))


def test_rows_of_a_part_are_read_where_they_are(path):
    with opened(query(path, "a", "b", "label"), "label", None) as (table, _, _):
        X = table.encoded(None)
        whole = X.read(0, 3000)
        rows = np.arange(0, 3000, 3)
        part = StoredRows(X, np.arange(3000.0)[:, None], np.arange(3000.0) + 1, rows)
        block = part.read(10, 20)
        assert isinstance(X, StoredMatrix)
        np.testing.assert_array_equal(block.X, whole[rows[10:20]])
        np.testing.assert_array_equal(block.Y[:, 0], rows[10:20])
        np.testing.assert_allclose(block.weights, (rows[10:20] + 1) / np.mean(rows + 1), rtol=1e-15)
        assert len(part.read(5, 5)) == 0
    assert not X.path.exists()


def test_another_process_reads_the_rows_of_files_that_lack_a_column(frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame[["a", "colour", "price"]][:1000].to_parquet("0.parquet")
    frame[["a", "d", "colour", "price"]][1000:].to_parquet("1.parquet")
    model = MLPRegressor((4,), **SETTINGS | ENCODED).fit("*.parquet", "price")
    with opened("*.parquet", "price", None) as (table, _, _):
        matrix = model._checked(table, reset=False)[0].encoded(model._columns)
        monkeypatch.chdir("/")
        reader = pickle.loads(pickle.dumps(matrix.remote))
        for start, stop in ((0, 10), (990, 1010), (2990, 3000)):
            np.testing.assert_array_equal(reader(start, stop).X, matrix.read(start, stop))


FIT = """
import sys
from pathlib import Path
from sklearn import set_config
from chainrule import MLPClassifier
set_config(working_memory=400)
model = MLPClassifier((8,), max_iter=1, batch_size=256, random_state=0).fit(sys.argv[1], "label")
assert len(model.predict(sys.argv[1])) == 600_000
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_memory_is_bounded(tmp_path):
    """600,000 rows of 120 numbers take 290 MB, and a fit in memory more than twice that beside 200 MB of program."""
    file, columns = tmp_path / "wide.parquet", ", ".join(f"random()::FLOAT AS x{i}" for i in range(120))
    with duckdb.connect(config={"memory_limit": "1GB"}) as connection:
        rows = f"SELECT {columns}, i % 2 AS label FROM range(600000) t(i)"
        connection.execute(f"COPY ({rows}) TO '{file}' (ROW_GROUP_SIZE 20000)")
    environment = os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"}
    fit = [sys.executable, "-c", FIT, str(file)]
    ended = subprocess.run(fit, check=True, env=environment, capture_output=True, text=True)
    assert int(ended.stdout) < 480_000  # kilobytes
