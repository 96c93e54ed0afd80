"""What a derivation shows, put into numbers: every activation, loss and pair, against the network and its trace."""

from functools import reduce
from typing import Any

import numpy as np
import pytest
from scipy.special import erf

from chainrule import Dense, Network, derive, trace
from chainrule._errors import InvalidParameterError
from chainrule.derivation.tracing.trace import trace_of
from chainrule.formula import text
from chainrule.formula import tree as t
from chainrule.formula.evaluate import evaluate
from chainrule.network import activation
from chainrule.network.activations import ACTIVATIONS, OUTPUT_ONLY
from chainrule.network.losses import LOSSES, loss

from .networks import EMBEDDINGS, random_problem

FUNCTIONS = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "cosh": np.cosh,
    "sinh": np.sinh,
    "sign": np.sign,
    "σ": lambda z: 1 / (1 + np.exp(-z)),
    "Φ": lambda z: (1 + erf(z / np.sqrt(2))) / 2,
    "φ": lambda z: np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
}
SIGNS = {">": np.greater, "<": np.less, "≥": np.greater_equal, "≤": np.less_equal}
ON_PREDICTIONS = ("hinge", "squared_error", "absolute_error", "huber", "log_cosh", "quantile")
DERIVED = [name for name in LOSSES if name != "quantiles"]  # whose outputs hang together as no formula of one z says
PAIRS = [(None, name) for name in DERIVED] + [
    (output, name) for name in ON_PREDICTIONS for output in ACTIVATIONS if output != "identity"
]
HIDDEN = [name for name in ACTIVATIONS if name not in OUTPUT_ONLY]


def value(node: t.Node, values: dict[Any, Any]) -> Any:
    """What a formula is worth; cases are worked out first, as parts that are known."""
    known = dict(values)
    for part in t.parts(node):
        if isinstance(part, t.Cases):
            known[part] = by_case(part, values)
    return evaluate(node, FUNCTIONS | known)


def by_case(cases: t.Cases, values: dict[Any, Any]) -> Any:
    worth = np.nan
    for part, condition in reversed(cases.pairs):
        here = value(part, values)
        worth = here if condition is None else np.where(holds(condition, values), here, worth)
    return worth


def holds(condition: Any, values: dict[Any, Any]) -> Any:
    if isinstance(condition, t.Product):  # conditions with words between them, of which "and" binds more tightly
        words = [part.words for part in condition.factors if isinstance(part, t.Text)]
        both = np.logical_and if words[0] == " and " else np.logical_or
        return reduce(both, (holds(part, values) for part in condition.factors if not isinstance(part, t.Text)))
    return SIGNS[condition.sign](value(condition.left, values), value(condition.right, values))


def last(derivation: Any, left: str) -> t.Node:
    """The right side of the last formula for a letter."""
    formulas = [formula for step in derivation.steps for formula in step.formulas if text(formula.left) == left]
    return formulas[-1].right


def worst(got: Any, expected: Any) -> float:
    return float(np.max(np.abs(got - expected) / (np.abs(expected) + 1e-3 * np.max(np.abs(expected)) + 1e-300)))


def numbers(derivation: Any) -> dict[Any, Any]:
    """Parameters of all formulas, by letter."""
    s = derivation.setting
    return {
        t.Symbol(name): worth
        for expression in (*s.g, s.loss)
        if expression is not None
        for name, worth in expression.parameters.items()
    }


@pytest.mark.parametrize("name", HIDDEN)
def test_shown_activation_and_slope_are_the_networks(name):
    Z = np.array([[-4.0, -1.0, -0.7, -1e-3, 0.0, 1e-3, 0.6, 1.0, 3.0]])
    derivation, f = derive((2, 3, 1), name), activation(name)
    values = {t.Symbol("Z", "1"): Z, t.Symbol("z"): Z, t.Symbol("A", "1"): f.g(Z), t.Symbol("e"): np.e}
    values |= numbers(derivation)
    shown = value(last(derivation, "g[1](z)"), values)
    assert worst(shown, f.g(Z)) < 1e-10
    assert worst(value(last(derivation, "g[1]′(Z[1])"), values), f.g_prime(Z)) < 1e-10


def targets(name: str, n: int, m: int, rng: np.random.Generator) -> Any:
    """Targets the loss is defined for."""
    if "categorical" in name:
        return np.eye(n)[:, rng.integers(0, n, m)]
    if name in ("binary_focal", "hinge"):
        return rng.integers(0, 2, (n, m)).astype(float)
    if name == "binary_cross_entropy":
        return rng.uniform(0, 1, (n, m))
    return rng.gamma(2.0, size=(n, m)) + 0.1


@pytest.mark.parametrize(("output", "name"), PAIRS, ids=str)
def test_shown_errors_of_the_output_are_the_traces(output, name):
    rng, n, m = np.random.default_rng(7), 3, 6
    pair = loss(name, output=output)
    net = Network([Dense(4, "tanh"), Dense(n, pair.output.name)], n_inputs=2, loss=pair, alpha=0.1)
    taken = trace(net, rng.normal(size=(2, m)) * 3, targets(name, n, m, rng))
    derivation = derive(trace=taken)
    A, Z, Y = (t.Symbol(letter, *layer) for letter, *layer in (("A", "2"), ("Z", "2"), ("Y",)))
    values = {A: taken.A[2], Z: taken.Z[2], Y: taken.problem.Y, t.Symbol("n", "2"): n, t.Symbol("e"): np.e}
    values |= numbers(derivation)
    if pair.name == "hinge":
        values[t.Symbol("T")] = 2 * taken.problem.Y - 1
    if (shown := [f for step in derivation.steps for f in step.formulas if text(f.left) == "C"]) != []:
        values[t.Symbol("C")] = value(shown[0].right, values)
    assert worst(value(last(derivation, "dA[2]"), values), taken.dA[2]) < 1e-10
    assert worst(value(last(derivation, "dZ[2]"), values), taken.dZ[2]) < 1e-10


