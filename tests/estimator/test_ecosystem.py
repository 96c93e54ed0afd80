"""What scikit-learn builds around an estimator: ensembles, searches, inspection, files, processes and threads."""

import pickle
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  brings HalvingGridSearchCV
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import (
    DecisionBoundaryDisplay,
    PartialDependenceDisplay,
    partial_dependence,
    permutation_importance,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import (
    HalvingGridSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = StandardScaler().fit_transform(IRIS)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)
DIABETES = StandardScaler().fit_transform(DIABETES)[:200]
PROGRESS = PROGRESS[:200] / 100
MLP = MLPClassifier((6,), solver="lbfgs", max_iter=40, random_state=0)
MLP_NUMBERS = MLPRegressor((6,), solver="lbfgs", max_iter=30, random_state=0)
CLASSIFIERS = pytest.mark.parametrize("model", [MLP, LinearClassifier()], ids=["mlp", "linear"])
REGRESSORS = pytest.mark.parametrize("model", [MLP_NUMBERS, LinearRegressor()], ids=["mlp", "linear"])
FOUR = pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor])


def _theta(model):
    return np.concatenate([part.ravel() for part in (*model.coefs_, *model.intercepts_)])


@CLASSIFIERS
@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: CalibratedClassifierCV(model, cv=2),
        lambda model: BaggingClassifier(model, n_estimators=3, random_state=0),
        lambda model: AdaBoostClassifier(model, n_estimators=3, random_state=0),
        lambda model: StackingClassifier([("a", model), ("b", LinearClassifier())], LogisticRegression(), cv=2),
        lambda model: VotingClassifier([("a", model), ("b", LinearClassifier())], voting="soft"),
    ],
    ids=["calibrated", "bagging", "boosting", "stacking", "voting"],
)
def test_ensembles_of_classifiers(wrap, model):
    ensemble = wrap(clone(model)).fit(IRIS, SPECIES)
    assert ensemble.score(IRIS, SPECIES) > 0.93
    assert_allclose(ensemble.predict_proba(IRIS).sum(axis=1), 1)


@REGRESSORS
@pytest.mark.parametrize(
    "wrap",
    [
        lambda model: BaggingRegressor(model, n_estimators=3, random_state=0),
        lambda model: StackingRegressor([("a", model), ("b", LinearRegressor())], LinearRegression(), cv=2),
        lambda model: TransformedTargetRegressor(model, func=np.log, inverse_func=np.exp),
        lambda model: MultiOutputRegressor(model),
    ],
    ids=["bagging", "stacking", "logarithm", "one for each output"],
)
def test_ensembles_of_regressors(wrap, model):
    y = np.column_stack([PROGRESS, -PROGRESS]) if wrap(model).__class__ is MultiOutputRegressor else PROGRESS
    assert wrap(clone(model)).fit(DIABETES, y).score(DIABETES, y) > 0.3


def test_boosting_hands_on_its_weights():
    """A second network, trained on the rows the first got wrong, is not the first again."""
    hard = np.where(np.arange(150) % 10 == 0, (SPECIES + 1) % 3, SPECIES)
    first, second = AdaBoostClassifier(LinearClassifier(), n_estimators=2, random_state=0).fit(IRIS, hard).estimators_
    assert not np.allclose(first.coef_, second.coef_)


@CLASSIFIERS
def test_one_classifier_for_each_label(model):
    labels = np.column_stack([SPECIES == 0, SPECIES == 1]).astype(int)
    for several in (MultiOutputClassifier(clone(model)), ClassifierChain(clone(model), order=[0, 1])):
        assert (several.fit(IRIS, labels).predict(IRIS) == labels).mean() > 0.8


@CLASSIFIERS
def test_importance_finds_the_columns_that_matter(model):
    table = np.hstack([IRIS[:, 2:], np.random.default_rng(0).normal(size=(150, 2))])
    fitted = clone(model).fit(table, SPECIES)
    importance = permutation_importance(fitted, table, SPECIES, n_repeats=3, random_state=0).importances_mean
    assert importance[:2].min() > importance[2:].max()


def test_partial_dependence_of_a_linear_model_is_its_line():
    model = LinearRegressor().fit(DIABETES, PROGRESS)
    line = partial_dependence(model, DIABETES, [2], grid_resolution=5)
    slopes = np.diff(line["average"][0]) / np.diff(line["grid_values"][0])
    assert_allclose(slopes, model.coef_[2], rtol=1e-9)


def test_displays_draw_networks():
    pytest.importorskip("matplotlib").use("agg")
    model = clone(MLP).fit(IRIS[:, :2], SPECIES)
    boundary = DecisionBoundaryDisplay.from_estimator(model, IRIS[:, :2], grid_resolution=5, response_method="predict")
    assert set(np.unique(boundary.response)) <= {0, 1, 2}
    lines = PartialDependenceDisplay.from_estimator(clone(MLP_NUMBERS).fit(DIABETES, PROGRESS), DIABETES, [0, (0, 2)])
    assert len(lines.pd_results) == 2


