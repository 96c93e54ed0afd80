"""scikit-learn's own estimator checks, with no expected failure."""

from __future__ import annotations

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import ChainruleWarning
from chainrule.engine import info

MLPS = (MLPClassifier, MLPRegressor)
LINEAR = (LinearClassifier, LinearRegressor)


BUILT = ("native", "reference") if info()["engine"] == "native" else ("reference",)


def _variants(engine):
    for kind in (*MLPS, *LINEAR):
        yield kind(engine=engine)
        for solver in ("sgd", "adam", "adamw", "lbfgs"):
            for early_stopping in (False, True):
                yield kind(solver=solver, early_stopping=early_stopping, engine=engine)
    for kind in MLPS:
        for solver in ("sgd", "adam", "adamw"):
            for early_stopping in (False, True):
                yield kind(solver=solver, early_stopping=early_stopping, dropout=0.1, engine=engine)
        yield kind(scale=True, engine=engine)
        yield kind(missing="impute", engine=engine)
        yield kind(categorical_features="from_dtype", engine=engine)
    for standardize in (True, False):  # "auto" is the default
        yield MLPRegressor(standardize_target=standardize, engine=engine)
    yield MLPRegressor(scale=True, missing="impute", standardize_target=True, early_stopping=True, engine=engine)


@parametrize_with_checks([estimator for engine in BUILT for estimator in _variants(engine)])
def test_scikit_learn_check(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", ChainruleWarning)
        try:
            check(estimator)
        except pytest.skip.Exception as skipped:  # a check for a library that is not installed
            pytest.skip(str(skipped))
