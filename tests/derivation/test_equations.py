"""Every row of the equation table: its formula, evaluated, is what its function returns."""

from dataclasses import replace

import numpy as np
import pytest

from chainrule.derivation.equations import EQUATIONS, ROWS_OF_E
from chainrule.derivation.layouts import at_layer
from chainrule.derivation.tracing.trace import trace_of
from chainrule.formula import tree as t
from chainrule.network.examples import Examples
from chainrule.network.losses import loss
from chainrule.network.parameters import flatten
from chainrule.network.penalties import Penalty
from chainrule.network.training.segment import Plan, initial_state

from .networks import EMBEDDINGS, random_problem
from .test_steps import evaluated, letters_of

LAYER = 2
ONE = {"n_outputs": 1, "weighted": False, "dropout": ()}
TRACE = trace_of(random_problem(5, loss="binary_cross_entropy", L=3, alpha=0.1, activation="tanh", **ONE), 0.3)
PLAIN = trace_of(random_problem(6, loss="squared_error", L=2, alpha=0, activation="sigmoid", **ONE))
P, NETWORK = TRACE.problem, TRACE.problem.architecture
EMBEDDED = trace_of(random_problem(7, loss="squared_error", L=1, embeddings=EMBEDDINGS[:1], n_columns=3, **ONE), 0.3)
TANH = loss("squared_error", output="tanh")


def gradient_step(function, traced=TRACE):
    d, of = flatten(traced.dW[1:], traced.db[1:], traced.dE), traced.problem.architecture
    plain = replace(of, penalty=Penalty())  # the penalty's part is in dW already
    state = initial_state(traced.problem.parameters, Plan())
    return function(plain, Plan(), state, d, traced.learning_rate).parameters


# What the function of each row returns, called as the library calls it.
CALLS = {
    "linear_model": lambda f: f(PLAIN.W[1][:1], PLAIN.problem.X, PLAIN.b[1][:1]),
    "network": lambda f: f(PLAIN.problem.architecture, PLAIN.problem.parameters, PLAIN.problem.X),
    "linear": lambda f: f(TRACE.W[LAYER], TRACE.A[LAYER - 1], TRACE.b[LAYER]),
    "embedded_input": lambda f: f(EMBEDDINGS[:1], EMBEDDED.E, EMBEDDED.problem.X, EMBEDDED.C),
    "embeddings": lambda f: f(EMBEDDINGS[:1], EMBEDDED.dA[0], EMBEDDED.C)[0],
    "update_embeddings": lambda f: gradient_step(f, EMBEDDED).E[0],
    "activation": lambda f: f(NETWORK, P.parameters, P.X).A[LAYER],
    "loss": lambda f: f(NETWORK.loss, TRACE.Z[-1], P.Y),
    "cost": lambda f: f(NETWORK, P.parameters, Examples(P.X, P.Y)) + P.penalty(),
    "penalty": lambda f: f(NETWORK.penalty, TRACE.W[1:]),
    "output_delta": lambda f: f(NETWORK.loss, TRACE.Z[-1], P.Y),
    "output_delta_product": lambda f: f(TANH, TRACE.Z[-1], P.Y),
    "previous_activation": lambda f: f(TRACE.W[LAYER], TRACE.dZ[LAYER]),
    "hidden_delta": lambda f: f(NETWORK, P.parameters, P.forward(), P.Y).dZ[LAYER - 1],
    "weights": lambda f: f(PLAIN.dZ[LAYER], PLAIN.A[LAYER - 1]),
    "weights_penalized": lambda f: f(TRACE.dZ[LAYER], TRACE.A[LAYER - 1]) + P.penalty_gradient(TRACE.W[LAYER]),
    "biases": lambda f: f(TRACE.dZ[LAYER]),
    "update_weights": lambda f: gradient_step(f).W[LAYER],
    "update_biases": lambda f: gradient_step(f).b[LAYER],
}


def values_for(name):
    if name in ("linear_model", "network", "weights"):
        first = {t.Symbol("w"): PLAIN.W[1][:1].T, t.Symbol("b"): PLAIN.b[1][:1]}
        return letters_of(PLAIN) | {t.Symbol("x"): PLAIN.problem.X, "σ": PLAIN.problem.architecture.g[1].g} | first
    if name in ("embedded_input", "embeddings", "update_embeddings"):
        letters = {t.Symbol("E", "j"): EMBEDDED.E[0], t.Symbol("C", "j"): EMBEDDED.C[0], ROWS_OF_E: slice(2, 5)}
        return letters_of(EMBEDDED) | letters | {t.Symbol("dE", "j"): EMBEDDED.dE[0]}
    values = letters_of(TRACE)
    if name == "output_delta_product":
        A = np.tanh(TRACE.Z[-1])
        values |= {t.Symbol("dA", "3"): A - P.Y, "g[3]′": lambda Z: 1 / np.cosh(Z) ** 2}
    return values


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_formula_says_what_the_function_does(name):
    row = EQUATIONS[name]
    numbered = at_layer(row.formula, LAYER, 3)
    found = evaluated(numbered, values_for(name), EMBEDDINGS[0].levels)
    np.testing.assert_allclose(np.squeeze(found), np.squeeze(CALLS[name](row.function)), rtol=1e-12, atol=1e-14)