@CLASSIFIERS
def test_a_tuned_threshold(model):
    rare = (SPECIES == 1) & (np.arange(150) % 3 == 0)
    tuned = TunedThresholdClassifierCV(clone(model), scoring="balanced_accuracy", cv=2).fit(IRIS, rare)
    assert 0 < tuned.best_threshold_ < 1
    above = tuned.estimator_.predict_proba(IRIS)[:, 1] >= tuned.best_threshold_
    np.testing.assert_array_equal(tuned.predict(IRIS), above)
    cost_blind = TunedThresholdClassifierCV(clone(model), scoring="recall", cv=2).fit(IRIS, rare)
    assert cost_blind.predict(IRIS).sum() >= tuned.predict(IRIS).sum()


def test_halving_gives_more_epochs_to_better_settings():
    grid = {"alpha": [1e-4, 1e-2, 1.0, 100.0]}
    model = MLPClassifier((6,), learning_rate_init=0.02, batch_size=30, random_state=0)
    search = HalvingGridSearchCV(
        model, grid, resource="max_iter", min_resources=4, max_resources=16, factor=2, cv=2, random_state=0
    )
    search.fit(IRIS, SPECIES)
    assert search.n_resources_ == [4, 8, 16]
    assert search.best_params_["max_iter"] == 16
    assert search.best_params_["alpha"] < 100


def test_random_search_over_parameters_of_every_kind():
    draws = {
        "hidden_layer_sizes": [(), (4,), (4, 3), 5],
        "activation": ["relu", "tanh", ("elu", {"alpha": 0.5})],
        "alpha": loguniform(1e-5, 1e-1),
        "dropout": [0.0, 0.2],
        "class_weight": [None, "balanced"],
        "solver": ["adam", "adamw", "rmsprop"],
        "learning_rate": ["constant", "cosine"],
        "scale": [False, True],
        "early_stopping": [False, True],
    }
    model = MLPClassifier(max_iter=5, random_state=0)
    search = RandomizedSearchCV(model, draws, n_iter=12, cv=2, random_state=0, error_score="raise")
    assert np.isfinite(search.fit(IRIS, SPECIES).cv_results_["mean_test_score"]).all()


def test_learning_curve():
    sizes, _, scores = learning_curve(clone(MLP), IRIS, SPECIES, train_sizes=[0.3, 1.0], cv=3, shuffle=True,
                                      random_state=0, error_score="raise")  # fmt: skip
    assert sizes[0] < sizes[1]
    assert scores[1].mean() > 0.9


@pytest.mark.parametrize(
    ("kind", "theirs"), [(LinearClassifier, LogisticRegression), (LinearRegressor, LinearRegression)]
)
@pytest.mark.parametrize("target", ["two", "three", "several"])
def test_coef_and_intercept_have_the_shapes_of_scikit_learns_linear_models(kind, theirs, target):
    if target == "several" and kind is LinearClassifier:
        pytest.skip("LogisticRegression has no multilabel targets")
    y = {"two": SPECIES == 1, "three": SPECIES, "several": np.column_stack([SPECIES, IRIS[:, 0]])}[target]
    y = y if y.ndim == 2 or kind is LinearClassifier else y.astype(float)
    ours, theirs = kind().fit(IRIS, y), theirs().fit(IRIS, y)
    assert ours.coef_.shape == theirs.coef_.shape
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    outputs = ours.decision_function(IRIS) if kind is LinearClassifier else ours.predict(IRIS)
    assert_allclose(np.squeeze(IRIS @ ours.coef_.T + ours.intercept_), outputs, rtol=1e-9, atol=1e-12)


@FOUR
def test_only_fitted_linear_models_have_coef(kind):
    assert not hasattr(kind(), "coef_")
    linear = kind in (LinearClassifier, LinearRegressor)
    assert hasattr(kind(max_iter=2).fit(IRIS, SPECIES), "coef_") == linear


def test_features_are_selected_by_coef():
    table = np.hstack([DIABETES, np.random.default_rng(0).normal(size=(200, 5))])
    sparse = SelectFromModel(LinearRegressor(0.2, l1_ratio=1.0), threshold=1e-9).fit(table, PROGRESS)
    assert sparse.get_support()[2]
    assert not sparse.get_support()[10:].any()
    ranked = RFE(LinearClassifier(), n_features_to_select=2).fit(IRIS, SPECIES)
    assert ranked.get_support().tolist() == [False, False, True, True]


