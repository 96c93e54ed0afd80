"""`MLPSearchCV` against scikit-learn's searches: the same splits, scores and results, to the bit."""

import warnings

import numpy as np
import pytest
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    ParameterGrid,
    RandomizedSearchCV,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import MLPEnsembleRegressor, MLPSearchCV
from chainrule._errors import ChainruleWarning, InvalidParameterError

from .conftest import LABELS, TARGET, X, classifier, regressor, same
from .deeds import accuracy_and_more, half_broken

GRID = {"alpha": [0.0001, 0.1, 5.0], "learning_rate_init": [0.001, 0.03]}


def assert_same_results(ours, theirs):
    """Every entry of `cv_results_` but the times, and what was chosen."""
    some, others = ours.cv_results_, theirs.cv_results_
    assert set(some) == set(others)
    for name in some:
        if name == "params":
            assert list(some[name]) == list(others[name])
        elif name.endswith("_time"):
            assert (some[name] >= 0).all()
        else:
            assert some[name].dtype == others[name].dtype
            np.testing.assert_array_equal(some[name], others[name], err_msg=name)
    for name in ("best_index_", "best_params_", "best_score_", "n_splits_", "multimetric_"):
        assert getattr(ours, name, None) == getattr(theirs, name, None), name
    assert hasattr(ours, "best_estimator_") == hasattr(theirs, "best_estimator_")
    if hasattr(ours, "best_estimator_"):
        assert (ours.predict(X) == theirs.predict(X)).all()
        assert ours.score(X, LABELS if is_classifier(ours) else TARGET) == theirs.score(
            X, LABELS if is_classifier(theirs) else TARGET
        )


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"cv": StratifiedKFold(3, shuffle=True, random_state=1), "return_train_score": True},
        {"cv": 2, "scoring": "neg_log_loss"},
        {"cv": 2, "scoring": ["accuracy", "f1_macro"], "refit": "f1_macro", "return_train_score": True},
        {"cv": 2, "scoring": accuracy_and_more, "refit": "right"},
        {"cv": 2, "refit": False},
        {"cv": 2, "refit": lambda results: int(np.argmin(results["mean_test_score"]))},
    ],
    ids=["as it is", "shuffled", "loss", "several scores", "several of one's own", "no refit", "own choice"],
)
def test_a_grid(arguments):
    ours, theirs = (kind(classifier(), GRID, **arguments) for kind in (MLPSearchCV, GridSearchCV))
    assert_same_results(ours.fit(X, LABELS), theirs.fit(X, LABELS))


@pytest.mark.parametrize("workers", [2, "joblib"])
def test_a_grid_on_other_workers(workers):
    ours = MLPSearchCV(classifier(), GRID, cv=2, workers=workers).fit(X, LABELS)
    assert_same_results(ours, GridSearchCV(classifier(), GRID, cv=2).fit(X, LABELS))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_scikit_learn_s_search_on_joblib_s_backends(backend):
    with parallel_config(backend, n_jobs=2):
        theirs = GridSearchCV(classifier(), GRID, cv=2).fit(X, LABELS)
    assert_same_results(MLPSearchCV(classifier(), GRID, cv=2).fit(X, LABELS), theirs)


@pytest.mark.slow
def test_scikit_learn_s_search_on_dask(client):
    with parallel_config("dask"):
        theirs = GridSearchCV(classifier(), GRID, cv=2).fit(X, LABELS)
    assert_same_results(MLPSearchCV(classifier(), GRID, cv=2, workers="dask").fit(X, LABELS), theirs)


def test_random_candidates():
    space = {"alpha": loguniform(1e-5, 10), "learning_rate_init": [0.001, 0.01]}
    arguments = {"n_iter": 5, "random_state": 4, "cv": 2}
    ours, theirs = (kind(classifier(), space, **arguments) for kind in (MLPSearchCV, RandomizedSearchCV))
    assert_same_results(ours.fit(X, LABELS), theirs.fit(X, LABELS))


def test_pipelines_regressors_and_other_estimators():
    pipe = make_pipeline(StandardScaler(), regressor())
    for estimator, grid in ((pipe, {"mlpregressor__alpha": [0.1, 1.0]}), (Ridge(), {"alpha": [0.1, 1.0]})):
        ours, theirs = (kind(estimator, grid, cv=3) for kind in (MLPSearchCV, GridSearchCV))
        assert_same_results(ours.fit(X, TARGET), theirs.fit(X, TARGET))


def test_sample_weight_and_groups_go_where_scikit_learn_sends_them():
    metadata = {"sample_weight": np.arange(len(X)) % 4, "groups": np.arange(len(X)) % 5}
    ours, theirs = (kind(classifier(), GRID, cv=GroupKFold(3)) for kind in (MLPSearchCV, GridSearchCV))
    assert_same_results(ours.fit(X, LABELS, **metadata), theirs.fit(X, LABELS, **metadata))


