"""Sizes nobody thinks of, and numbers that are none: right, or as wrong as the reference."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.engine import reference
from chainrule.network import Architecture, Parameters, activation, loss
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.optimizers import Adam
from chainrule.network.training.segment import Plan

from ..contract.cases import ACTIVATION_CASES, LOSSES_AND_OUTPUTS
from .cases import DTYPES, TOLERANCE, Problem, classes, distance, exact, furthest


def problem(widths, m, size, *, g="tanh", steps=6, form=np.asarray, pair="squared_error"):
    draw = np.random.default_rng(m)
    X = form(exact(draw.normal(size=(m, widths[0]))))
    n = widths[-1]
    Y = np.eye(n)[draw.integers(0, n, m)]
    architecture = Architecture(widths, (activation(g),) * (len(widths) - 2), loss(pair))
    return Problem(architecture, Examples(X.T, Y.T), Plan(Adam(), size), np.full(steps, 0.02))


def check(engine, problem):
    architecture, examples = problem.architecture, problem.examples
    for dtype in DTYPES:
        apart, where = furthest(problem.run(engine, dtype), problem.run(reference, dtype))
        assert apart <= TOLERANCE[dtype], f"{dtype}: {where} is {apart:.1e} from the reference"
        parameters, X = problem.parameters(dtype), examples.batch(slice(None), np.dtype(dtype))[0]
        mine, truth = (by.logits(architecture, parameters, X) for by in (engine, reference))
        assert distance(mine, truth) <= TOLERANCE[dtype]
        mine, truth = (by.cost_and_gradient(architecture, parameters, examples) for by in (engine, reference))
        assert max(map(distance, mine, truth)) <= TOLERANCE[dtype]


@pytest.mark.parametrize("width", range(1, 66))
def test_every_width_in_every_place(engine, width):
    """As many inputs, hidden units, outputs, rows: each remainder of each vector length, and one more than 64."""
    for widths in ((width, 3, 2), (3, width, 2), (3, 2, width), (width, width, width)):
        check(engine, problem(widths, width, width))


@pytest.mark.parametrize(
    ("widths", "m", "size"),
    [
        ((1, 1), 1, 1),
        ((1, 1, 1, 1), 1, 1),
        ((1, 1, 1), 3, 2),
        ((5000, 4, 2), 10, 10),
        ((5000, 1), 10, 3),
        ((4, 3, 2), 5, 32),
        ((4, 3, 2), 1, 1000),
        ((4, 5, 2), 5000, 5000),
        ((3, 700, 1), 9, 4),
    ],
    ids=str,
)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix], ids=["dense", "sparse"])
def test_few_rows_many_features_large_batches(engine, widths, m, size, form):
    check(engine, problem(widths, m, size, form=form))


def test_a_thousand_classes(engine):
    check(engine, problem((20, 30, 1000), 40, 16, pair="categorical_cross_entropy"))


def test_fifty_layers(engine):
    check(engine, problem((4, *(5, 3) * 25, 2), 30, 8, g="selu"))


EMPTY = {
    "every other row is empty": lambda X: X * (np.arange(len(X)) % 2)[:, None],
    "the first and the last row are empty": lambda X: X * ((np.arange(len(X)) % (len(X) - 1)) > 0)[:, None],
    "columns of zeros": lambda X: X * (np.arange(X.shape[1]) % 3 == 0),
    "nothing but zeros": lambda X: 0 * X,
}


@pytest.mark.parametrize("change", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix], ids=["dense", "sparse"])
def test_rows_and_columns_of_zeros(engine, change, form):
    check(engine, problem((13, 6, 2), 21, 5, form=lambda X: form(change(X))))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("widths", [(3, 2), (4, 7, 5, 1)], ids=str)
def test_no_rows_have_no_logits(engine, widths, form, dtype):
    shape = problem(widths, 5, 5)
    Z = engine.logits(shape.architecture, shape.parameters(dtype), form(np.empty((0, widths[0]), dtype)).T)
    assert Z.shape == (widths[-1], 0)
    assert Z.dtype == dtype


def test_no_steps_change_nothing(engine):
    shape = replace(problem((3, 4, 2), 9, 3), rates=np.empty(0))
    state, totals = engine.run_segment(
        shape.architecture, shape.plan, shape.start(), shape.examples, np.empty(0, np.int64), shape.rates
    )
    assert (state.step, totals.losses, totals.gradient_norm) == (0, (), 0.0)
    assert np.array_equal(state.parameters.theta, shape.parameters().theta)


def test_a_batch_of_zero_weights_moves_nothing(engine):
    shape = problem((3, 4, 2), 9, 3)
    weights = np.array([0.0] * 6 + [1.0, 2.0, 0.5])
    shape = replace(shape, examples=replace(shape.examples, weights=weights), plan=Plan(batch_size=3))
    for steps in (2, 3):
        order = np.arange(3 * steps)
        rates = np.full(steps, 0.1)
        state, totals = engine.run_segment(shape.architecture, shape.plan, shape.start(), shape.examples, order, rates)
        assert totals.losses[:2] == (0.0, 0.0)
        assert np.array_equal(state.parameters.theta, shape.parameters().theta) == (steps == 2)


@pytest.mark.parametrize("size", [*range(1, 20), 31, 32, 33, 47, 48, 49, 65])
def test_every_size_of_an_embedding(engine, size):
    """At every place in a vector and a panel: after no numbers, one, a few, and more than a panel."""
    for numbers in (0, 1, 5, 60):
        for widths in ((numbers + size, 1), (numbers + size, 3, 2)):
            embeddings = (Embedding(numbers // 2, size + 1, size),)
            check(engine, classes(widths, 11, 4, steps=5, embeddings=embeddings))


@pytest.mark.parametrize(("levels", "m"), [(1, 9), (2, 5000), (100_000, 9)])
def test_few_levels_and_many(engine, levels, m):
    check(engine, classes((8, 4, 2), m, m, steps=2, embeddings=(Embedding(3, levels, 5),)))


CODES = {"negative": -1.0, "one too many": 4.0, "not whole": 0.5, "missing": np.nan, "infinite": np.inf}


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
def test_what_is_no_code_is_refused_by_both_engines(engine, code):
    shape = classes((4, 3, 2), 9, 3, embeddings=(Embedding(1, 4, 2),))
    shape.examples.X[1, 5] = code
    architecture, examples, parameters = shape.architecture, shape.examples, shape.parameters()
    for by in (engine, reference):
        calls = [
            lambda by=by: shape.run(by),
            lambda by=by: by.logits(architecture, parameters, examples.X),
            lambda by=by: by.mean_loss(architecture, parameters, examples),
            lambda by=by: by.cost_and_gradient(architecture, parameters, examples),
        ]
        for call in calls:
            with pytest.raises(ShapeError, match="column 1 of X must hold codes 0 to 3"):
                call()
        others = replace(examples, rows=np.array([0, 1, 8]))  # a row that does not count is not looked at
        assert np.isfinite(by.mean_loss(architecture, parameters, others))


def test_codes_in_a_sparse_table_are_refused(engine):
    shape = classes((4, 3, 2), 9, 3, embeddings=(Embedding(1, 4, 2),))
    for by in (engine, reference):
        with pytest.raises(InvalidParameterError, match="dense"):
            by.logits(shape.architecture, shape.parameters(), sp.csc_matrix(shape.examples.X))


def test_codes_that_change_after_they_were_checked_read_nothing_else(Native):
    """The table is the caller's: what becomes of it while a training holds it may be wrong, but stays in the memory."""
    shape, engine = classes((4, 3, 2), 9, 3, embeddings=(Embedding(1, 4, 2),)), Native(1)
    unknown = replace(shape, examples=replace(shape.examples, X=shape.examples.X.copy()))
    unknown.examples.X[1] = 0
    shape.run(engine)
    for code in (1e18, -1e18, np.nan):
        shape.examples.X[1] = code
        assert furthest(shape.run(engine), unknown.run(reference))[0] < 1e-12


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float16, bool])
def test_codes_of_any_type(engine, dtype):
    shape = classes((4, 3, 2), 9, 3, embeddings=(Embedding(1, 2, 2),))
    X = np.abs(shape.examples.X * 10).astype(dtype)
    X[1] = np.arange(9) % 2
    for order in "CF":
        check(engine, replace(shape, examples=replace(shape.examples, X=np.asarray(X, order=order))))


