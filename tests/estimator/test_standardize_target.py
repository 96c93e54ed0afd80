"""The target in units of its deviation: the network of a target standardised by hand, predictions in y's units."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler

from chainrule import MLPRegressor, load, save
from chainrule._errors import ChainruleWarning, InvalidParameterError, TargetError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
SMALL = X @ [1.0, -2.0, 0.5] + np.sin(3 * X[:, 0])
DOLLARS = 200_000 + 100_000 * SMALL
LOG_LINK = ("poisson", "gamma", "tweedie")
IDENTITY = ("squared_error", "absolute_error", "huber", "quantile", "pinball", "log_cosh")


def _model(**settings):
    return MLPRegressor((8,), **{"random_state": 0, "max_iter": 30} | settings)


def _theta(model):
    return model.network_.parameters.theta


@pytest.mark.parametrize("loss", [*IDENTITY, *LOG_LINK])
def test_auto_leaves_a_well_scaled_target_alone_to_the_bit(loss):
    y = SMALL if loss in IDENTITY else np.exp(SMALL / 3)
    auto, off = _model(loss=loss).fit(X, y), _model(loss=loss, standardize_target=False).fit(X, y)
    assert_array_equal(_theta(auto), _theta(off))
    assert_array_equal(auto.predict(X), off.predict(X))


@pytest.mark.parametrize(
    ("y", "acts"),
    [
        (SMALL, False),
        (SMALL / SMALL.std() * 9.9, False),
        (SMALL / SMALL.std() * 10.1, True),
        (SMALL / SMALL.std() * 0.11, False),
        (SMALL / SMALL.std() * 0.09, True),
        (SMALL - SMALL.mean() + 9 * SMALL.std(), False),
        (SMALL - SMALL.mean() - 11 * SMALL.std(), True),
        (np.column_stack([SMALL, DOLLARS]), True),
        (np.full(200, 5.0), False),
        (np.full(200, 5e5), True),
    ],
    ids=["fine", "9.9", "10.1", "0.11", "0.09", "mean 9", "mean -11", "one of two", "constant", "large constant"],
)
def test_auto_acts_where_the_target_is_badly_scaled(y, acts):
    assert (_model(max_iter=1).fit(X, y)._target is not None) == acts


@pytest.mark.parametrize("loss", ["log_cosh", *LOG_LINK])
def test_auto_never_acts_where_scaling_changes_the_loss(loss):
    assert _model(loss=loss, max_iter=1, n_iter_no_change=np.inf).fit(X, 50 + SMALL)._target is None


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile", "log_cosh"])
@pytest.mark.parametrize("y", [DOLLARS, np.column_stack([DOLLARS, SMALL])], ids=["one", "two"])
def test_it_is_the_network_of_a_target_standardised_by_hand(loss, y):
    model = _model(loss=loss, standardize_target=True).fit(X, y)
    by_hand = TransformedTargetRegressor(_model(loss=loss, standardize_target=False), transformer=StandardScaler())
    by_hand.fit(X, y)
    assert_allclose(_theta(model), _theta(by_hand.regressor_), rtol=1e-9, atol=1e-11)
    assert_allclose(model.predict(X), by_hand.predict(X), rtol=1e-10)
    assert model.loss_ == pytest.approx(by_hand.regressor_.loss_, rel=1e-10)
    assert model.data_loss(X, y) == model.history_.final["loss"]


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_delta_stays_in_the_units_of_y(n_outputs):
    """Huber's J(y, delta) = s² J(y / s, delta / s), so the loss in dollars is the reported one times s²."""
    y = np.column_stack([DOLLARS, 2 * DOLLARS])[:, :n_outputs].squeeze()
    model = _model(loss="huber", delta=50_000.0, max_iter=200).fit(X, y)
    scale = np.sqrt(np.mean(np.var(y, axis=0)))
    errors = np.abs(model.predict(X) - y)
    in_dollars = np.where(errors <= 50_000, errors**2 / 2, 50_000 * (errors - 25_000)).mean()
    assert model.data_loss(X, y) * scale**2 == pytest.approx(in_dollars, rel=1e-9)


def test_a_delta_too_small_to_learn_from_is_said():
    with pytest.warns(ChainruleWarning, match="tol=0.0001 is large beside .* Give delta, which is in the units of y"):
        _model(loss="huber").fit(X, DOLLARS)


def test_dollars_are_learned_with_the_default_settings():
    assert MLPRegressor(random_state=0).fit(X, DOLLARS).score(X, DOLLARS) > 0.9
    off = MLPRegressor(random_state=0, standardize_target=False).fit(X, DOLLARS)
    assert off.score(X, DOLLARS) < 0.1  # what the default is there to prevent


@pytest.mark.parametrize("loss", LOG_LINK)
def test_a_log_link_is_refused(loss):
    with pytest.raises(InvalidParameterError, match="needs a loss on the identity"):
        _model(loss=loss, standardize_target=True).fit(X, np.exp(SMALL))


def test_a_target_without_finite_variance():
    with pytest.raises(TargetError, match="variance is not finite"):
        _model(standardize_target=True).fit(X, SMALL * 1e200)


def test_weights_are_copies_and_0_is_no_row():
    weights = np.arange(200) % 3
    places, spoilt = np.repeat(np.arange(200), weights), np.where(weights > 0, DOLLARS, 1e9)
    model, copied = (
        _model(solver="lbfgs").fit(X, spoilt, weights),
        _model(solver="lbfgs").fit(X[places], DOLLARS[places]),
    )
    assert model._target == copied._target
    assert_array_equal(_theta(model), _theta(copied))


def test_going_on_keeps_the_units():
    model = _model(warm_start=True).partial_fit(X[:100], DOLLARS[:100])
    first = model._target
    assert model.partial_fit(X[100:], 2 * DOLLARS[100:])._target is first
    assert model.fit(X, 3 * DOLLARS)._target is first
    assert model.set_params(warm_start=False).fit(X, SMALL)._target is None


@pytest.mark.parametrize("early_stopping", [False, True])
def test_scores_dtypes_and_files(early_stopping, tmp_path):
    model = _model(early_stopping=early_stopping).fit(X.astype(np.float32), DOLLARS)
    assert _theta(model).dtype == np.float32
    expected = model.predict(X.astype(np.float32))
    assert expected.dtype == np.float64
    save(model, tmp_path / "m.safetensors")
    assert_array_equal(load(tmp_path / "m.safetensors").predict(X.astype(np.float32)), expected)
    if early_stopping:
        assert np.isfinite(model.validation_scores_).all()
