"""`gradcheck`: right gradients are never called wrong, wrong ones never right, and what cannot be told is said."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule import Dense, MLPRegressor, Network, gradcheck
from chainrule._errors import ChainruleError, InvalidParameterError, ShapeError
from chainrule.derivation.checks.gradient_check import GradientCheck
from chainrule.derivation.checks.gradient_check import gradcheck as of_model
from chainrule.derivation.models.problem import Problem
from chainrule.network.activations import ACTIVATIONS, OUTPUT_ONLY
from chainrule.network.embeddings import Embedding
from chainrule.network.losses import LOSSES
from chainrule.network.parameters import Parameters

from .networks import EMBEDDINGS, random_problem

HIDDEN = [
    *(name for name in ACTIVATIONS if name not in OUTPUT_ONLY),
    ("elu", {"alpha": 0.5}),
    ("leaky_relu", {"negative_slope": 0.3}),
]


def targets(loss, n, m, draw):
    if LOSSES[loss][0].name == "softmax":
        return np.eye(n)[:, draw.integers(n, size=m)]
    if loss in ("binary_cross_entropy", "binary_focal", "hinge"):
        return draw.integers(2, size=(n, m)).astype(float)
    return draw.gamma(1, size=(n, m)) + 0.01 if loss in ("poisson", "gamma", "tweedie") else draw.normal(size=(n, m))


def random_case(seed, weight_scale=1.0, input_scale=1.0):
    """A random network, examples and weights of the examples."""
    draw = np.random.default_rng(seed)
    loss = list(LOSSES)[seed % len(LOSSES)]
    n, p, m = int(draw.integers(2, 4)), int(draw.integers(1, 5)), int(draw.integers(1, 12))
    hidden = [
        Dense(int(draw.integers(1, 7)), HIDDEN[draw.integers(len(HIDDEN))], dropout=float(draw.choice([0, 0.3])))
        for _ in range(draw.integers(0, 4))
    ]
    penalty = {"alpha": float(draw.choice([0, 0.1])), "l1_ratio": float(draw.choice([0, 0.5, 1]))}
    net = Network([*hidden, Dense(n, LOSSES[loss][0].name)], n_inputs=p, loss=loss, seed=seed, **penalty)
    net.parameters.theta[:] = weight_scale * (net.parameters.theta + 0.1 * draw.normal(size=net.parameters.theta.size))
    weights = draw.gamma(1, size=m) if seed % 2 else None
    return net, input_scale * draw.normal(size=(p, m)), targets(loss, n, m, draw), weights


def planted(check: GradientCheck, tensor: str, factor: float) -> Problem:
    def gradient(problem: Problem):
        d = replace(problem, gradient=None).theta_gradient()
        views = Parameters(d, problem.parameters.widths)
        (views.W if tensor.startswith("dW") else views.b)[int(tensor[3:-1])][...] *= factor
        return d

    return replace(check.problem, gradient=gradient)


@pytest.fixture
def judge(monkeypatch):
    """Check a problem as it is posed."""

    def run(problem: Problem, **options):
        monkeypatch.setattr("chainrule.derivation.checks.gradient_check.problem_of", lambda *_, **__: problem)
        return of_model(None, None, **options)

    return run


@pytest.mark.parametrize("seed", range(120))
def test_a_right_gradient_is_never_called_wrong(seed):
    net, X, Y, weights = random_case(seed)
    check = gradcheck(net, X, Y, sample_weight=weights)
    assert [row.tensor for row in check.rows if row.verdict == "wrong"] == [], str(check)
    assert all(
        row.relative_error < 1e-6 and row.ratio == pytest.approx(1, abs=1e-6)
        for row in check.rows
        if row.verdict == "ok" and not np.isnan(row.ratio)
    )


@pytest.mark.parametrize(("weights", "inputs"), [(1e-8, 1), (1e-3, 1e-4), (10, 1), (1, 1e4), (30, 100), (1e-3, 1e4)])
def test_extreme_sizes_raise_no_false_alarm(weights, inputs):
    for seed in range(30):
        net, X, Y, sample_weight = random_case(seed, weights, inputs)
        try:
            check = gradcheck(net, X, Y, sample_weight=sample_weight)
        except ChainruleError as error:
            assert "not finite" in str(error)  # noqa: PT017 - some costs overflow, and are refused
            continue
        assert "wrong" not in {row.verdict for row in check.rows}, str(check)


@pytest.mark.parametrize("factor", [1.01, 0.99, -1, 2, 1 + 1e-5])
def test_a_wrong_gradient_is_never_called_right(factor, judge):
    for seed in range(12):
        net, X, Y, weights = random_case(seed)
        check = gradcheck(net, X, Y, sample_weight=weights)
        for row in check.rows:
            if row.verdict != "ok" or np.isnan(row.ratio):
                continue
            found = judge(planted(check, row.tensor, factor))
            wrong = [other for other in found.rows if other.verdict == "wrong"]
            assert [other.tensor for other in wrong] == [row.tensor], str(found)
            assert wrong[0].ratio == pytest.approx(factor, rel=1e-6)
            assert not found.ok


def test_one_wrong_entry_among_many_is_found(judge):
    net = Network([Dense(6, "tanh"), Dense(1, "sigmoid")], n_inputs=4)
    X = np.random.default_rng(0).normal(size=(4, 9))
    check = gradcheck(net, X, (X[:1] > 0).astype(float))

    def gradient(problem):
        d = replace(problem, gradient=None).theta_gradient()
        d[7] *= 1.001
        return d

    found = judge(replace(check.problem, gradient=gradient))
    assert found.rows[0].verdict == "wrong"
    assert found.rows[0].worst is not None
    assert found.rows[0].worst[0] == (1, 3)
    assert not found.rows[0].proportional


def test_a_cost_that_can_be_differentiated_by_hand():
    """J = (w x - y)² / 2 + 0.3 (w²/2 + |w|)/2 at w = 2, x = 3, y = 1: dJ/dw = (6 - 1) 3 + 0.15 · 2 + 0.15 = 15.45."""
    net = Network([Dense(1, "identity")], n_inputs=1, loss="squared_error", alpha=0.3, l1_ratio=0.5)
    net.parameters.theta[:] = [2.0, 0.0]
    check = gradcheck(net, [[3.0]], [[1.0]])
    assert check.ok
    assert check.problem.theta_gradient().tolist() == pytest.approx([15.45, 5.0])


def test_d38_the_check_itself_does_not_lie():
    """float32 weights, ReLU units at their kinks, steps for inputs of 1e4, dropout: the same verdict at every call."""
    draw = np.random.default_rng(0)
    net = Network(
        [Dense(30, "relu", dropout=0.4), Dense(20, "relu"), Dense(3, "softmax")],
        n_inputs=5,
        loss="categorical_cross_entropy",
        dtype=np.float32,
    )
    X, Y = 1e4 * draw.normal(size=(5, 40)), np.eye(3)[:, draw.integers(3, size=40)]
    X[:, 7] = 0  # with biases of 0, every ReLU of this example is exactly at its kink
    first, second = gradcheck(net, X, Y), gradcheck(net, X, Y)
    assert first.ok
    assert str(first) == str(second)
    assert first.at_kink >= 1
    assert "exactly at a kink" in str(first)
    assert all(row.verdict == "ok" for row in first.rows)


@pytest.mark.parametrize("distance", [1e-4, 1e-5, 1e-6])
def test_d38_differences_do_not_cross_kinks(distance):
    """z is nearer to ReLU's kink than a step is long; on its own side J has a slope, and that can be checked."""
    net = Network([Dense(1, "relu"), Dense(1, "identity")], n_inputs=1, loss="squared_error")
    for side in (-1, 1):
        net.set_parameters([[[1.0]], [[2.0]]], [[[side * distance - 1]], [[0.0]]])
        check = gradcheck(net, [[1.0]], [[3.0]])
        assert check.ok
        assert check.at_kink == 0
        assert [row.skipped for row in check.rows] == [0] * 4
        assert max(row.relative_error for row in check.rows) < 1e-6
        assert check.problem.theta_gradient()[0] == pytest.approx((2 * distance - 3) * 2 if side == 1 else 0)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_d38_steps_suit_the_sizes_of_inputs_and_weights(size):
    """The same Z from inputs large and weights small, or the other way round: measured as well."""
    net = Network([Dense(3, "tanh"), Dense(1, "identity")], n_inputs=2, loss="squared_error")
    net.set_parameters([net.W[1] / size, net.W[2]], net.b[1:])
    draw = np.random.default_rng(0)
    check = gradcheck(net, size * draw.normal(size=(2, 9)), draw.normal(size=(1, 9)))
    assert {row.verdict for row in check.rows} == {"ok"}
    assert max(row.relative_error for row in check.rows) < 1e-8