INFINITE = np.array([[np.inf, 1.0], [-np.inf, 1.0], [np.nan, 1.0], [1.0, 2.0], [np.inf, np.inf], [0.0, -np.inf]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("width", [1, 5, 16])
@pytest.mark.parametrize("g", ACTIVATION_CASES, ids=str)
def test_infinite_and_missing_inputs(engine, g, width, depth, dtype):
    """The logits of such rows are the reference's, infinities and NaN in the same places; other rows never notice."""
    widths = (2, *(width,) * depth, 3)
    architecture = Architecture(widths, (activation(g.spec),) * depth, loss("squared_error"))
    theta = np.random.default_rng(width).choice(
        [-1.5, -0.25, 0.5, 1.25], len(Problem(architecture, None).parameters().theta)
    )
    parameters = Parameters(theta.astype(dtype), widths)
    with np.errstate(all="ignore"):
        truth = reference.logits(architecture, parameters, INFINITE.T.astype(dtype))
    mine = engine.logits(architecture, parameters, INFINITE.T.astype(dtype))
    np.testing.assert_allclose(mine, truth, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
    alone = engine.logits(architecture, parameters, INFINITE[3:4].T.astype(dtype))
    assert np.array_equal(alone[:, 0], mine[:, 3])


EXTREME = (0.0, 1.0, 100.0, 1e4, 1e30, np.inf)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("case", "n"), LOSSES_AND_OUTPUTS, ids=str)
def test_huge_logits(engine, case, n, dtype):
    """The last bias is huge or infinite, of both signs: loss and gradient of every target are the reference's."""
    architecture = Architecture((1, n), (), case.loss)
    Y = exact(case.targets(np.random.default_rng(0), n, 4))
    for z in (*EXTREME, *(-z for z in EXTREME)):
        theta = np.array([0.5] * n + [0.25] * (n - 1) + [z], dtype)
        parameters = Parameters(theta, architecture.widths)
        for y in Y.T:
            examples = Examples(np.ones((1, 1)), y[:, None])
            with np.errstate(all="ignore"):
                truth = reference.cost_and_gradient(architecture, parameters, examples)
                loss_alone = reference.mean_loss(architecture, parameters, examples)
            cost, gradient = engine.cost_and_gradient(architecture, parameters, examples)
            near = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype], "err_msg": f"z = {z}, y = {y}"}
            np.testing.assert_allclose(engine.mean_loss(architecture, parameters, examples), loss_alone, **near)
            np.testing.assert_allclose(cost, truth[0], **near)
            np.testing.assert_allclose(gradient, truth[1], **near)


