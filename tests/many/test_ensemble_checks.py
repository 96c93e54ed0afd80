"""scikit-learn's own estimator checks on the ensembles."""

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import LinearClassifier, MLPClassifier, MLPEnsembleClassifier, MLPEnsembleRegressor, MLPRegressor
from chainrule._errors import ChainruleWarning

SMALL = {"max_iter": 60, "learning_rate_init": 0.02}
ESTIMATORS = [
    MLPEnsembleClassifier(MLPClassifier((8,), **SMALL), n_estimators=2),
    MLPEnsembleClassifier(LinearClassifier(max_iter=50), n_estimators=3, bootstrap=True, oob_score=True),
    MLPEnsembleRegressor(MLPRegressor((8,), **SMALL), n_estimators=2),
    MLPEnsembleRegressor(MLPRegressor((8,), **SMALL), n_estimators=3, bootstrap=True, oob_score=True),
]


@parametrize_with_checks(ESTIMATORS[::3])
def test_scikit_learn_check(estimator, check):
    _run(estimator, check)


@pytest.mark.slow
@parametrize_with_checks(ESTIMATORS[1:3])
def test_scikit_learn_check_of_the_others(estimator, check):
    _run(estimator, check)


def _run(estimator, check):
    if estimator.bootstrap and "sample_weight_equivalence" in check.func.__name__:
        pytest.skip("k copies of a row are drawn into bags apart, a row of weight k is drawn once")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", ChainruleWarning)
        check(estimator)
