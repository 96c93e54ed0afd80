"""A fit changes an estimator all at once or not at all: failures at every place, and everything it has compared."""

import sys
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest

import chainrule
from chainrule import (
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPEnsembleClassifier,
    MLPEnsembleRegressor,
    MLPRegressor,
    MLPSearchCV,
)

pytestmark = pytest.mark.filterwarnings("ignore")

SOURCE = str(Path(chainrule.__file__).parent)
draw = np.random.default_rng(0)
X = draw.normal(size=(60, 3))
Y = 100 * X[:, 0] + 500
LABELS = Y > 500
OTHER_X = draw.normal(size=(50, 2))
OTHER_LABELS = np.array(["a", "b", "c"])[draw.integers(0, 3, 50)]
FRAME = pd.DataFrame({"size": OTHER_X[:, 0], "colour": OTHER_LABELS})
BRIEF = {"max_iter": 2, "batch_size": 20, "random_state": 0}


class Boom(BaseException):
    """Neither an Exception nor an interrupt."""


def everything(estimator):
    """Which objects an estimator has, and all that is in them; callbacks are the user's."""
    own = {name: value for name, value in vars(estimator).items() if name != "callbacks"}
    content = {name: repr(value) if name == "cv_results_" else value for name, value in own.items()}
    return list(vars(estimator)), {name: id(value) for name, value in own.items()}, joblib.hash(content)


def failing_at(call, act):
    """Raise at that call of a function of the package: which it was, if there are so many, and whether the fit failed.

    An error in a generator that is being thrown away is reported by Python, and ends nothing.
    """
    left, found, failed = call, None, True

    def trace(frame, event, arg):
        nonlocal left, found
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(SOURCE) and code.co_name != "whole":
            left -= 1
            if not left:
                found = f"{code.co_filename}:{code.co_name}"
                sys.settrace(None)
                raise Boom

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(Boom):
            act()
            failed = False
    finally:
        sys.settrace(before)
    return found, failed


