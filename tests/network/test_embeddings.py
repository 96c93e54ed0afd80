"""Embeddings: the dense layer on indicators that they are, finite differences, and what is refused."""

import numpy as np
import pytest

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.network import activation, propagate
from chainrule.network.architecture import Architecture, initial_parameters
from chainrule.network.embeddings import Embedding, check_codes, embed, suggested_size
from chainrule.network.examples import Examples
from chainrule.network.losses import loss
from chainrule.network.parameters import Parameters, flatten
from chainrule.network.penalties import Penalty
from chainrule.network.training.segment import Plan, cost_and_gradient, initial_state, logits, mean_loss, run_segment

EMBEDDINGS = (Embedding(column=1, levels=4, size=3), Embedding(column=3, levels=2, size=1))


def network(**changes):
    fields = {
        "widths": (6, 5, 2),
        "hidden": (activation("tanh"),),
        "loss": loss("squared_error"),
        "penalty": Penalty(0.1),
        "embeddings": EMBEDDINGS,
    }
    return Architecture(**(fields | changes))


def table(m=12, seed=0):
    """Two columns of numbers around two of codes, rows are columns here; level 3 of the first never occurs."""
    draw = np.random.default_rng(seed)
    X = np.vstack([draw.normal(size=m), draw.integers(0, 3, m), draw.normal(size=m), draw.integers(0, 2, m)])
    return X, draw.normal(size=(2, m))


def test_an_embedding_is_a_dense_layer_on_indicators():
    architecture, (X, Y) = network(), table()
    parameters = initial_parameters(architecture, seed=1)
    first, second = np.eye(4)[X[1].astype(int)].T, np.eye(2)[X[3].astype(int)].T
    A0 = np.vstack([X[[0, 2]], parameters.E[0] @ first, parameters.E[1] @ second])
    assert np.array_equal(embed(EMBEDDINGS, parameters.E, X, X[[1, 3]].astype(int)), A0)

    plain = network(embeddings=())
    beneath = Parameters(flatten(parameters.W[1:], parameters.b[1:]), plain.widths)
    assert np.array_equal(logits(architecture, parameters, X), logits(plain, beneath, A0))

    gradients = propagate.backward(architecture, parameters, propagate.forward(architecture, parameters, X), Y)
    dA0 = parameters.W[1].T @ gradients.dZ[1]
    assert np.allclose(gradients.dE[0], dA0[2:5] @ first.T / 12, rtol=1e-13)
    assert np.allclose(gradients.dE[1], dA0[5:] @ second.T / 12, rtol=1e-13)


@pytest.mark.parametrize("dropout", [(), (0.4, 0.3)], ids=["", "dropout"])
def test_the_gradient_is_that_of_the_cost(dropout):
    architecture, (X, Y) = network(dropout=dropout), table()
    parameters = initial_parameters(architecture, seed=2)
    weights = np.linspace(0.5, 1.5, 12)
    if dropout:
        masks = [(np.random.default_rng(l).random((n, 12)) < 0.6) / 0.6 for l, n in enumerate((6, 5))]

        def cost(theta):
            there = Parameters(theta, architecture.widths, EMBEDDINGS)
            Z = propagate.forward(architecture, there, X, masks).Z[-1]
            return float(architecture.loss.per_example(Z, Y) @ weights / 12)

        pass_ = propagate.forward(architecture, parameters, X, masks)
        found = propagate.backward(architecture, parameters, pass_, Y, weights)
        d = flatten(found.dW[1:], found.db[1:], found.dE)
    else:
        examples = Examples(X, Y, weights)

        def cost(theta):
            return cost_and_gradient(architecture, Parameters(theta, architecture.widths, EMBEDDINGS), examples)[0]

        d = cost_and_gradient(architecture, parameters, examples)[1]
    for k in range(len(parameters.theta)):
        h = np.zeros_like(parameters.theta)
        h[k] = 1e-5
        assert d[k] == pytest.approx((cost(parameters.theta + h) - cost(parameters.theta - h)) / 2e-5, abs=1e-9)


def test_only_levels_that_occur_are_learned():
    architecture, (X, Y) = network(), table()
    parameters = initial_parameters(architecture, seed=3)
    plan = Plan(batch_size=4)
    after, _ = run_segment(
        architecture, plan, initial_state(parameters, plan), Examples(X, Y), np.arange(12), np.full(3, 0.1)
    )
    before, after = parameters.E[0], after.parameters.E[0]
    assert not np.isclose(before[:, :3], after[:, :3]).any()
    assert np.array_equal(before[:, 3], after[:, 3])


def test_learning_lowers_the_loss_and_the_penalty_leaves_embeddings_alone():
    architecture, (X, Y) = network(), table()
    parameters, examples, plan = initial_parameters(architecture, seed=0), Examples(X, Y), Plan(batch_size=12)
    reached, _ = run_segment(
        architecture, plan, initial_state(parameters, plan), examples, np.tile(np.arange(12), 300), np.full(300, 0.3)
    )
    assert mean_loss(architecture, reached.parameters, examples) < mean_loss(architecture, parameters, examples) / 2
    assert parameters.weights.stop == sum(W.size for W in parameters.W)


def test_the_initial_vectors():
    E = initial_parameters(network(embeddings=(Embedding(0, 5000, 3),), widths=(3, 5, 2)), seed=0).E[0]
    assert E.shape == (3, 5000)
    assert not E[:, 0].any()
    assert E[:, 1:].var() == pytest.approx(1 / 9, rel=0.03)
    assert abs(E).max() <= 1 / np.sqrt(3)


@pytest.mark.parametrize(
    "embeddings",
    [(Embedding(4, 2, 2),), (Embedding(-1, 2, 2),), (Embedding(0, 2, 2), Embedding(0, 3, 2)), (Embedding(0, 0, 2),)],
    ids=["beyond the table", "negative", "twice", "no level"],
)
def test_what_no_table_has_is_refused(embeddings):
    with pytest.raises(InvalidParameterError, match="embedding"):
        network(embeddings=embeddings, widths=(5, 5, 2))


@pytest.mark.parametrize("code", [-1.0, 0.5, 3.0, np.nan])
def test_what_is_no_levels_code_is_refused(code):
    with pytest.raises(ShapeError, match=f"must hold codes 0 to 2, .* got {code}"):
        check_codes([Embedding(1, 3, 2)], np.array([[9.0, 9.0], [2.0, code]]))
    check_codes([Embedding(1, 3, 2)], np.array([[9.0, 9.0], [2.0, code]]), np.array([0]))


def test_the_size_of_vectors_is_fastais_rule():
    """`emb_sz_rule` in fastai/tabular/model.py: min(600, round(1.6 * n_cat**0.56)), here worked out by hand."""
    assert [suggested_size(levels) for levels in (3, 10, 100, 100_000)] == [3, 6, 21, 600]