@pytest.mark.parametrize("p", [5, 15, 16, 17, 40])
def test_an_epsilon_that_is_zero_in_float32(engine, p):
    """Adam divides by it where a gradient is 0, as it is in every lane that only fills a vector."""
    shape = problem((4, p, 1), 30, 30, steps=3)
    shape = replace(shape, plan=replace(shape.plan, optimizer=Adam(epsilon=1e-50)))
    mine, truth = shape.run(engine, "float32"), shape.run(reference, "float32")
    assert np.isfinite(truth.state.parameters.theta).all()
    np.testing.assert_allclose(mine.losses, truth.losses, rtol=1e-4)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_numbers_too_small_for_a_full_exponent(Native, n_threads):
    """Adam's running mean of a gradient that is zero would stay below 1e-38 for ever, at a hundred cycles each."""
    shape = problem((5, 9, 3), 20, 20, steps=1)
    shape = replace(shape, examples=replace(shape.examples, X=np.zeros_like(shape.examples.X)))
    tiny, start = np.float32(1e-40), shape.start("float32")
    state = replace(start, slots=(np.full_like(start.slots[0], tiny), start.slots[1]))
    after, _ = Native(n_threads, adaptive=False).run_segment(
        shape.architecture, shape.plan, state, shape.examples, np.arange(20), shape.rates
    )
    assert not after.slots[0][: 5 * 9].any()  # of the first layer's weights, whose gradient is 0
    assert tiny * np.float32(0.5) > 0, "the caller's arithmetic is as it was"


def test_sizes_whose_product_does_not_fit_are_refused(Native):
    """The number of parameters was added up in 64 bits with a sign, and could become any number."""
    native = pytest.importorskip("chainrule.engine._native")
    for hidden in ([2**62, 4], [2**32, 2**32], [2**63 - 1]):
        network = native.Network(
            [1, *hidden, 1],
            [("tanh", 0.0)] * len(hidden),
            ("squared_error", [0.0]),
            ("identity", 0.0),
            [],
            0.0,
            0.0,
            [],
        )
        theta, out = np.zeros(4), np.empty((2, 1))
        with pytest.raises(ValueError, match="fewer than 2\\^63 parameters"):
            native.logits(native.Memory(), 1, network, native.Table(np.ones((2, 1))), theta, out)