@pytest.mark.parametrize("scoring", [None, "accuracy", half_broken, accuracy_and_more, ["accuracy"]])
def test_candidates_that_fail(scoring):
    grid = {"alpha": [0.1, 2.0], "solver": ["sgd", "abacus"]}
    fits = []
    for kind in (MLPSearchCV, GridSearchCV):
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            refit = not (isinstance(scoring, list) or scoring is accuracy_and_more)
            fits.append((kind(classifier(), grid, scoring=scoring, cv=2, refit=refit).fit(X, LABELS), heard))
    (ours, said), (theirs, expected) = fits
    assert_same_results(ours, theirs)
    assert {w.category for w in said} == {w.category for w in expected}
    assert np.isnan(next(v for name, v in ours.cv_results_.items() if name.startswith("mean_test"))).any()


def test_every_candidate_fails():
    with pytest.raises(ValueError, match="All the 4 fits failed"):
        MLPSearchCV(classifier(), {"solver": ["abacus", "slide rule"]}, cv=2).fit(X, LABELS)
    with pytest.raises(InvalidParameterError, match="abacus") as caught:
        MLPSearchCV(classifier(), {"solver": ["abacus"]}, cv=2, error_score="raise").fit(X, LABELS)
    assert caught.value.__notes__[0].startswith("Raised by {solver='abacus'}, split ")