def test_d38_what_is_sampled_is_the_same_at_every_call(monkeypatch):
    """Until another seed is asked for."""
    monkeypatch.setattr("chainrule.derivation.checks.directions._OPERATIONS", 1e6)
    draw = np.random.default_rng(0)
    net = Network([Dense(60, "tanh"), Dense(1, "identity")], n_inputs=40, loss="squared_error")
    X, Y = draw.normal(size=(40, 50)), draw.normal(size=(1, 50))
    first, second, other = gradcheck(net, X, Y), gradcheck(net, X, Y), gradcheck(net, X, Y, seed=1)
    assert first.rows[0].checked < first.rows[0].entries
    assert first.rows == second.rows
    assert first.rows != other.rows


def test_weights_at_the_corner_of_l1_are_skipped_and_counted():
    net = Network([Dense(1, "identity")], n_inputs=3, loss="squared_error", alpha=0.5, l1_ratio=1.0)
    net.parameters.theta[:] = [0.0, 1e-9, -2.0, 0.5]
    check = gradcheck(net, np.ones((3, 2)), np.zeros((1, 2)))
    assert check.ok
    assert (check.rows[0].checked, check.rows[0].skipped) == (2, 1)
    assert "2 of 3, 1 at a kink" in str(check)


def test_at_a_kink_everywhere_nothing_can_be_checked():
    net = Network([Dense(1, "identity")], n_inputs=1, loss="absolute_error")
    net.parameters.theta[:] = 0
    check = gradcheck(net, [[1.0]], [[0.0]])
    assert not check.ok
    assert {row.verdict for row in check.rows} == {"at a kink"}
    assert "Nothing could be checked" in str(check)


