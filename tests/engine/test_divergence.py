"""A training that diverges stops at the reference's step, and names the reference's tensor and layer."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from chainrule import MLPRegressor
from chainrule._errors import ChainruleWarning, DivergenceError
from chainrule.engine import reference
from chainrule.network import Architecture, Parameters, activation, loss
from chainrule.network.examples import Examples
from chainrule.network.optimizers import Adam, GradientDescent, Momentum
from chainrule.network.penalties import Penalty
from chainrule.network.training.history import StopReason
from chainrule.network.training.segment import Plan

from .cases import DTYPES, Problem, distance, exact

M = 23


def problem(g="identity", pair="squared_error", *, rate=1.0, scale=100.0, steps=200, plan=Plan(batch_size=5), **parts):  # noqa: B008  it is frozen
    """A network that grows by a factor every step until the numbers run out."""
    draw = np.random.default_rng(0)
    X, Y = exact(scale * draw.normal(size=(4, M))), exact(draw.normal(size=(2, M)) > 0)
    architecture = Architecture((4, 7, 5, 2), (activation(g), activation(g)), loss(pair), **parts)
    return Problem(architecture, Examples(X, Y), plan, np.full(steps, rate))


def end(engine, problem, dtype):
    """Where the training ends: (step, tensor, layer, message)."""
    start = problem.start(dtype)
    before = start.parameters.theta.tobytes()
    order = np.arange(len(problem.rates) * problem.plan.batch_size) % problem.examples.m
    with pytest.raises(DivergenceError) as caught:
        engine.run_segment(problem.architecture, problem.plan, start, problem.examples, order, problem.rates)
    assert start.parameters.theta.tobytes() == before
    assert not any(slot.any() for slot in start.slots)
    error = caught.value
    return error.step, error.tensor, error.layer, str(error)


def check(Native, problem, dtype):
    truth = end(reference, problem, dtype)
    for n_threads in (1, 2, 3):
        assert end(Native(n_threads, adaptive=False), problem, dtype) == truth
    return truth


GROWING = {
    "identity": problem(),
    "relu": problem("relu", scale=30.0, rate=30.0),
    "leaky_relu": problem("leaky_relu"),
    "selu": problem("selu", scale=10.0, rate=0.3),
    "elu": problem("elu", scale=10.0, rate=0.3),
    "huge inputs": problem(scale=1e30),
    "momentum": problem(rate=0.1, plan=Plan(Momentum(), batch_size=5)),
    "one row at a time": problem(plan=Plan(batch_size=1)),
    "l2": problem(penalty=Penalty(1.0)),
    "decay": problem(plan=Plan(batch_size=5, weight_decay=5.0), rate=2.0, scale=0.1, steps=3000),
    "dropout": problem(dropout=(0.1, 0.3, 0.2)),
    "poisson": problem(pair="poisson"),
    "gamma": problem(pair="gamma"),
    "clipped by value": problem(pair="poisson", rate=1e4, plan=Plan(batch_size=5, clip_value=1.0)),
}


@pytest.mark.parametrize("growing", GROWING.values(), ids=GROWING)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_growing_network_stops_where_the_reference_stops(Native, growing, dtype):
    step, *_ = check(Native, growing, dtype)
    assert step >= 1


def test_the_step_is_counted_from_the_start_of_training(Native):
    later = replace(problem(), first_step=1000)
    step, *_ = check(Native, later, "float64")
    assert step == 1000 + check(Native, problem(), "float64")[0]


def test_the_first_bad_row_decides_the_step(Native):
    for place in range(M):
        for bad in (np.nan, np.inf):
            calm = problem(scale=1.0, rate=0.01, plan=Plan(Adam(), 5))
            X = calm.examples.X.copy()
            X[2, place] = bad
            step, tensor, layer, _ = check(Native, replace(calm, examples=replace(calm.examples, X=X)), "float64")
            assert (step, tensor, layer) == (place // 5 + 1, "Z", 1)


def test_a_bad_entry_of_a_sparse_table(Native):
    calm = problem(scale=1.0, rate=0.01)
    table = sp.csr_matrix(calm.examples.X.T)
    table[13, 1] = np.nan
    step, *_ = check(Native, replace(calm, examples=replace(calm.examples, X=table.T)), "float64")
    assert step == 3


# What is made infinite or huge, the loss, and what must be named then.
FIRST_BAD = [
    ("W[1]", np.nan, "squared_error", ("Z", 1)),
    ("W[2]", np.inf, "squared_error", ("Z", 2)),
    ("b[3]", -np.inf, "squared_error", ("Z", 3)),
    ("b[3]", 800.0, "poisson", ("dZ", 3)),
    ("b[3]", 1e200, "squared_error", ("the loss", 3)),
]


@pytest.mark.parametrize(("where", "value", "pair", "named"), FIRST_BAD, ids=str)
def test_the_first_bad_tensor_is_named(Native, where, value, pair, named):
    calm = problem(pair=pair, scale=1.0)
    parameters = calm.parameters()
    getattr(parameters, where[0])[int(where[2])].flat[:] = value
    _, tensor, layer, message = check(Native, replace(calm, theta=parameters.theta), "float64")
    assert (tensor, layer) == named
    assert f"{tensor} of layer {layer} is not finite at step 1" in message


def test_a_delta_that_overflows_on_its_way_back_is_named(Native):
    """W[3]ᵀ dZ[3] overflows, although no logit does: the inputs and so all activations are 0."""
    calm = problem(scale=0.0)
    steep = replace(calm.architecture, loss=loss("huber", delta=10.0))
    parameters = Parameters(np.zeros_like(calm.parameters().theta), steep.widths)
    parameters.W[3][:] = 1.5e308
    calm = replace(calm, architecture=steep, examples=replace(calm.examples, Y=np.full((2, M), 50.0)))
    assert check(Native, replace(calm, theta=parameters.theta), "float64")[1:3] == ("dZ", 2)


def test_a_large_but_finite_gradient_is_no_divergence(engine):
    """Squares of 1e25 overflow in float32; the length is still a number, and clipping makes a step of it."""
    draw = np.random.default_rng(0)
    examples = Examples((1e25 * draw.normal(size=(3, 6))).astype(np.float32), np.zeros((1, 6), np.float32))
    architecture = Architecture((3, 1), (), loss("absolute_error"))
    large = Problem(architecture, examples, Plan(GradientDescent(), 6, clip_norm=1.0), np.array([0.1]))
    mine, truth = large.run(engine, "float32"), large.run(reference, "float32")
    assert truth.gradient_norm > 1e24
    assert mine.gradient_norm == pytest.approx(truth.gradient_norm, rel=1e-5)
    assert distance(mine.state.parameters.theta, truth.state.parameters.theta) < 1e-6


X = np.random.default_rng(0).normal(size=(60, 4))
NUMBERS = X @ [1.0, 2.0, -1.0, 0.0]
FAST = {"activation": "identity", "solver": "sgd", "momentum": 0.0, "random_state": 0, "engine": "native"}


@pytest.mark.usefixtures("Native")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_estimator_told_to_warn_keeps_finite_weights(early_stopping):
    patient = {"n_iter_no_change": np.inf, "max_iter": 2000, "early_stopping": early_stopping}
    model = MLPRegressor((5, 4), learning_rate_init=0.5, on_divergence="warn", **FAST, **patient)
    with pytest.warns(ChainruleWarning, match="Training stopped early: Solver produced non-finite parameter weights"):
        model.fit(X, 10 * NUMBERS)
    assert model.stop_reason_ is StopReason.DIVERGED
    assert all(np.isfinite(W).all() for W in model.coefs_ + model.intercepts_)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.usefixtures("Native")
def test_an_estimator_raises_what_the_reference_raises():
    errors = []
    for name in ("native", "reference"):
        with pytest.raises(DivergenceError) as caught:
            MLPRegressor((5, 4), learning_rate_init=1.0, **FAST | {"engine": name}).fit(X * 1e3, NUMBERS)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]
