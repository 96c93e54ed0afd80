"""scikit-learn's own estimator checks, with no expected failure.

By default the parameters are combined so that every two values meet in some estimator. With CHAINRULE_ALL_CHECKS=1
every combination of the training parameters runs as well, which takes half an hour of one core.

The checks bring their own X and leave no choice of its dtype: float32 has tests of its own in `test_tables`.
"""

from __future__ import annotations

import os
import warnings
from itertools import combinations, product

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import ChainruleWarning
from chainrule.engine import info
from chainrule.estimator.settings import SOLVERS

BUILT = ("native", "reference") if info()["engine"] == "native" else ("reference",)

COMMON = {"solver": SOLVERS, "early_stopping": (False, True), "engine": BUILT}
CLASSIFIER = {"class_weight": (None, "balanced")}
DROPOUT = {"dropout": (0.0, 0.1)}
COLUMNS = {"scale": (False, True), "missing": ("error", "impute"), "categorical_features": (None, "from_dtype")}
TRAINING = {
    MLPClassifier: COMMON | DROPOUT | CLASSIFIER,
    MLPRegressor: COMMON | DROPOUT | {"standardize_target": ("auto", True, False)},
    LinearClassifier: COMMON | CLASSIFIER,
    LinearRegressor: COMMON,
}
RATES = {"gradient_descent": 0.01, "adagrad": 0.1}  # with 0.001 they learn too little in the epochs that there are

# What "balanced" means in scikit-learn, too: by the classes of the whole table.
NOT_WHEN_BALANCED = {
    "check_estimators_partial_fit_n_features": "is refused by partial_fit",
    "check_fit_score_takes_y": "is refused by partial_fit",
    "check_n_features_in_after_fitting": "is refused by partial_fit",
}


def _combinations(factors):
    rows = (dict(zip(factors, values, strict=True)) for values in product(*factors.values()))
    return [row for row in rows if not (row["solver"] == "lbfgs" and row.get("dropout"))]  # which is an error


def _covering(rows):
    """Some of the rows, in which every two values that meet in any of them do: greedily, the most new pairs first."""
    pairs = [set(combinations(row.items(), 2)) for row in rows]
    left = set().union(*pairs)
    while left:
        best = max(range(len(rows)), key=lambda i: len(pairs[i] & left))
        left -= pairs[best]
        yield rows[best]


def _estimators(every):
    for kind, training in TRAINING.items():
        yield kind()
        columns = COLUMNS if kind in (MLPClassifier, MLPRegressor) else {}
        rows = list(_covering(_combinations(training | columns)))
        for row in rows + (_combinations(training) if every else []):
            rate = {"learning_rate_init": RATES[row["solver"]]} if row["solver"] in RATES else {}
            yield kind(**row, **rate)


def _contradiction(estimator, name):
    """Why a check asks for what the estimator does not promise; nothing for nearly all."""
    if getattr(estimator, "class_weight", None) == "balanced" and name in NOT_WHEN_BALANCED:
        return f"class_weight='balanced' {NOT_WHEN_BALANCED[name]}"
    if name.endswith("_on_sparse_data") and not get_tags(estimator).input_tags.sparse:
        return "scikit-learn 1.6 tries it on every estimator (scikit-learn#30139)"
    if (type(estimator), estimator.solver) == (LinearRegressor, "rmsprop") and "sample_weight_equivalence" in name:
        return "copies are weights to the bit for full batches; rmsprop, trembling at the minimum, blows up rounding"
    return None


@parametrize_with_checks(list(_estimators(every=bool(os.environ.get("CHAINRULE_ALL_CHECKS")))))
def test_scikit_learn_check(estimator, check):
    reason = _contradiction(estimator, check.func.__name__)
    if reason:
        pytest.skip(reason)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", ChainruleWarning)
        try:
            check(estimator)
        except pytest.skip.Exception as skipped:  # a check for a library that is not installed
            pytest.skip(str(skipped))
