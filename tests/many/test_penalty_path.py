"""Penalty paths against single fits and scikit-learn's lasso."""

import warnings

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import Lasso

from chainrule import LinearRegressor, MLPRegressor
from chainrule.many import penalty_path

from .conftest import TARGET, X, regressor, same

ALPHAS = [0.05, 0.5, 0.2]


def test_each_is_a_fit_of_its_own():
    path = penalty_path(regressor(), ALPHAS, X, TARGET)
    assert path.alphas.tolist() == [0.5, 0.2, 0.05]
    for place, alpha in enumerate(path.alphas):
        alone = regressor(alpha=alpha).fit(X, TARGET)
        assert same(path.estimators[place], alone)
        for l, W in enumerate(alone.coefs_):
            assert (path.coefs[l][..., place] == W).all()


def test_the_lasso_s_path_cold_and_warm():
    """Our cost is ½ the mean squared error plus the penalty, as Lasso's."""
    lines = np.stack([Lasso(alpha=alpha, tol=1e-12).fit(X, TARGET).coef_ for alpha in sorted(ALPHAS)[::-1]], axis=1)
    net = LinearRegressor(l1_ratio=1.0, tol=1e-9)
    cold, warm = (penalty_path(net, ALPHAS, X, TARGET, warm_start=start) for start in (False, True))
    np.testing.assert_allclose(cold.coefs[0][:, 0], lines, atol=1e-5)
    np.testing.assert_allclose(warm.coefs[0][:, 0], lines, atol=1e-5)
    assert ((warm.coefs[0] == 0).sum(axis=(0, 1)) == (lines == 0).sum(axis=0)).all()


def test_a_warm_path_goes_on_from_the_stronger_penalty():
    path = penalty_path(regressor(), ALPHAS, X, TARGET, warm_start=True)
    first, second = path.estimators[:2]
    start = {"coef_init": first.coefs_, "intercept_init": first.intercepts_}
    assert same(second, regressor(alpha=0.2).fit(X, TARGET, **start))


def test_a_warm_path_passes_on_the_vectors_of_levels():
    """With a step of nearly nothing the second network is where the first one ended, its embeddings included."""
    frame = pd.DataFrame({"size": X[:, 0], "place": np.array(["oslo", "rome", "lima"])[np.arange(len(X)) % 3]})
    kept = {"max_iter": 3, "restore_best_weights": False, "random_state": 0}
    net = MLPRegressor((5,), categorical_features="from_dtype", embedding_size=2, **kept)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = clone(net).set_params(alpha=0.5).fit(frame, TARGET)
        path = penalty_path(net.set_params(learning_rate_init=1e-3), [0.5, 0.2], frame, TARGET, warm_start=True)
        start = {"coef_init": first.coefs_, "intercept_init": first.intercepts_, "embedding_init": first.embeddings_}
        second = clone(net).set_params(alpha=0.2).fit(frame, TARGET, **start)
        still = clone(net).set_params(alpha=0.2, learning_rate_init=1e-12, max_iter=1).fit(frame, TARGET, **start)
    assert same(path.estimators[1], second)
    for one, begun in ((second, first), (path.estimators[1], first)):
        assert not np.array_equal(one.embeddings_["place"]["oslo"], begun.embeddings_["place"]["oslo"])
    for level, vector in first.embeddings_["place"].items():
        np.testing.assert_allclose(still.embeddings_["place"][level], vector, atol=1e-9)
