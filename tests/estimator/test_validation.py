"""The user's own validation rows, and scorers that decide when to stop (S3; traps D8 to D12, D25)."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.metrics import balanced_accuracy_score, get_scorer, make_scorer, mean_absolute_error
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import DivergenceError, InvalidParameterError, TargetError
from chainrule.network.training.history import StopReason

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter")

draw = np.random.default_rng(0)
X = draw.normal(size=(300, 5))
NOISE = draw.normal(size=300)
LABELS = np.array(["no", "yes"])[(X[:, 0] + 0.7 * NOISE > 0.5).astype(int)]
NUMBERS = X[:, 0] ** 2 + NOISE
TRAIN, VAL = slice(0, 200), slice(200, 300)


def model(kind=MLPClassifier, **parameters):
    settings = {"max_iter": 60, "random_state": 0, "n_iter_no_change": 4, "solver": "adam"} | parameters
    if settings["solver"] != "lbfgs":
        settings["learning_rate_init"] = 0.02
    return kind((20,), **settings) if kind in (MLPClassifier, MLPRegressor) else kind(**settings)


def target(kind):
    return LABELS if kind in (MLPClassifier, LinearClassifier) else NUMBERS


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "gradient_descent"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor])
def test_own_rows_are_recorded_and_stop_nothing(kind, solver):
    """They are only looked at: the weights are those of a training that never saw them."""
    y = target(kind)
    alone = model(kind, solver=solver, max_iter=12).fit(X[TRAIN], y[TRAIN])
    watched = model(kind, solver=solver, max_iter=12).fit(X[TRAIN], y[TRAIN], X_val=X[VAL], y_val=y[VAL])
    for W, expected in zip(watched.coefs_, alone.coefs_, strict=True):
        np.testing.assert_array_equal(W, expected)
    assert watched.stop_reason_ == alone.stop_reason_
    assert len(watched.history_["val_loss"]) == len(watched.history_["epoch"])
    assert len(watched.validation_scores_) == len(watched.history_["epoch"])
    assert watched.history_.final["val_loss"] == watched.data_loss(X[VAL], y[VAL])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_own_rows_decide_with_early_stopping(kind, solver):
    y = target(kind)
    watched = model(kind, solver=solver, early_stopping=True, tol=0.0)
    watched.fit(X[TRAIN], y[TRAIN], X_val=X[VAL], y_val=y[VAL])
    losses = watched.history_["val_loss"]
    assert watched.stop_reason_ is StopReason.NO_IMPROVEMENT
    assert watched.best_epoch_ == 1 + int(np.argmin(losses))
    assert len(losses) == watched.best_epoch_ + 4
    assert watched.data_loss(X[VAL], y[VAL]) == pytest.approx(min(losses), rel=1e-12)


def test_weights_of_own_rows_count():
    weights = draw.random(100)
    watched = model(max_iter=5).fit(X[TRAIN], LABELS[TRAIN], X_val=X[VAL], y_val=LABELS[VAL], sample_weight_val=weights)
    assert watched.history_.final["val_loss"] == watched.data_loss(X[VAL], LABELS[VAL], weights)
    expected = np.average(watched.predict(X[VAL]) == LABELS[VAL], weights=weights)
    assert watched.validation_scores_[watched.best_epoch_ - 1] == pytest.approx(expected)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    ("kind", "scoring"),
    [
        (MLPClassifier, "balanced_accuracy"),
        (MLPClassifier, "roc_auc"),
        (MLPClassifier, "neg_log_loss"),
        (MLPClassifier, None),
        (MLPClassifier, make_scorer(balanced_accuracy_score)),
        (MLPRegressor, "neg_mean_absolute_error"),
        (MLPRegressor, "r2"),
        (LinearClassifier, "accuracy"),
    ],
    ids=["balanced_accuracy", "roc_auc", "neg_log_loss", "None", "callable", "mae", "r2", "linear"],
)
def test_any_scorer_decides(kind, scoring, solver):
    y = target(kind)
    watched = model(kind, scoring=scoring, solver=solver, early_stopping=True, tol=0.0)
    watched.fit(X[TRAIN], y[TRAIN], X_val=X[VAL], y_val=y[VAL])
    scores = watched.validation_scores_
    assert watched.best_epoch_ == 1 + int(np.argmax(scores))
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring or type(watched).score
    assert scorer(watched, X[VAL], y[VAL]) == pytest.approx(max(scores), rel=1e-12)


@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_d25_a_scorer_of_held_out_rows_sees_them_as_given(container):
    """With a frame no warning of missing names; the rows are those held out, and no others."""
    seen = []

    def scorer(estimator, rows, y):
        seen.append((type(rows), len(rows), list(y)))
        return estimator.score(rows, y)

    table = container(X)
    if isinstance(table, pd.DataFrame):
        table.columns = list("abcde")
    model(scoring=scorer, early_stopping=True, validation_fraction=0.2, max_iter=3).fit(table, LABELS)
    assert [entry[:2] for entry in seen] == [(type(table), 60)] * 3
    assert seen[0][2].count("yes") == round(0.2 * np.count_nonzero(LABELS == "yes"))


def test_a_scorer_never_sees_class_weights_but_sample_weights():
    seen = []

    def scorer(estimator, rows, y, sample_weight=None):
        seen.append(sample_weight)
        return 0.0

    weights = 1 + draw.random(200)
    options = {"class_weight": {"no": 9, "yes": 1}, "scoring": scorer, "early_stopping": True, "max_iter": 1}
    model(**options).fit(X[TRAIN], LABELS[TRAIN])
    model(**options).fit(X[TRAIN], LABELS[TRAIN], sample_weight=weights)
    assert seen[0] is None
    assert set(seen[1]) <= set(weights)


def test_d9_a_scorer_that_gives_nan_stops():
    with pytest.raises(DivergenceError, match="validation score of epoch 1 is nan"):
        model(scoring=lambda estimator, rows, y: np.nan, early_stopping=True).fit(X, LABELS)


@pytest.mark.parametrize(("rows", "stops"), [(10_000, False), (10_001, True)], ids=str)
def test_auto_stops_early_with_many_rows(rows, stops):
    table = np.resize(X, (rows, 5)) + np.arange(rows)[:, None] / rows
    fitted = model(early_stopping="auto", max_iter=1, batch_size=500).fit(table, np.resize(LABELS, rows))
    assert (fitted.validation_scores_ is not None) == stops


def test_a_number_of_rows_is_held_out():
    seen = []
    model(
        scoring=lambda estimator, rows, y: seen.append(len(y)) or 0.0, early_stopping=True, validation_fraction=37
    ).set_params(max_iter=1).fit(X, LABELS)
    assert seen == [37]
    with pytest.raises(TargetError, match="validation set is too small"):
        model(early_stopping=True, validation_fraction=300).fit(X, LABELS)


def test_rows_go_through_a_pipeline():
    with sklearn.config_context(enable_metadata_routing=True):
        last = model(early_stopping=True).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), last)
        pipeline.transform_input = ["X_val"]
        shifted = 100 + 50 * X
        pipeline.fit(shifted[TRAIN], LABELS[TRAIN], X_val=shifted[VAL], y_val=LABELS[VAL])
        scaler, fitted = pipeline[0], pipeline[1]
        expected = fitted.data_loss(scaler.transform(shifted[VAL]), LABELS[VAL])
        assert fitted.history_.final["val_loss"] == expected


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"X_val": X[VAL]}, InvalidParameterError, "give both"),
        ({"y_val": LABELS[VAL]}, InvalidParameterError, "give both"),
        ({"sample_weight_val": np.ones(3)}, InvalidParameterError, "give both"),
        ({"X_val": X[VAL, :4], "y_val": LABELS[VAL]}, ValueError, "4 features"),
        ({"X_val": X[VAL], "y_val": LABELS[TRAIN]}, ValueError, "inconsistent numbers of samples"),
        ({"X_val": X[VAL], "y_val": ["maybe"] * 100}, TargetError, "not among the classes"),
    ],
    ids=["only X", "only y", "only weights", "columns", "rows", "labels"],
)
def test_rows_that_do_not_fit_are_refused(given, error, message):
    with pytest.raises(error, match=message):
        model().fit(X[TRAIN], LABELS[TRAIN], **given)


def test_scores_survive_cross_validation():
    scores = cross_val_score(
        model(MLPRegressor, scoring=make_scorer(mean_absolute_error, greater_is_better=False), early_stopping=True),
        X,
        NUMBERS,
        n_jobs=2,
    )
    assert np.isfinite(scores).all()
