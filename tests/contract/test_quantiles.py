"""Several quantiles at once: they never cross, each is charged for its own quantile, far out nothing overflows."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss

from chainrule import Dense, Network
from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.network import Architecture
from chainrule.network.losses import loss
from chainrule.network.losses.quantiles import ascending

getcontext().prec = 60
QUANTILES = (0.05, 0.3, 0.5, 0.9, 0.95)


def softplus(z):
    return (1 + Decimal(z).exp()).ln()


def truth(z):
    """The outputs of one example in 60 digits: the middle one as it is, gaps of a softplus on both sides."""
    c = (len(z) - 1) // 2
    above = [sum((softplus(v) for v in z[c + 1 : k + 1]), Decimal(z[c])) for k in range(c, len(z))]
    below = [Decimal(z[c]) - sum(softplus(v) for v in z[k:c]) for k in range(c)]
    return [float(a) for a in (*below, *above)]


@pytest.mark.parametrize("n", range(1, 8))
def test_the_outputs_are_the_middle_one_and_gaps(n):
    Z = 3 * np.random.default_rng(n).normal(size=(n, 30))
    expected = np.transpose([truth(z) for z in Z.T.tolist()])
    np.testing.assert_allclose(ascending(Z), expected, rtol=1e-13, atol=1e-14)


@settings(deadline=None, derandomize=True)
@given(
    z=st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=9),
    y=st.floats(-1e4, 1e4),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_they_never_cross_and_stay_finite(z, y, dtype):
    Z = np.array(z, dtype)[:, None]
    Y = np.full_like(Z, y)
    pair = loss("quantiles")
    assert (np.diff(ascending(Z), axis=0) >= 0).all()
    for values in (ascending(Z), pair.per_example(Z, Y), pair.dZ(Z, Y)):
        assert values.dtype == dtype
        assert np.isfinite(values).all()
    assert (np.abs(pair.dZ(Z, Y)) <= 1).all()


@pytest.mark.parametrize("quantiles", [(0.5,), (0.1, 0.9), (0.05, 0.5, 0.95), QUANTILES])
def test_the_loss_is_the_mean_of_scikit_learns_pinball_losses(quantiles):
    rng = np.random.default_rng(1)
    Z, y = rng.normal(size=(len(quantiles), 60)), rng.normal(size=60)
    Y = np.broadcast_to(y, Z.shape)
    theirs = [mean_pinball_loss(y, a, alpha=q) for a, q in zip(ascending(Z), quantiles, strict=True)]
    ours = loss("quantiles", quantiles=quantiles).per_example(Z, Y).mean()
    assert ours == pytest.approx(np.mean(theirs), rel=1e-13)


@pytest.mark.parametrize("quantiles", [(0.2,), (0.1, 0.6), (0.1, 0.2, 0.3, 0.9), QUANTILES])
def test_dZ_is_the_slope_of_the_loss(quantiles):
    rng = np.random.default_rng(2)
    pair, n, h = loss("quantiles", quantiles=quantiles), len(quantiles), 1e-5
    Z, Y = rng.normal(size=(n, 200)), np.broadcast_to(rng.normal(size=200), (n, 200))
    smooth = (np.abs(ascending(Z) - Y) > 0.01).all(axis=0)
    assert smooth.sum() > 100
    for k in range(n):
        step = h * np.eye(n)[:, [k]]
        slope = (pair.per_example(Z + step, Y) - pair.per_example(Z - step, Y)) / (2 * h)
        np.testing.assert_allclose(pair.dZ(Z, Y)[k, smooth], slope[smooth], atol=1e-9)


def test_one_quantile_is_the_pinball_loss():
    Z, Y = np.random.default_rng(3).normal(size=(2, 1, 50))
    one, several = loss("quantile", quantile=0.8), loss("quantiles", quantiles=(0.8,))
    assert np.array_equal(one.per_example(Z, Y), several.per_example(Z, Y))
    assert np.array_equal(one.dZ(Z, Y), several.dZ(Z, Y))


def test_a_constant_model_learns_the_quantiles_of_its_target():
    y = np.random.default_rng(4).gamma(2.0, size=(1, 2001))
    net = Network([Dense(5, "ascending")], n_inputs=1, loss=loss("quantiles", quantiles=QUANTILES))
    net.fit(np.zeros_like(y), np.repeat(y, 5, axis=0), epochs=4000, optimizer="adam", schedule="cosine")
    share_below = (y <= net.predict(np.zeros((1, 1)))).mean(axis=1)
    np.testing.assert_allclose(share_below, QUANTILES, atol=2e-3)


def test_without_a_list_they_cut_into_equal_shares():
    Z, Y = np.random.default_rng(5).normal(size=(2, 3, 40))
    given, usual = loss("quantiles", quantiles=(0.25, 0.5, 0.75)), loss("quantiles")
    assert np.array_equal(given.per_example(Z, Y), usual.per_example(Z, Y))


@pytest.mark.parametrize(
    "wrong", [(), (0.5, 0.5), (0.9, 0.1), (0.0, 0.5), (0.5, 1.0), (np.nan,), 0.5, None, "0.5"], ids=str
)
def test_quantiles_that_do_not_rise_are_refused(wrong):
    with pytest.raises(InvalidParameterError, match="quantiles must be numbers between 0 and 1, each above"):
        loss("quantiles", quantiles=wrong)


def test_another_number_of_outputs_is_refused():
    with pytest.raises(ShapeError, match="is for 3 outputs, the network has 2"):
        Architecture((4, 2), (), loss("quantiles", quantiles=(0.1, 0.5, 0.9)))


@pytest.mark.parametrize(("name", "output"), [("quantiles", "identity"), ("squared_error", "ascending")])
def test_the_pair_belongs_together(name, output):
    with pytest.raises(InvalidParameterError, match="ascending"):
        loss(name, output=output)