def test_gradients_below_the_rounding_of_the_cost_are_not_judged():
    """J is 5e7, known to about 1e-8; behind a saturated unit, 1 - tanh(15)^2 = 4e-13, dJ/dw is about 4e-9."""
    net = Network([Dense(1, "tanh"), Dense(1, "identity")], n_inputs=1, loss="squared_error")
    net.parameters.theta[:] = [15.0, 1.0, 0, 0]
    check = gradcheck(net, [[1.0]], [[1e4]])
    assert [row.verdict for row in check.rows] == ["too small to check", "ok", "too small to check", "ok"]
    assert "Too small to check" in str(check)
    assert not check.ok  # a gradient of 0 would look the same


@pytest.mark.parametrize("z", [6.0, 8, 9, 10, 11, 12, 13, 15])
def test_no_noise_hides_a_wrong_gradient(z, judge):
    """As 1 - tanh(z)^2 falls from 2e-5 to 4e-13, rounding in J hides first a share of dJ/dw, then all of it."""
    net = Network([Dense(1, "tanh"), Dense(1, "identity")], n_inputs=1, loss="squared_error")
    net.parameters.theta[:] = [z, 1.0, 0, 0]
    check = gradcheck(net, [[1.0]], [[1e4]])
    assert "wrong" not in {row.verdict for row in check.rows}
    for factor in (0.0, 1 + 2e-4, 1.002, 1.1):
        assert not judge(planted(check, "dW[1]", factor)).ok


def test_dead_units_have_a_gradient_of_zero_and_that_is_right():
    net = Network([Dense(2, "relu"), Dense(1, "identity")], n_inputs=1, loss="squared_error")
    net.parameters.theta[:] = [1, 1, 1, 1, -5, -5, 0]
    check = gradcheck(net, [[1.0, 2.0]], [[1.0, 0.0]])
    assert check.ok
    assert np.isnan(check.rows[0].ratio)
    assert check.rows[0].relative_error == 0


def test_a_million_parameters_are_sampled_and_projected():
    draw = np.random.default_rng(0)
    layers = [Dense(1024, "relu"), Dense(256, "relu"), Dense(10, "softmax")]
    net = Network(layers, n_inputs=784, loss="categorical_cross_entropy")
    X, Y = draw.normal(size=(784, 64)), np.eye(10)[:, draw.integers(10, size=64)]
    check = gradcheck(net, X, Y)
    assert check.ok
    assert check.rows[0].projections == 4
    assert "of 802,816 entries + 4 projections" in str(check)


def test_projections_see_an_error_that_no_sampled_entry_has(judge):
    draw = np.random.default_rng(0)
    net = Network([Dense(1500, "tanh"), Dense(1, "identity")], n_inputs=800, loss="squared_error")
    check = gradcheck(net, draw.normal(size=(800, 20)), draw.normal(size=(1, 20)))

    def gradient(problem):
        d = replace(problem, gradient=None).theta_gradient()
        d[:1000] *= 1.01  # of 1.2 million
        return d

    found = judge(replace(check.problem, gradient=gradient))
    assert found.rows[0].verdict == "wrong"
    assert found.rows[0].worst is not None
    assert found.rows[0].worst[0] is None