CASES = {
    "fit anew": (
        lambda: MLPRegressor((4,), **BRIEF).fit(X, Y, X_cal=X, y_cal=Y),
        lambda m: m.fit(OTHER_X, OTHER_X[:, 0]),
    ),
    "go on": (
        lambda: MLPRegressor((4,), warm_start=True, early_stopping=True, solver="sgd", **BRIEF).fit(X, Y),
        lambda m: m.fit(X, 2 * Y),
    ),
    "the reference goes on": (
        lambda: MLPRegressor((4,), warm_start=True, engine="reference", **BRIEF).fit(X, Y),
        lambda m: m.fit(X, Y),
    ),
    "lbfgs goes on": (
        lambda: LinearRegressor(warm_start=True, solver="lbfgs", max_iter=3).fit(X, Y),
        lambda m: m.fit(X, Y, X_val=X, y_val=Y),
    ),
    "one epoch more": (lambda: MLPClassifier((4,), **BRIEF).partial_fit(X, LABELS), lambda m: m.partial_fit(X, LABELS)),
    "the first epoch": (lambda: MLPClassifier((4,), **BRIEF), lambda m: m.partial_fit(X, LABELS)),
    "initialize": (
        lambda: MLPClassifier((4,), **BRIEF).fit(X, LABELS),
        lambda m: m.initialize(2, classes=["a", "b"]),
    ),
    "columns": (
        lambda: MLPClassifier((4,), scale=True, categorical_features="from_dtype", **BRIEF).fit(X, LABELS),
        lambda m: m.fit(FRAME, OTHER_LABELS),
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_failure_anywhere_leaves_every_bit_as_it_was(case):
    make, act = CASES[case]
    call, tried = 1, set()
    while True:
        model = make()
        before = everything(model)
        found, failed = failing_at(call, lambda model=model: act(model))
        if found is None:
            break
        assert not failed or everything(model) == before, found
        tried.add(found)
        call += 17
    assert len(tried) > 8
    assert everything(model) != before


@pytest.mark.parametrize("error", [Boom, KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("hook", ["on_fit_begin", "on_epoch_begin", "on_batch_end", "on_epoch_end", "on_fit_end"])
def test_a_callback_that_raises(hook, error):
    class Callback:
        every_batch = True

    def fail(self, ctx):
        if ctx.epoch >= 2 or hook == "on_fit_begin":
            raise error

    setattr(Callback, hook, fail)
    model = MLPClassifier((4,), **BRIEF).fit(X, LABELS)
    before, answer = everything(model), model.predict_proba(X)
    model.set_params(callbacks=Callback())
    if error is KeyboardInterrupt and hook != "on_fit_end":  # Ctrl-C ends the training, with a model
        model.fit(OTHER_X, OTHER_LABELS)
        assert model.predict(OTHER_X).shape == (50,)
        assert model.stop_reason_ == "interrupted"
        return
    with pytest.raises(error):
        model.fit(OTHER_X, OTHER_LABELS)
    assert everything(model) == before
    np.testing.assert_array_equal(model.predict_proba(X), answer)


class CustomLoss:
    """Half the squared error, until it has been asked so often."""

    left = 0

    @classmethod
    def count(cls):
        cls.left -= 1
        if cls.left == 0:
            raise Boom

    def loss(self, y, z):
        self.count()
        return 0.5 * ((z - y) ** 2).sum(axis=1)

    def gradient(self, y, z):
        self.count()
        return z - y

    def inverse_link(self, z):
        self.count()
        return z


def test_a_loss_of_the_user_that_raises():
    model = MLPRegressor((4,), warm_start=True, loss=CustomLoss(), **BRIEF).fit(X, Y / 100)
    before, failures = everything(model), 0
    while failures < 200:  # at every fifth of its calls
        CustomLoss.left = 5 * failures + 1
        try:
            model.fit(X, Y / 100)
        except Boom:
            assert everything(model) == before
            failures += 1
        else:
            break
    assert 5 < failures < 200


def test_a_loss_that_is_not_finite():
    model = MLPRegressor((4,), on_divergence="raise", standardize_target=False, **BRIEF).fit(X, Y)
    before = everything(model)
    model.set_params(learning_rate_init=1e200)
    with pytest.raises(chainrule._errors.DivergenceError):
        model.fit(OTHER_X, OTHER_X[:, 0])
    model.set_params(learning_rate_init=0.001)
    assert everything(model)[2] == before[2]


BAD = {
    "text": (np.full((50, 2), "x"), OTHER_LABELS),
    "rows": (OTHER_X, OTHER_LABELS[:-1]),
    "no target": (OTHER_X, np.array([None, *OTHER_LABELS[1:]], object)),
    "three dimensions": (np.stack([OTHER_X, OTHER_X]), OTHER_LABELS),
}


@pytest.mark.parametrize("bad", BAD, ids=str)
@pytest.mark.parametrize("make", [lambda: MLPClassifier((4,), **BRIEF), LinearClassifier], ids=["mlp", "linear"])
def test_bad_input(make, bad):
    model = make().fit(X, LABELS)
    before = everything(model)
    for method in (model.fit, model.partial_fit) if model.solver != "lbfgs" else (model.fit,):
        with pytest.raises((ValueError, TypeError)):
            method(*BAD[bad])
        assert everything(model) == before


def test_paths(tmp_path):
    FRAME.assign(y=OTHER_LABELS).to_csv(tmp_path / "t.csv", index=False)
    model = MLPClassifier((4,), categorical_features="from_dtype", scale=True, **BRIEF).fit(X, LABELS)
    before = everything(model)
    for call in range(1, 4000, 301):
        found, failed = failing_at(call, lambda: model.fit(str(tmp_path / "t.csv"), "y"))
        if found is None:
            break
        assert not failed or everything(model) == before, found
        before = everything(model)
    assert call > 1000


@pytest.mark.parametrize(
    ("ensemble", "y"),
    [(MLPEnsembleClassifier, LABELS), (MLPEnsembleRegressor, Y), (MLPSearchCV, LABELS)],
    ids=["classes", "numbers", "search"],
)
def test_many_networks(ensemble, y):
    if ensemble is MLPSearchCV:
        model = MLPSearchCV(LinearClassifier(max_iter=2), {"alpha": [0.0, 1.0]}, cv=2)
    else:
        member = LinearRegressor() if ensemble is MLPEnsembleRegressor else LinearClassifier(max_iter=3)
        model = ensemble(member, 3, bootstrap=True, oob_score=True, random_state=0)
    model.fit(X, y)
    before = everything(model)
    for call in range(1, 5000, 173):
        found, failed = failing_at(call, lambda: model.fit(X[:, :2], y))
        if found is None:
            break
        assert not failed or everything(model) == before, found
        before = everything(model)
    assert call > 300