@pytest.mark.parametrize("name", DERIVED)
def test_shown_loss_is_the_networks(name):
    rng = np.random.default_rng(3)
    pair, derivation = loss(name), derive((2, 3, 3), loss=name)
    Z = rng.normal(size=(3, 5))
    Y = targets(name, 3, 5, rng)
    letters = dict(zip("ayt", (pair.output.g(Z), Y, 2 * Y - 1), strict=True))
    values = {t.Symbol(letter): worth for letter, worth in letters.items()} | numbers(derivation)
    step = next(step for step in derivation.steps if step.id == "loss")
    shown = value(step.formulas[0].right, values | {t.Symbol("n", "2"): 3})
    terms = pair.value(Z, Y)
    assert worst(shown, terms.sum(axis=0, keepdims=True) if pair.sums_outputs else terms) < 1e-10


def test_own_formulas_are_differentiated_as_the_librarys():
    Z = np.linspace(-5, 5, 41)[None]
    values = {t.Symbol("Z", "1"): Z, t.Symbol("e"): np.e}
    for own, name in [("z*sigmoid(z)", "silu"), ("max(0, z)", "relu"), ("z if z > 0 else 0.01*z", "leaky_relu")]:
        f = activation(name)
        shown = last(derive((2, 3, 1), own), "g[1]′(Z[1])")
        assert worst(value(shown, values | {t.Symbol("A", "1"): f.g(Z)}), f.g_prime(Z)) < 1e-10, own


def test_own_loss_is_differentiated():
    rng = np.random.default_rng(1)
    A, Y = rng.normal(size=(2, 5)), rng.normal(size=(2, 5))
    derivation = derive((2, 3, 2), loss="(a-y)**4 + 0.5*abs(a)")
    values = {t.Symbol("A", "2"): A, t.Symbol("Y"): Y, t.Symbol("n", "2"): 2}
    expected = (4 * (A - Y) ** 3 + 0.5 * np.sign(A)) / 2
    assert worst(value(last(derivation, "dZ[2]"), values), expected) < 1e-12


@pytest.mark.parametrize(
    "own",
    [
        "max(z, z > 1)",
        "max(0, z if z < 1 else 1)",
        "(z > 0) * z + (z > 1)",
        "exp(z > 0) * z",
        "z ** (1 + (z > 0))",
        "sign(z > 0) * z",
        "min(z, 1) if z > -2 else max(z, z > -1)",
        "1 if z > 1 else z if z > -1 else z**2",
        "max(max(0, z), min(1, z)) if max(z, 0) > 0.5 else z",
        "z**2 if max(z, exp(z) - 2) > (z if z > 2 else 3*z) else 2*z",
    ],
)
def test_comparisons_and_choices_are_differentiated_as_in_training(own):
    Z = np.array([[-3.3, -1.7, -0.6, -0.2, 0.3, 0.8, 1.6, 2.9]])
    values = {t.Symbol("Z", "1"): Z, t.Symbol("e"): np.e}
    f = activation(own)
    shown = last(derive((2, 3, 1), own), "g[1]′(Z[1])")
    assert worst(value(shown, values | {t.Symbol("A", "1"): f.g(Z)}), f.g_prime(Z)) < 1e-10


@pytest.mark.parametrize("name", ["binary_cross_entropy", "categorical_cross_entropy"])
def test_smoothed_targets_take_the_targets_place(name):
    rng = np.random.default_rng(2)
    pair = loss(name, label_smoothing=0.2)
    Z, Y = rng.normal(size=(3, 4)), np.eye(3)[:, [0, 2, 1, 1]]
    derivation = derive((2, 3, 3), loss=(name, {"label_smoothing": 0.2}))
    n = {t.Symbol("n", "2"): 3}
    T = value(last(derivation, "tₖ"), n | {t.Symbol("y"): Y})
    values = n | {t.Symbol("A", "2"): pair.output.g(Z), t.Symbol("T"): T}
    assert worst(value(last(derivation, "dZ[2]"), values), pair.dZ(Z, Y)) < 1e-12


def test_weights_of_examples_and_masks_are_in_the_formulas():
    rng = np.random.default_rng(5)
    net = Network([Dense(6, "tanh", dropout=0.5), Dense(2, "identity")], n_inputs=2, loss="squared_error")
    taken = trace(net, rng.normal(size=(2, 4)), rng.normal(size=(2, 4)), sample_weight=[1, 2, 3, 4])
    derivation = derive(trace=taken)
    values = {t.Symbol("A", "2"): taken.A[2], t.Symbol("Y"): taken.problem.Y, t.Symbol("w"): taken.weights}
    values |= {t.Symbol("n", "2"): 2, t.Symbol("dA", "1"): taken.dA[1], t.Symbol("M", "1"): taken.masks[1]}
    values |= {t.Symbol("Z", "1"): taken.Z[1], "g[1]": np.tanh}
    assert worst(value(last(derivation, "dZ[2]"), values), taken.dZ[2]) < 1e-12
    assert worst(value(last(derivation, "dZ[1]"), values), taken.dZ[1]) < 1e-12


def test_embeddings_are_refused():
    with pytest.raises(InvalidParameterError, match="does not know embeddings"):
        derive(trace=trace_of(random_problem(0, embeddings=EMBEDDINGS)))
