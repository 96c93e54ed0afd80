"""Nothing that a fit leaves is lost in a file, but what is said to be: the optimiser's state."""

import numpy as np
import pandas as pd
import pytest

from chainrule import (
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPEnsembleClassifier,
    MLPEnsembleRegressor,
    MLPRegressor,
    load,
    save,
)
from chainrule.estimator.labels import Labels

pytestmark = pytest.mark.filterwarnings("ignore")

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(80, 4))
Y = 100 * X[:, 0] + DRAW.normal(size=80)
LABELS = np.where(X[:, 0] > 0, "a", np.where(X[:, 1] > 0, "bb", "c"))
FRAME = pd.DataFrame(X, columns=list("abcd")).assign(e=pd.Categorical(np.where(X[:, 2] > 0, "u", "v")))
FEW = {"max_iter": 4, "random_state": 0}
BAGS = {"n_estimators": 4, "bootstrap": True, "oob_score": True, "random_state": 0}
SEVERAL = MLPRegressor((4,), loss="quantile", quantile=[0.1, 0.5, 0.9], **FEW)

FITS = {
    "early stopping": lambda: MLPClassifier((4,), early_stopping=True, **FEW).fit(X, LABELS),
    "labels of another kind": lambda: LinearClassifier(class_weight={0: 1.0, 1: 2.0}, **FEW).fit(X, (Y > 0) * 1),
    "labels that coincide": lambda: MLPClassifier((4,), class_weight=[{0: 1, 1: 2}] * 3, **FEW).fit(
        X, (X[:, :3] > 0) * 1
    ),
    "balanced": lambda: MLPClassifier((4,), class_weight="balanced", **FEW).fit(X, LABELS),
    "columns": lambda: MLPClassifier(
        (4, 3),
        activation=["relu", ("leaky_relu", {"negative_slope": 0.1})],
        categorical_features="from_dtype",
        scale=True,
        embedding_size={"e": 2},
        **FEW,
    ).fit(FRAME, LABELS),
    "calibrated": lambda: MLPRegressor((4,), dropout=[0.1], **FEW).fit(X, Y, X_cal=X[:20], y_cal=Y[:20]),
    "quantiles": lambda: MLPRegressor((4,), loss="quantile", quantile=[0.1, 0.9], n_iter_no_change=np.inf, **FEW).fit(
        X, Y
    ),
    "two outputs": lambda: LinearRegressor(max_iter=30, random_state=0).fit(FRAME[["a", "b"]], np.c_[Y, -Y]),
    "in parts": lambda: MLPRegressor((4,), random_state=0).partial_fit(X, Y).partial_fit(X, Y),
    "bags": lambda: MLPEnsembleClassifier(MLPClassifier((4,), **FEW), **BAGS).fit(X.astype(np.float32), LABELS),
    "bags of labels": lambda: MLPEnsembleClassifier(MLPClassifier((4,), **FEW), **BAGS).fit(X, (X > 0) * 1),
    "bags of numbers": lambda: MLPEnsembleRegressor(MLPRegressor((4,), **FEW), **BAGS).fit(FRAME[["a", "b"]], Y),
    "bags of quantiles": lambda: MLPEnsembleRegressor(SEVERAL, **BAGS).fit(X.astype(np.float32), Y),
}
STATE, MEMBERS = "network_", "estimators_"  # which are looked into
SEEDED = "estimator"  # of an ensemble: its first member, seed included


def shown(model):
    """Every attribute and every property with a fitted one's name."""
    names = {"_columns", "_target", *vars(model)} | {
        name for name in dir(model) if name.endswith("_") and not name.startswith("_")
    }
    return {name: getattr(model, name) for name in names - {STATE, MEMBERS, SEEDED} if hasattr(model, name)}


def check(a, b, place):
    assert type(a) is type(b), place
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape) == (b.dtype, b.shape), place
        np.testing.assert_array_equal(a, b, place)
    elif isinstance(a, Labels):
        check(vars(a), vars(b), place)
    elif isinstance(a, dict | list | tuple):
        assert len(a) == len(b), place
        for key in a if isinstance(a, dict) else range(len(a)):
            check(a[key], b[key], f"{place}.{key}")
    else:
        assert a == b, place


@pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
def test_every_fitted_attribute_comes_back(tmp_path, fit):
    model = fit()
    save(model, tmp_path / "m")
    again = load(tmp_path / "m")
    pairs = [(model, again)]
    if hasattr(model, MEMBERS):
        pairs += list(zip(model.estimators_, again.estimators_, strict=True))
    for one, other in pairs:
        check(shown(one), shown(other), type(one).__name__)
    for one, other in pairs[-1:]:
        check(one.network_.architecture.widths, other.network_.architecture.widths, "widths")
        check(one.network_.history.to_dict(), other.network_.history.to_dict(), "history")
        check(one.network_.parameters.theta, other.network_.parameters.theta, "theta")


def test_out_of_bag_results_of_an_earlier_fit_are_gone():
    ensemble = MLPEnsembleRegressor(MLPRegressor((2,), **FEW), **BAGS).fit(X, Y)
    assert hasattr(ensemble, "oob_score_")
    ensemble.set_params(oob_score=False).fit(X, Y)
    assert not hasattr(ensemble, "oob_score_")
    assert not hasattr(ensemble, "oob_prediction_")
