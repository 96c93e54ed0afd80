"""The change of variables of L-BFGS: the cost stays what it is, and the gradient is its own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from chainrule.engine import choose
from chainrule.network import Architecture, activation, initial_parameters, loss
from chainrule.network.embeddings import Embedding
from chainrule.network.examples import Examples
from chainrule.network.penalties import Penalty
from chainrule.network.training import segment
from chainrule.network.training.conditioning import Conditioning
from chainrule.network.training.feed import InMemory
from chainrule.network.training.input_scale import InputScale, merged, moments

WEIGHTS = np.random.default_rng(1).uniform(0.5, 2, 60)


def posed(name, hidden, *, offset=3.0, sparse_inputs=False, embedded=False, engine="reference"):
    """A feed, an architecture with an L2 penalty, and parameters: features of four sizes, a target in thousandths."""
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(60, 4)) + offset) * [1e-3, 1.0, 10.0, 1e4]
    embeddings = (Embedding(column=1, levels=3, size=2),) if embedded else ()
    if embedded:
        X[:, 1] = rng.integers(0, 3, 60)
    Y = rng.normal(size=(60, 2)) * 1e-3 + 1 if name != "binary_cross_entropy" else rng.integers(0, 2, (60, 2))
    X[:, 3] = np.where(rng.random(60) < 0.5, 0, X[:, 3]) if sparse_inputs else X[:, 3]
    table = sparse.csr_matrix(X).T if sparse_inputs else X.T
    widths = (4 + len(embeddings), *hidden, 2)
    architecture = Architecture(
        widths, tuple(activation("tanh") for _ in hidden), loss(name), Penalty(0.3), embeddings=embeddings
    )
    feed = InMemory(Examples(table, Y.T.astype(float), WEIGHTS), choose(engine, None, architecture))
    parameters = initial_parameters(architecture, seed=3, bias_initializer="glorot_normal")
    parameters.W[1][:, :4] /= [1e3, 1, 10, 1e4][: 4 - embedded] + [1] * embedded  # or tanh is flat
    parameters.W[1][:] /= max(1.0, offset)  # or the start is far from the answers, and J a large number
    return feed, architecture, parameters


def cost(feed, architecture, parameters):
    """J, of inputs and weights as they are."""
    data = segment.mean_loss(architecture, parameters, feed.examples)
    return data + architecture.penalty.value(parameters.W[1:])


CASES = [
    {"name": "squared_error", "hidden": ()},
    {"name": "squared_error", "hidden": (), "offset": 1e5},
    {"name": "squared_error", "hidden": (), "sparse_inputs": True},
    {"name": "squared_error", "hidden": (3,)},
    {"name": "squared_error", "hidden": (3, 3), "embedded": True},
    {"name": "squared_error", "hidden": (3,), "embedded": True, "offset": 100.0},
    {"name": "poisson", "hidden": (3,)},
    {"name": "binary_cross_entropy", "hidden": (), "offset": 100.0},
]


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_cost_is_the_same_and_the_gradient_is_its_own(case, engine):
    """Against J of the weights that the variables stand for, and against its differences."""
    feed, architecture, start = posed(**case, engine=engine)
    conditioning = Conditioning.of(feed, architecture, start)
    u = conditioning.variables(start)
    assert_allclose(conditioning.parameters(u).theta, start.theta, rtol=1e-9, atol=1e-12 * np.abs(start.theta).max())
    rng = np.random.default_rng(2)
    u = 0.3 * rng.normal(size=len(u))
    there = conditioning.parameters(u)
    found, d = conditioning.cost_and_gradient(feed, u)
    assert found * conditioning.unit == pytest.approx(cost(feed, architecture, there), rel=1e-8)

    def along(direction, step):
        moved = conditioning.parameters(u + step * direction)
        return cost(feed, architecture, moved) / conditioning.unit

    for _ in range(5):
        direction = rng.normal(size=len(u))
        direction /= np.linalg.norm(direction)
        slope = (along(direction, 1e-4) - along(direction, -1e-4)) / 2e-4
        assert slope == pytest.approx(d @ direction, rel=1e-5, abs=1e-6 * np.linalg.norm(d))


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e8])
def test_at_the_best_constant_answer_the_curvature_is_1_in_every_direction(offset):
    """Of least squares, whose second derivative is the correlation of the standardised inputs: ones on its diagonal."""
    feed, architecture, start = posed("squared_error", (), offset=offset)
    architecture = Architecture(architecture.widths, (), architecture.loss, Penalty())
    conditioning = Conditioning.of(feed, architecture, start)
    _, at_zero = conditioning.cost_and_gradient(feed, np.zeros(10))
    for place in range(10):
        _, d = conditioning.cost_and_gradient(feed, np.eye(10)[place])
        assert (d - at_zero)[place] * 2 * conditioning.unit / conditioning.factor[-1] ** 2 == pytest.approx(1, rel=1e-6)


def test_moments_are_those_of_all_rows_whatever_the_parts_and_the_form():
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((90, 3)) < 0.4, rng.normal(size=(90, 3)) + np.array([0, 5, 1e6]), 0)
    Y, w = rng.normal(size=(1, 90)) + 1e9, rng.uniform(0.1, 3, 90)
    mean = np.average(dense, axis=0, weights=w)
    deviation = np.sqrt(np.average((dense - mean) ** 2, axis=0, weights=w))
    for table in (dense.T, sparse.csr_matrix(dense).T, sparse.csc_matrix(dense).T):
        rows = [np.arange(20), np.arange(20, 21), np.arange(21, 90)]
        parts = [moments(None, None, Examples(table, Y, w, part, unit=1.0)) for part in rows]
        count, centre, squares, low, high = merged(parts)
        assert_allclose(count, w.sum())
        assert_allclose(centre[:3], mean, rtol=1e-12)
        assert_allclose(np.sqrt(squares / count)[:3], deviation, rtol=1e-12)
        assert_allclose([low[:3], high[:3]], [dense.min(axis=0), dense.max(axis=0)])
        assert_allclose(np.sqrt(squares / count)[3], np.sqrt(np.cov(Y[0], aweights=w, ddof=0)), rtol=1e-6)


def test_a_constant_column_is_0_and_what_has_no_variance_stays():
    X = np.array([[7.0, 7, 7], [1e300, -1e300, 1e300], [1.0, 2, 3], [2.0, 0, 1]])
    found = InputScale.of(moments(None, None, Examples(X, np.zeros((1, 3))))[:, :4], (Embedding(3, 3, 1),))
    assert found.centre.tolist() == [7, 0, 2, 0]
    assert_allclose(found.scale, [1, 1, np.sqrt(2 / 3), 1])
