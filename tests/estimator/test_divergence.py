"""A loss or gradient that stops being finite stops training at that step, by name."""

import numpy as np
import pytest

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import ChainruleWarning, DivergenceError
from chainrule.engine import reference
from chainrule.network.training.history import StopReason

ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
NUMBERS = X @ [1.0, 2.0, -1.0, 0.0]
# Grows by a factor every step until the numbers run out.
TOO_FAST = {"activation": "identity", "solver": "sgd", "momentum": 0.0, "learning_rate_init": 1.0, "random_state": 0}


@pytest.mark.parametrize("solver", ["adam", "sgd", "gradient_descent", "lbfgs"])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d22_huge_finite_inputs_end_in_scikit_learns_words(kind, solver):
    y = NUMBERS > 0 if kind in (MLPClassifier, LinearClassifier) else NUMBERS
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights") as caught:
        kind(solver=solver, random_state=0).fit(X * 1e300, y * 1e300 if y is NUMBERS else y)
    assert isinstance(caught.value, DivergenceError)


def test_d9_the_step_and_the_layer_are_named():
    with pytest.raises(DivergenceError, match=r"(Z|dZ|dW|the loss) of layer \d is not finite at step \d+") as caught:
        MLPRegressor((5, 4), **TOO_FAST).fit(X * 1e3, NUMBERS)
    assert caught.value.layer in (1, 2, 3)
    assert caught.value.step > 1
    assert f"at step {caught.value.step}." in str(caught.value)
    assert f"{caught.value.tensor} of layer {caught.value.layer} " in str(caught.value)


def test_d9_nothing_is_left_that_looks_fitted():
    model = MLPRegressor((5, 4), **TOO_FAST)
    with pytest.raises(DivergenceError):
        model.fit(X * 1e3, NUMBERS)
    assert not hasattr(model, "n_iter_")


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_d9_warn_keeps_the_best_weights_before_it(early_stopping):
    settings = TOO_FAST | {"n_iter_no_change": np.inf, "early_stopping": early_stopping, "max_iter": 2000}
    model = MLPRegressor(
        (5, 4), on_divergence="warn", bias_initializer="zeros", **settings | {"learning_rate_init": 0.5}
    )
    with pytest.warns(ChainruleWarning, match="Training stopped early: Solver produced non-finite parameter weights"):
        model.fit(X, 10 * NUMBERS)
    assert model.stop_reason_ is StopReason.DIVERGED
    assert np.isfinite(model.predict(X)).all()
    monitored = model.history_["val_loss" if early_stopping else "running_total"]
    assert model.best_epoch_ == np.argmin(monitored) + 1
    if early_stopping:
        assert model.history_.final["val_loss"] == pytest.approx(min(monitored), rel=1e-12)


def test_d9_warn_still_raises_where_there_is_nothing_to_keep():
    with pytest.raises(DivergenceError, match="at step 1"):
        MLPRegressor(on_divergence="warn").fit(X * 1e300, NUMBERS)


def test_d9_a_nan_validation_score_never_passes_for_training():
    """scikit-learn ran all epochs and returned the initial weights; here the loss of the validation rows overflows."""
    with pytest.raises(DivergenceError, match="the loss at the end of epoch 1 is inf"), np.errstate(all="ignore"):
        MLPRegressor((3,), early_stopping=True, max_iter=40).fit(X, NUMBERS, X_val=X, y_val=NUMBERS * 1e200)


@pytest.mark.filterwarnings("ignore:column")
def test_clipping_the_gradient_prevents_it():
    settings = TOO_FAST | {"max_iter": 30, "tol": 0.0}
    with pytest.raises(DivergenceError):
        MLPRegressor((5, 4), **settings).fit(X * 1e3, NUMBERS)
    for clip in ({"clipnorm": 1e-6}, {"clipvalue": 1e-6}):
        with pytest.warns(UserWarning, match="max_iter=30"):
            model = MLPRegressor((5, 4), n_iter_no_change=np.inf, **settings, **clip).fit(X * 1e3, NUMBERS)
        assert np.isfinite(model.predict(X)).all()


def test_d9_lbfgs_keeps_the_last_finite_iteration_on_request(monkeypatch):
    """The third evaluation's table overflows: with "warn" the iterations before it stay."""
    X, y = np.linspace(-1, 1, 40)[:, None], np.linspace(-1, 1, 40) ** 2
    calls = {"n": 0}
    real = reference.cost_and_gradient

    def overflowing(architecture, parameters, examples):
        calls["n"] += 1
        cost, d = real(architecture, parameters, examples)
        return (np.inf if calls["n"] > 6 else cost), d

    monkeypatch.setattr(reference, "cost_and_gradient", overflowing)
    model = MLPRegressor((4,), solver="lbfgs", random_state=0, on_divergence="warn", engine="reference")
    with pytest.warns(ChainruleWarning, match="Solver produced non-finite"):
        model.fit(X, y)
    assert model.stop_reason_ == StopReason.DIVERGED
    assert np.isfinite(model.predict(X)).all()
    calls["n"] = 0
    with pytest.raises(DivergenceError):
        MLPRegressor((4,), solver="lbfgs", random_state=0, engine="reference").fit(X, y)