@pytest.mark.parametrize("min_resources", ["exhaust", 2])
def test_halving_by_epochs(min_resources):
    net = classifier(n_iter_no_change=100, tol=0.0)
    most = {"max_resources": 20, "min_resources": min_resources, "resource": "max_iter", "factor": 2}
    grid = {"alpha": [0.0001, 0.01, 0.1, 1.0, 5.0], "learning_rate_init": [0.001, 0.01]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # max_iter is short on purpose
        theirs = HalvingGridSearchCV(net, grid, cv=3, **most).fit(X, LABELS)
        ours = MLPSearchCV(net, grid, cv=3, **most).fit(X, LABELS)
        auto = MLPSearchCV(clone(net).set_params(max_iter=20), grid, cv=3, **(most | {"max_resources": "auto"}))
        assert_same_results(auto.fit(X, LABELS), theirs)
    assert_same_results(ours, theirs)
    assert len(set(ours.cv_results_["iter"])) > 2
    for name in ("n_iterations_", "n_candidates_", "n_resources_"):
        assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("factor", [2, 3, 1.5])
def test_halving_by_rows(factor):
    arguments = {"cv": 2, "factor": factor, "random_state": 3, "min_resources": "exhaust"}
    theirs = HalvingGridSearchCV(regressor(), GRID, **arguments).fit(X, TARGET)
    ours = MLPSearchCV(regressor(), GRID, resource="n_samples", **arguments).fit(X, TARGET)
    assert_same_results(ours, theirs)


def test_halving_of_random_candidates():
    space, arguments = {"alpha": loguniform(1e-5, 10)}, {"cv": 2, "random_state": 3, "min_resources": 20}
    theirs = HalvingRandomSearchCV(classifier(), space, n_candidates=7, return_train_score=False, **arguments)
    ours = MLPSearchCV(classifier(), space, n_iter=7, resource="n_samples", return_train_score=False, **arguments)
    assert_same_results(ours.fit(X, LABELS), theirs.fit(X, LABELS))


def test_halving_by_one_of_several_scores():
    arguments = {"cv": 2, "resource": "n_samples", "random_state": 0}
    one = MLPSearchCV(classifier(), GRID, scoring="f1_macro", **arguments).fit(X, LABELS)
    scores = {"f": "f1_macro", "a": "accuracy"}
    several = MLPSearchCV(classifier(), GRID, scoring=scores, refit="f", **arguments).fit(X, LABELS)
    assert several.best_params_ == one.best_params_
    assert (several.cv_results_["mean_test_f"] == one.cv_results_["mean_test_score"]).all()
    with pytest.raises(InvalidParameterError, match="name the one that decides"):
        MLPSearchCV(classifier(), GRID, scoring=scores, refit=False, **arguments).fit(X, LABELS)


def test_an_empty_grid_is_a_cross_validation():
    found = MLPSearchCV(classifier(), {}, cv=4).fit(X, LABELS).cv_results_
    scores = [found[f"split{k}_test_score"][0] for k in range(4)]
    assert scores == cross_val_score(classifier(), X, LABELS, cv=4).tolist()


def test_an_ensemble_is_searched_and_a_search_cloned():
    search = clone(
        MLPSearchCV(MLPEnsembleRegressor(regressor(), 2, random_state=0), {"bootstrap": [True, False]}, cv=2)
    )
    assert search.fit(X, TARGET).best_estimator_.n_estimators == 2
    assert same(search.best_estimator_.estimators_[0], clone(search.best_estimator_).fit(X, TARGET).estimators_[0])


class Clock:
    """A clock that goes on by a second with every look at it."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        self.now += 1.0
        return self.now

    def perf_counter(self):
        return self.now


def slow_search(monkeypatch, budget, **further):
    clock = Clock()
    for module in ("search", "rounds"):
        monkeypatch.setattr(f"chainrule.many.{module}.time", clock)
    return MLPSearchCV(classifier(), GRID, cv=2, time_budget=budget, workers="joblib", **further)


def test_a_time_budget_ends_the_search_with_what_it_has(monkeypatch):
    search = slow_search(monkeypatch, 8.5)
    with pytest.warns(ChainruleWarning, match="time budget of 8.5 s ended after 4 of 6 candidates of round 1 of 1"):
        search.fit(X, LABELS)
    whole = GridSearchCV(classifier(), GRID, cv=2).fit(X, LABELS).cv_results_
    assert search.cv_results_["params"] == whole["params"][:4]
    assert (search.cv_results_["mean_test_score"] == whole["mean_test_score"][:4]).all()
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    assert search.best_estimator_.n_iter_ > 0
    assert "ended after 4 of 6" in search.stop_sentence_


def test_a_time_budget_in_a_later_round_leaves_the_round_before_to_decide(monkeypatch):
    search = slow_search(monkeypatch, 13.5, resource="n_samples", factor=2, random_state=0)
    with pytest.warns(ChainruleWarning, match="after 0 of 3 candidates of round 2 of 3"):
        search.fit(X, LABELS)
    assert set(search.cv_results_["iter"]) == {0}
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()


def test_a_time_budget_too_short_for_anything(monkeypatch):
    with pytest.raises(InvalidParameterError, match="raise time_budget"):
        slow_search(monkeypatch, 0.5).fit(X, LABELS)


def test_routed_metadata():
    weights = np.arange(len(X)) % 4
    with config_context(enable_metadata_routing=True):
        net = classifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        ours, theirs = (
            kind(net, GRID, cv=2).fit(X, LABELS, sample_weight=weights) for kind in (MLPSearchCV, GridSearchCV)
        )
        assert (ours.cv_results_["mean_test_score"] == theirs.cv_results_["mean_test_score"]).all()


@pytest.mark.skipif(not hasattr(GridSearchCV, "set_callbacks"), reason="scikit-learn before 1.9")
def test_scikit_learn_s_callbacks_are_not_ignored_in_silence():
    from sklearn.callback import ProgressBar

    search = MLPSearchCV(classifier(), {"alpha": [1.0]}, cv=2)
    search.set_callbacks(ProgressBar())
    with pytest.warns(ChainruleWarning, match="set_callbacks: no effect"):
        search.fit(X, LABELS)


def test_a_time_budget_that_suffices():
    search = MLPSearchCV(classifier(), GRID, cv=2, time_budget=10**6).fit(X, LABELS)
    assert search.stop_sentence_ == ""


def test_progress(capsys):
    MLPSearchCV(classifier(), {"alpha": [1.0]}, cv=2, verbose=1, refit=False).fit(X, LABELS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 candidates, 2 splits: 2 evaluations are to be done"
    assert lines[1].startswith("[1/2] {alpha=1.0}, split ")
    assert len(lines) == 3


def test_bad_parameters():
    for bad, words in (
        ({"n_iter": 0}, "n_iter"),
        ({"time_budget": 0}, "time_budget"),
        ({"resource": "max_itr"}, "Did you mean 'max_iter'"),
        ({"resource": "alpha"}, "cannot be searched over"),
        ({"resource": "n_samples", "factor": 1}, "factor"),
        ({"resource": "max_iter", "min_resources": 99, "max_resources": 9}, "min_resources <= max_resources"),
        ({"resource": "max_iter", "max_resources": "all"}, "Did you mean|must be 'auto'"),
        ({"workers": 0}, "workers must be"),
    ):
        with pytest.raises(InvalidParameterError, match=words):
            MLPSearchCV(classifier(), GRID, **bad).fit(X, LABELS)
    with pytest.raises(ValueError, match="refit"):
        MLPSearchCV(classifier(), GRID, scoring=["accuracy"]).fit(X, LABELS)


def test_a_shuffling_cv_is_asked_once():
    ours, theirs = (
        kind(classifier(), GRID, cv=ShuffleSplit(2, random_state=np.random.RandomState(0)), **further)
        for kind, further in ((MLPSearchCV, {"resource": "max_iter", "min_resources": 25}), (GridSearchCV, {}))
    )
    every, first = theirs.fit(X, LABELS).cv_results_, slice(len(ParameterGrid(GRID)))
    found = ours.fit(X, LABELS).cv_results_
    assert max(found["iter"]) == 0
    assert (found["mean_test_score"] == every["mean_test_score"]).all()
    again = MLPSearchCV(
        classifier(), GRID, cv=ShuffleSplit(2, random_state=np.random.RandomState(0)), resource="max_iter"
    )
    found = again.set_params(factor=2, min_resources=12).fit(X, LABELS).cv_results_
    assert max(found["iter"]) == 2
    assert (found["mean_test_score"][first] == every["mean_test_score"]).all()
    assert found["mean_test_score"][-1] in every["mean_test_score"]
