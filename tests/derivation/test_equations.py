"""Every row of the equation table: its formula, evaluated, is what its function returns."""

import numpy as np
import pytest

from chainrule.derivation.equations import EQUATIONS
from chainrule.derivation.formula import tree as t
from chainrule.derivation.formula.evaluate import evaluate
from chainrule.derivation.layouts import at_layer
from chainrule.derivation.tracing import trace_of
from chainrule.network.examples import Examples
from chainrule.network.losses import loss
from chainrule.network.segment import Plan, initial_state

from .networks import random_problem
from .test_steps import letters_of

LAYER = 2
ONE = {"n_outputs": 1, "weighted": False, "dropout": ()}
TRACE = trace_of(random_problem(5, loss="binary_cross_entropy", L=3, alpha=0.1, activation="tanh", **ONE), 0.3)
PLAIN = trace_of(random_problem(6, loss="squared_error", L=2, alpha=0, activation="sigmoid", **ONE))
P, NETWORK = TRACE.problem, TRACE.problem.architecture
TANH = loss("squared_error", output="tanh")


def gradient_step(function):
    d = np.concatenate([part.ravel() for part in (*TRACE.dW[1:], *TRACE.db[1:])])
    plain = NETWORK.__class__(NETWORK.widths, NETWORK.hidden, NETWORK.loss)  # the penalty's part is in dW already
    return function(plain, Plan(), initial_state(P.parameters, Plan()), d, TRACE.learning_rate).parameters


# What the function of each row returns, called as the library calls it.
CALLS = {
    "linear_model": lambda f: f(PLAIN.W[1][:1], PLAIN.problem.X, PLAIN.b[1][:1]),
    "network": lambda f: f(PLAIN.problem.architecture, PLAIN.problem.parameters, PLAIN.problem.X),
    "linear": lambda f: f(TRACE.W[LAYER], TRACE.A[LAYER - 1], TRACE.b[LAYER]),
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
    values = letters_of(TRACE)
    if name == "output_delta_product":
        A = np.tanh(TRACE.Z[-1])
        values |= {t.Symbol("dA", "3"): A - P.Y, "g[3]′": lambda Z: 1 / np.cosh(Z) ** 2}
    return values


@pytest.mark.parametrize("name", EQUATIONS)
def test_the_formula_says_what_the_function_does(name):
    row = EQUATIONS[name]
    numbered = at_layer(row.formula, LAYER, 3)
    found = evaluate(numbered.right, values_for(name))
    np.testing.assert_allclose(np.squeeze(found), np.squeeze(CALLS[name](row.function)), rtol=1e-12, atol=1e-14)
