"""TabularClassifier and TabularRegressor: scikit-learn's checks, the command's bits, every kind of table."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import TabularClassifier, TabularRegressor

QUICK = {"hidden_layer_sizes": (16,), "max_iter": 40, "random_state": 0}

# What scikit-learn's checks ask for and a table has another answer to.
EXPECTED = {}

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::chainrule._errors.ChainruleWarning"
)


@parametrize_with_checks(
    [TabularClassifier(**QUICK), TabularRegressor(**QUICK)],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_scikit_learn_check(estimator, check):
    check(estimator)
