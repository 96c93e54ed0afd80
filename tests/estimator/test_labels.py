"""Labels and targets of any kind go in, and come out as they were."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import check_classification_targets

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import TargetError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
CODES = np.repeat([0, 1, 2], 20)
X = RNG.normal(size=(60, 3)) + 3 * np.eye(3)[CODES]

LABELS = {
    "str": np.array(["ash", "beech", "oak"]),
    "object": np.array(["ash", "beech", "oak"], dtype=object),
    "int": np.array([0, 1, 2]),
    "non-contiguous": np.array([-7, 3, 1000]),
    "int8": np.array([-128, 0, 127], dtype=np.int8),
    "uint8": np.array([0, 200, 255], dtype=np.uint8),
    "uint64": np.array([1, 2, 2**63], dtype=np.uint64),
    "float integers": np.array([1.0, 2.0, 30.0]),
    "float32 integers": np.array([1, 2, 30], dtype=np.float32),
}
TWO = {name: labels[:2] for name, labels in LABELS.items()} | {"bool": np.array([False, True])}


def _classifier(**settings):
    return MLPClassifier((8,), solver="lbfgs", max_iter=60, random_state=0, **settings)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_three_classes_of_any_label_type(labels):
    y = labels[CODES]
    model = _classifier().fit(X, y)
    assert model.classes_.dtype == labels.dtype
    assert model.classes_.tolist() == labels.tolist()
    predicted = model.predict(X)
    assert predicted.dtype == y.dtype
    assert (predicted == y).mean() > 0.9
    assert model.score(X, y) == (predicted == y).mean()


@pytest.mark.parametrize("labels", TWO.values(), ids=TWO)
def test_two_classes_of_any_label_type(labels):
    y = labels[(CODES == 0).astype(int)]
    model = _classifier().fit(X, y)
    assert model.predict(X).dtype == y.dtype
    assert model.score(X, y) > 0.9
    assert model.predict_proba(X).shape == (60, 2)
    assert ((model.decision_function(X) > 0) == (model.predict(X) == labels[1])).all()


@pytest.mark.parametrize("labels", (LABELS | TWO).values(), ids=str)
def test_d19_any_label_type_stops_early(labels):
    y = labels[CODES % len(labels)]
    model = MLPClassifier((4,), early_stopping=True, max_iter=5, random_state=0, batch_size=10).fit(X, y)
    assert all(0 <= score <= 1 for score in model.validation_scores_)


@pytest.mark.parametrize(
    "wrap",
    [list, pd.Series, pl.Series, lambda y: pd.Series(y, dtype="category"), lambda y: pd.Series(y, dtype="string")],
    ids=["list", "pandas", "polars", "category", "string"],
)
def test_containers_of_labels(wrap):
    model = _classifier().fit(X, wrap(LABELS["str"][CODES].tolist()))
    assert model.classes_.tolist() == ["ash", "beech", "oak"]
    assert model.score(X, wrap(LABELS["str"][CODES].tolist())) > 0.9


def test_the_order_of_the_rows_decides_nothing_about_classes():
    y = LABELS["str"][CODES]
    assert _classifier().fit(X[::-1], y[::-1]).classes_.tolist() == ["ash", "beech", "oak"]


@pytest.mark.parametrize("y", [["one"] * 60, [7] * 60, [True] * 60], ids=str)
@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_d21_one_class_is_predicted_always(y, kind, solver):
    model = kind(solver=solver, max_iter=3, random_state=0).fit(X, y)
    assert model.classes_.tolist() == y[:1]
    assert model.predict(X).tolist() == y
    for far in (1e6, -1e6):  # where the logit, which nothing holds there, has either sign
        assert model.predict(far * X).tolist() == y
    assert model.predict_proba(X).tolist() == [[1.0]] * 60
    assert model.predict_log_proba(X).tolist() == [[0.0]] * 60


@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
def test_d21_one_class_left_by_zero_weights(kind):
    y = np.where(CODES == 0, "kept", "gone")
    model = kind(solver="lbfgs", max_iter=60, random_state=0).fit(X, y, (CODES == 0).astype(float))
    assert model.classes_.tolist() == ["gone", "kept"]
    assert set(model.predict(X)) == {"kept"}


@pytest.mark.parametrize("dtype", [int, bool, np.uint8, float])
@pytest.mark.parametrize("wrap", [np.asarray, np.asfortranarray, sparse.csr_matrix, sparse.csc_array, pd.DataFrame])
def test_multilabel(dtype, wrap):
    y = np.column_stack([CODES == 0, CODES != 1, X[:, 0] > 0]).astype(dtype)
    model = _classifier().fit(X, wrap(y))
    assert model.predict(X).dtype == dtype
    assert model.predict(X).shape == y.shape
    assert (model.predict(X) == y).mean() > 0.95
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.out_activation_ == "logistic"
    probability = model.predict_proba(X)
    assert ((probability > 0.5) == model.predict(X).astype(bool)).all()
    assert not np.allclose(probability.sum(axis=1), 1)


def test_multilabel_score_is_the_share_of_rows_all_right():
    y = np.column_stack([CODES == 0, RNG.random(60) > 0.5]).astype(int)
    model = LinearClassifier().fit(X, y)
    assert model.score(X, y) == (model.predict(X) == y).all(axis=1).mean()


def test_multilabel_stops_early():
    y = np.column_stack([CODES == 0, CODES == 2]).astype(int)
    model = MLPClassifier((4,), early_stopping=True, max_iter=3).fit(X, y)
    assert all(0 <= score <= 1 for score in model.validation_scores_)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.column_stack([CODES, CODES]), "one column of labels, or an indicator matrix of 0 and 1"),
        (np.column_stack([CODES == 0, CODES == 1]) * 2 - 1, "an indicator matrix of 0 and 1"),
        (X[:, 0], "Unknown label type: continuous"),
        (np.where(CODES == 0, np.nan, 1.0), "Input y contains NaN"),
        (CODES[:-1], "inconsistent numbers of samples"),
        (CODES + 1j, "Complex data not supported"),
    ],
    ids=["two label columns", "minus one", "continuous", "NaN", "length", "complex"],
)
def test_targets_that_are_no_labels(y, words):
    with pytest.raises(ValueError, match=words):
        MLPClassifier().fit(X, y)


@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
def test_a_column_of_labels_is_taken_with_a_warning(kind):
    model = kind(max_iter=2, random_state=0)
    with pytest.warns(DataConversionWarning, match="column-vector y") as caught:
        model.fit(X, CODES[:, None])
    assert [warning.filename for warning in caught if warning.category is DataConversionWarning] == [__file__]
    assert model.predict(X).shape == (60,)


@pytest.mark.parametrize("kind", [MLPRegressor, LinearRegressor])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.int64, np.uint8, bool, object])
def test_numbers_of_any_type(kind, dtype):
    y = (np.arange(60) % 7).astype(dtype)
    model = kind(solver="lbfgs", max_iter=5, random_state=0).fit(X, y)
    same = kind(solver="lbfgs", max_iter=5, random_state=0).fit(X, y.astype(float))
    assert model.predict(X).dtype == np.float64
    assert (model.predict(X) == same.predict(X)).all()


def test_unsigned_targets_do_not_wrap_around():
    y = np.array([0, 255] * 30, dtype=np.uint8)
    model = LinearRegressor().fit(X, y)
    assert model.predict(X).mean() == pytest.approx(127.5, abs=1e-3)


@pytest.mark.parametrize("kind", [MLPRegressor, LinearRegressor])
def test_several_outputs(kind):
    y = np.column_stack([X[:, 0], 2 * X[:, 1] - 1, X.sum(axis=1)])
    size = {"hidden_layer_sizes": (10,)} if kind is MLPRegressor else {}
    model = kind(solver="lbfgs", alpha=0.0, max_iter=200, random_state=0, **size).fit(X, y)
    assert model.predict(X).shape == (60, 3)
    assert model.n_outputs_ == 3
    assert model.score(X, y) > 0.99


def test_a_column_of_numbers_is_taken_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector y") as caught:
        model = MLPRegressor((3,), max_iter=2).fit(X, X[:, :1])
    assert [warning.filename for warning in caught if warning.category is DataConversionWarning] == [__file__]
    assert model.predict(X).shape == (60,)


@pytest.mark.parametrize(
    ("loss", "y", "words"),
    [
        ("poisson", np.arange(60.0) - 1, "'poisson': targets must be at least 0, got -1"),
        ("gamma", np.arange(60.0), "'gamma': targets must be above 0, got 0"),
        ("tweedie", np.arange(60.0) - 1, "'tweedie': targets must be at least 0, got -1"),
    ],
)
@pytest.mark.parametrize("kind", [MLPRegressor, LinearRegressor])
def test_targets_the_loss_is_not_defined_for(kind, loss, y, words):
    with pytest.raises(TargetError, match=words):
        kind(loss=loss).fit(X, y)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.array(["a", "b"] * 30), "a regression target must be numbers"),
        (np.array(["a", 1] * 30, dtype=object), "must be numbers|could not convert"),
        (np.where(CODES == 0, np.inf, 1.0), "Input y contains infinity"),
        (X[:, 0] + 1j, "Complex data not supported"),
        (X[:-1, 0], "inconsistent numbers of samples"),
    ],
    ids=["str", "mixed", "inf", "complex", "length"],
)
def test_targets_that_are_no_numbers(y, words):
    with pytest.raises(ValueError, match=words):
        MLPRegressor().fit(X, y)


def test_sparse_numbers_are_taken_as_dense_ones():
    y = np.column_stack([CODES, CODES == 1]).astype(float)
    settings = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
    a = MLPRegressor(**settings).fit(X, sparse.csr_array(y)).predict(X)
    assert (a == MLPRegressor(**settings).fit(X, y).predict(X)).all()


@pytest.mark.parametrize("distinct", [2, 29, 30, 31, 40, 60])
def test_many_whole_numbers_are_warned_of_as_scikit_learn_warns(distinct):
    y = np.arange(60) % distinct - 5
    with warnings.catch_warnings(record=True) as theirs:
        warnings.simplefilter("always")
        check_classification_targets(y)
    with warnings.catch_warnings(record=True) as ours:
        warnings.simplefilter("always")
        _classifier().fit(X, y)
    said = [str(warning.message) for warning in ours]
    assert [str(warning.message) for warning in theirs] == [text for text in said if "unique classes" in text]
