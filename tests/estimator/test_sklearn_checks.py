"""scikit-learn's own estimator checks; what is skipped is named, with the reason.

`make test` checks each estimator as it is and in two of the combinations below; `make test-all` in so many that every
two values of its parameters meet in one. With CHAINRULE_ALL_CHECKS=1 that runs every combination of the training
parameters as well, which takes half an hour of one core.

The checks bring their own X and leave no choice of its dtype: float32 has tests of its own in `test_tables`.
"""

from __future__ import annotations

import os
import warnings
from itertools import combinations, product
from unittest import SkipTest

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import ChainruleWarning
from chainrule.engine import info
from chainrule.fit.parameters import SOLVERS

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


def _estimators():
    """Those to check always, and the others."""
    few, others = [], []
    for kind, training in TRAINING.items():
        columns = COLUMNS if kind in (MLPClassifier, MLPRegressor) else {}
        first, second, *rows = _covering(_combinations(training | columns))  # the second is unlike the defaults
        lbfgs = next(row for row in rows if row["solver"] == "lbfgs")
        more = _combinations(training) if os.environ.get("CHAINRULE_ALL_CHECKS") else []
        few += [kind(), _made(kind, second), _made(kind, lbfgs)]
        others += [_made(kind, row) for row in [first, *rows, *more] if row is not lbfgs]
    return few, others


def _made(kind, row):
    rate = {"learning_rate_init": RATES[row["solver"]]} if row["solver"] in RATES else {}
    return kind(**row, **rate)


def _contradiction(estimator, name):
    """Why a check asks for what the estimator does not promise; nothing for nearly all."""
    if "sample_weight_equivalence" in name:
        if estimator.early_stopping:
            return "rows are held out at random: of k copies some are, a row of weight k is or is not"
        if getattr(estimator, "dropout", 0):
            return "each of k copies has a dropout mask of its own, a row of weight k has one"
    if getattr(estimator, "class_weight", None) == "balanced" and name in NOT_WHEN_BALANCED:
        return f"class_weight='balanced' {NOT_WHEN_BALANCED[name]}"
    if name.endswith("_on_sparse_data") and not get_tags(estimator).input_tags.sparse:
        return "scikit-learn 1.6 tries it on every estimator (scikit-learn#30139)"
    if (type(estimator), estimator.solver) == (LinearRegressor, "rmsprop") and "sample_weight_equivalence" in name:
        return "copies are weights to the bit for full batches; rmsprop, trembling at the minimum, blows up rounding"
    return None


FEW, OTHERS = _estimators()


@parametrize_with_checks(FEW)
def test_scikit_learn_check(estimator, check):
    if reason := _left_out(estimator, check):
        pytest.skip(reason)


@pytest.mark.slow
@pytest.mark.parametrize("estimator", OTHERS, ids=lambda estimator: "".join(str(estimator).split()))
def test_scikit_learn_checks_of_other_parameters(estimator):
    """All in one test: to name four thousand takes as long as to run a thousand."""
    for prepared, check in estimator_checks_generator(estimator):
        try:
            _left_out(prepared, check)
        except Exception as error:
            error.add_note(f"Raised in {check}.")
            raise


def _left_out(estimator, check):
    """Run a check; return why where it does not apply."""
    if reason := _contradiction(estimator, check.func.__name__):
        return reason
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", ChainruleWarning)
        try:
            check(estimator)
        except (pytest.skip.Exception, SkipTest) as skipped:  # a check for a library that is not installed
            return str(skipped)
    return None