def test_of_many_examples_some_are_drawn():
    draw = np.random.default_rng(0)
    net = Network([Dense(400, "tanh"), Dense(1, "identity")], n_inputs=2, loss="squared_error")
    X = draw.normal(size=(2, 40_000))
    check = gradcheck(net, X, X[:1] * X[1:], sample_weight=draw.integers(0, 2, size=40_000))
    assert check.ok
    assert check.problem.m < check.m == 40_000
    assert "drawn from 40,000" in str(check)


def test_estimators_and_what_is_printed():
    X = np.random.default_rng(0).normal(size=(30, 3))
    model = MLPRegressor((4,), tol=1e9, n_iter_no_change=1, alpha=0.1, dropout=0.2).fit(X, np.c_[X[:, 0], X[:, 1] ** 2])
    check = gradcheck(model, X, np.c_[X[:, 0], X[:, 1] ** 2])
    assert check
    assert repr(check) == str(check)
    lines = str(check).splitlines()
    assert lines[0] == "Gradient check: chainrule, 3-4-2, identity + squared_error, 30 examples"
    assert lines[2].split() == ["gradient", "relative", "error", "analytic/numeric", "checked", "verdict"]
    assert max(map(len, lines)) < 100
    assert check._repr_html_().count("<tr>") == 5


def test_a_stated_nan_is_wrong(judge):
    net = Network([Dense(1, "sigmoid")], n_inputs=1)
    check = gradcheck(net, [[1.0]], [[1.0]])
    found = judge(replace(check.problem, gradient=lambda _: np.array([np.nan, -0.5])))
    assert not found.ok
    assert found.rows[0].verdict == "wrong"


def test_what_is_refused():
    net = Network([Dense(1, "sigmoid")], n_inputs=1)
    for tolerance in (0, 1, "small", float("nan"), True):
        with pytest.raises(InvalidParameterError, match="tolerance"):
            gradcheck(net, [[1.0]], [[1.0]], tolerance=tolerance)
    for seed in (-1, 0.5, None):
        with pytest.raises(InvalidParameterError, match="seed"):
            gradcheck(net, [[1.0]], [[1.0]], seed=seed)
    with pytest.raises(InvalidParameterError, match="has its own"):
        gradcheck(net, [[1.0]], [[1.0]], loss="squared_error")
    with pytest.raises(InvalidParameterError, match="got dict"):
        gradcheck({}, [[1.0]], [[1.0]])
    with pytest.raises(ShapeError):
        gradcheck(net, [[1.0], [2.0]], [[1.0]])
    with pytest.raises(ShapeError, match="at least one"):
        gradcheck(net, np.empty((1, 0)), np.empty((1, 0)))


@pytest.mark.parametrize("dropout", [(), (0.4, 0.3)], ids=["", "dropout"])
@pytest.mark.parametrize("seed", range(6))
def test_embeddings_are_checked_like_the_others(seed, dropout, judge):
    """Right ones agree, a wrong one is named; a level that does not occur has slope 0, stated and measured."""
    problem = random_problem(seed, L=2, embeddings=EMBEDDINGS, activation="tanh", dropout=dropout, m=8)
    check = judge(problem)
    assert check.ok, str(check)
    assert [row.tensor for row in check.rows] == ["dW[1]", "dW[2]", "db[1]", "db[2]", "dE[0]", "dE[1]"]
    assert [row.checked for row in check.rows[-2:]] == [15, 80]
    for j in (0, 1):

        def gradient(problem, j=j):
            d = replace(problem, gradient=None).theta_gradient()
            replace(problem.parameters, theta=d).E[j][:, 3:] += 1e-3
            return d

        wrong = [row.tensor for row in judge(replace(problem, gradient=gradient)).rows if row.verdict == "wrong"]
        assert wrong == [f"dE[{j}]"]


def test_many_levels_are_projected(judge):
    """Too many to measure each: random directions, in which every level takes part."""
    many = (Embedding(column=0, levels=60_000, size=4),)
    problem = random_problem(3, L=2, embeddings=many, activation="tanh", m=2000, loss="squared_error", dropout=())
    row = judge(problem).rows[-1]
    assert row.verdict == "ok"
    assert row.projections

    def gradient(problem):
        d = replace(problem, gradient=None).theta_gradient()
        replace(problem.parameters, theta=d).E[0][...] *= 1.01
        return d

    found = judge(replace(problem, gradient=gradient)).rows[-1]
    assert found.verdict == "wrong"
    assert found.ratio == pytest.approx(1.01, rel=1e-6)
