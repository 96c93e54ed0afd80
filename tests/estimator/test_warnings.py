"""Every warning points at the line of the caller, however deep in the package its reason is found."""

import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import ChainruleWarning

X = np.random.default_rng(0).normal(size=(60, 3))
LABELS = X[:, 0] > 0

OF_FIT = {
    "a parameter of another solver": (MLPClassifier(solver="adam", momentum=0.5), "momentum: no effect"),
    "a parameter of another loss": (MLPClassifier(gamma=3.0), "gamma: no effect"),
    "a weight of no classes": (MLPClassifier(class_weight_val=False), "class_weight_val: no effect"),
    "a batch above all rows": (MLPClassifier(batch_size=100), "batch_size=100 is more"),
    "a loss's parameter of a regressor": (MLPRegressor(delta=2.0), "delta: no effect"),
    "huber's delta in small units": (MLPRegressor(loss="huber", delta=1e-9, standardize_target=True), "Give delta"),
    "a linear model's": (LinearClassifier(gamma=3.0), "gamma: no effect"),
    "a linear regressor's": (LinearRegressor(power=1.2), "power: no effect"),
}


def caught_from(call):
    with warnings.catch_warnings(record=True, action="always") as caught:
        call()
    return caught


@pytest.mark.parametrize("name", OF_FIT)
@pytest.mark.parametrize("wrapped", [lambda model: model, make_pipeline], ids=["itself", "pipeline"])
def test_fit_warns_at_the_line_that_called_it(name, wrapped):
    model, message = OF_FIT[name]
    caught = caught_from(lambda: wrapped(model).fit(X, LABELS))
    [found] = [warning for warning in caught if message in str(warning.message)]
    assert (found.filename, found.category) == (__file__, ChainruleWarning)


@pytest.mark.parametrize("more", [{"class_weight_val": False}, {"batch_size": 100}], ids=["class weight", "batch"])
def test_partial_fit_warns_at_the_line_that_called_it(more):
    [found] = caught_from(lambda: MLPClassifier((4,), **more).partial_fit(X, LABELS))
    assert found.filename == __file__


def test_an_interval_warns_at_the_line_that_asked_for_it():
    model = MLPRegressor((4,), max_iter=1)
    caught_from(lambda: model.fit(X, X[:, 0], X_cal=X[:5], y_cal=X[:5, 0]))
    [found] = caught_from(lambda: model.predict_interval(X, coverage=0.95))
    assert found.filename == __file__