class TestRouting:
    @pytest.fixture(autouse=True)
    def routing(self):
        with sklearn.config_context(enable_metadata_routing=True):
            yield

    @FOUR
    def test_validation_rows_are_transformed_on_their_way_through_a_pipeline(self, kind):
        X, X_val, y, y_val = 5 + 3 * IRIS[::2], 5 + 3 * IRIS[1::2], SPECIES[::2], SPECIES[1::2]
        model = kind(solver="adam", early_stopping=True, max_iter=10, random_state=0)
        asked = clone(model).set_fit_request(X_val=True, y_val=True, sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, asked, transform_input=["X_val"])
        weights = np.linspace(1, 2, len(y))
        pipeline.fit(X, y, X_val=X_val, y_val=y_val, sample_weight=weights)
        scaler = StandardScaler().fit(X)
        direct = model.fit(scaler.transform(X), y, weights, X_val=scaler.transform(X_val), y_val=y_val)
        assert_array_equal(_theta(pipeline[-1]), _theta(direct))
        assert pipeline[-1].validation_scores_ == direct.validation_scores_


@FOUR
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_parallel_backends_give_what_one_process_gives(kind, backend):
    model = kind(solver="adam", early_stopping=True, max_iter=5, random_state=0)
    alone = cross_val_score(model, IRIS, SPECIES, cv=3)
    with parallel_config(backend, n_jobs=2):
        assert_array_equal(cross_val_score(model, IRIS, SPECIES, cv=3), alone)


def test_probabilities_out_of_fold():
    alone = cross_val_predict(clone(MLP), IRIS, SPECIES, cv=3, method="predict_proba")
    with parallel_config("threading", n_jobs=2):
        together = cross_val_predict(clone(MLP), IRIS, SPECIES, cv=3, method="predict_proba")
    assert_array_equal(alone, together)
    assert (alone.argmax(axis=1) == SPECIES).mean() > 0.9


@FOUR
def test_threads_that_train_at_the_same_time_do_not_meet(kind):
    models = [kind(solver="adam", batch_size=20, max_iter=20, random_state=seed) for seed in (0, 1)]
    alone = [_theta(clone(model).fit(IRIS, SPECIES)) for model in models]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda model: _theta(model.fit(IRIS, SPECIES)), models))
    for one, other in zip(alone, together, strict=True):
        assert_array_equal(one, other)


@FOUR
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol(kind, protocol):
    model = kind(solver="adam", max_iter=3, random_state=0).fit(IRIS, SPECIES)
    again = pickle.loads(pickle.dumps(model, protocol))
    assert_array_equal(again.predict(IRIS), model.predict(IRIS))
    assert_array_equal(_theta(again.partial_fit(IRIS, SPECIES)), _theta(model.partial_fit(IRIS, SPECIES)))


def test_d26_another_process_goes_on_to_the_bit(tmp_path):
    model = MLPClassifier((6,), batch_size=20, dropout=0.2, random_state=0).partial_fit(IRIS, SPECIES)
    joblib.dump((model, IRIS, SPECIES), tmp_path / "half.joblib")
    script = f"""
    import joblib
    model, X, y = joblib.load({str(tmp_path / "half.joblib")!r})
    joblib.dump(model.partial_fit(X, y), {str(tmp_path / "whole.joblib")!r})
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)
    there = joblib.load(tmp_path / "whole.joblib")
    assert_array_equal(_theta(there), _theta(model.partial_fit(IRIS, SPECIES)))


@FOUR
def test_a_pickle_from_before_a_parameter_existed_predicts(kind):
    """What it lacks has its default: every parameter, and how columns and target are encoded."""
    model = kind(solver="adam", max_iter=3, random_state=0).fit(IRIS, SPECIES)
    expected = model.predict(IRIS)
    older = pickle.loads(pickle.dumps(model))
    for name in [*model.get_params(), "_columns", "_target", "class_weight_", "_seed", "history_"]:
        older.__dict__.pop(name, None)
    again = pickle.loads(pickle.dumps(older))
    assert_array_equal(again.predict(IRIS), expected)
    assert again.get_params() == kind().get_params()


@FOUR
def test_skops_files(kind, tmp_path):
    """They hold no code: what they name is listed before it is trusted."""
    skops = pytest.importorskip("skops.io")
    model = make_pipeline(StandardScaler(), kind(max_iter=3, random_state=0)).fit(IRIS, SPECIES)
    skops.dump(model, tmp_path / "model.skops")
    names = skops.get_untrusted_types(file=tmp_path / "model.skops")
    assert {name.split(".")[0] for name in names} <= {"chainrule", "functools", "numpy"}
    assert_array_equal(skops.load(tmp_path / "model.skops", trusted=names).predict(IRIS), model.predict(IRIS))
