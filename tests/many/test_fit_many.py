"""`fit_many` gives what single fits give, to the bit, whoever does the work."""

import os
import threading
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from scipy.sparse import csr_matrix
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from chainrule import LinearRegressor, MLPClassifier, fit_many
from chainrule._errors import DivergenceError, InvalidParameterError, ShapeError
from chainrule.engine.threads import at_most, limit

from .conftest import LABELS, SMALL, TARGET, X, classifier, regressor, same

NETS = [classifier(random_state=seed, dropout=0.1 * seed) for seed in range(5)]
ALONE = [clone(net).fit(X, LABELS) for net in NETS]


def agree(fitted, alone=ALONE):
    assert [same(a, b) for a, b in zip(fitted, alone, strict=True)] == [True] * len(alone)


@pytest.mark.parametrize("workers", [None, 2])
def test_together_is_one_by_one(workers):
    agree(fit_many(NETS, X, LABELS, workers=workers))
    assert not any(hasattr(net, "coefs_") for net in NETS)


@pytest.mark.parametrize("backend", ["sequential", "threading", "loky"])
def test_on_joblib_s_backends(backend):
    with parallel_config(backend, n_jobs=2):
        agree(fit_many(NETS, X, LABELS, workers="joblib"))


def test_on_dask(client):
    agree(fit_many(NETS, X, LABELS, workers="dask"))
    agree(fit_many(NETS, X, LABELS, workers=client))


@pytest.mark.slow
def test_on_joblib_s_dask_backend(client):
    with parallel_config("dask"):
        agree(fit_many(NETS, X, LABELS, workers="joblib"))


def test_no_estimators_is_no_fit():
    assert fit_many([], X, LABELS) == []


@pytest.mark.parametrize("workers", [None, 1])
def test_rows_and_weights(workers):
    rows = [np.arange(60), np.flatnonzero(X[:, 0] > -1), X[:, 1] > -0.5]
    weights = np.random.default_rng(1).integers(0, 4, size=(3, len(X)))
    given = fit_many(NETS[:3], X, LABELS, sample_weight=weights, rows=rows, workers=workers)
    agree(given, [clone(n).fit(X[r], LABELS[r], w[r]) for n, r, w in zip(NETS, rows, weights, strict=False)])
    agree(fit_many(NETS[:1], X, LABELS, sample_weight=weights[0]), [clone(NETS[0]).fit(X, LABELS, weights[0])])


@pytest.mark.parametrize("table", [pd.DataFrame(X, columns=list("wxyz")), csr_matrix(X), X.astype(np.float32)])
def test_other_tables(table):
    rows = np.arange(0, len(X), 2)
    subset = table.iloc[rows] if isinstance(table, pd.DataFrame) else table[rows]
    (fitted,) = fit_many([regressor()], table, TARGET, rows=[rows])
    alone = regressor().fit(subset, TARGET[rows])
    assert same(fitted, alone)


def test_processes_take_data_frames_and_leave_plain_arrays():
    frame = pd.DataFrame(X, columns=list("wxyz"))
    (fitted,) = fit_many([classifier()], frame, LABELS, workers=1)
    assert same(fitted, classifier().fit(X, LABELS))
    assert fitted.feature_names_in_.tolist() == list("wxyz")
    assert {type(value) for value in vars(fitted).values() if isinstance(value, np.ndarray)} == {np.ndarray}


def test_other_estimators():
    nets = [LinearRegressor(), regressor()]
    agree(fit_many(nets, X, TARGET), [clone(net).fit(X, TARGET) for net in nets])
    (logistic,) = fit_many([LogisticRegression()], X, LABELS)
    assert (logistic.coef_ == LogisticRegression().fit(X, LABELS).coef_).all()


@pytest.mark.parametrize("workers", [None, 1])
def test_an_error_is_the_fit_s_own_and_names_it(workers):
    nets = [classifier(), classifier(solver="sgd", learning_rate_init=1e200)]
    with pytest.raises(DivergenceError) as caught:
        fit_many(nets, X, LABELS, workers=workers)
    assert caught.value.step >= 1
    assert "Raised by fit 1, MLPClassifier(" in caught.value.__notes__[0]


def test_warnings_are_heard():
    with pytest.warns(ConvergenceWarning):
        fit_many([classifier(max_iter=2)], X, LABELS)


def test_bad_parameters():
    for workers in (0, True, "spark", 1.5):
        with pytest.raises(InvalidParameterError, match="workers must be None"):
            fit_many(NETS, X, LABELS, workers=workers)
    with pytest.raises(ShapeError, match="rows must have one entry for each of the 5"):
        fit_many(NETS, X, LABELS, rows=[[0]])
    with pytest.raises(ShapeError, match="sample_weight must have one entry"):
        fit_many(NETS, X, LABELS, sample_weight=np.ones((2, len(X))))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fit_many(NETS, X, LABELS[:-1])


def test_dask_without_a_client():
    pytest.importorskip("distributed")
    with pytest.raises(InvalidParameterError, match="create a dask"):
        fit_many(NETS, X, LABELS, workers="dask")


class Setting(BaseEstimator):
    """Keeps what it finds where it is fitted."""

    def fit(self, X, y):
        self.found_ = get_config()["enable_metadata_routing"], limit(), threading.get_ident(), os.getpid()
        return self


def test_settings_go_along_and_cores_are_shared_out(monkeypatch):
    monkeypatch.setattr("chainrule.engine.threads._affinity", lambda: 4)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with config_context(enable_metadata_routing=True):
        few, many = fit_many([Setting()] * 2, X, TARGET), fit_many([Setting()] * 9, X, TARGET)
    assert {fitted.found_[:2] for fitted in few} == {(True, 2)}
    assert {fitted.found_[:2] for fitted in many} == {(True, 1)}
    assert threading.get_ident() not in {fitted.found_[2] for fitted in many}
    with at_most(3):
        assert limit() == 3
        with at_most(8):
            assert limit() == 3
    assert limit() == 4


def test_progress(capsys):
    fit_many(NETS[:2], X, LABELS, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:5] for line in lines] == ["[1/2]", "[2/2]"]
    assert {line[6:12] for line in lines} == {"fit 0,", "fit 1,"}


def test_callbacks_are_each_fit_s_own():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seen = fit_many([MLPClassifier((3,), **SMALL, callbacks=[Epochs()]) for _ in range(3)], X, LABELS)
    assert [fitted.callbacks[0].count for fitted in seen] == [6, 6, 6]


class Epochs:
    count = 0

    def on_epoch_end(self, ctx):
        self.count += 1


def test_a_table_that_dask_would_rather_see_scattered(client):
    """The warning that advises so is an error here; scattered data die with their worker."""
    big = np.zeros((2000, 100))
    big[:, :4] = np.tile(X, (17, 1))[:2000]
    weights = np.ones((2, len(big)))
    fitted = fit_many([regressor()] * 2, big, big[:, 0], sample_weight=weights, workers="dask")
    assert same(fitted[1], regressor().fit(big, big[:, 0], weights[0]))
