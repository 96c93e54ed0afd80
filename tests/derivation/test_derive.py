"""`derive`: the steps and what they say, defaults, formulas of one's own, and what is refused."""

import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from chainrule import Dense, MLPRegressor, Network, derive, gradcheck, trace
from chainrule._errors import InvalidParameterError
from chainrule.formula import text
from chainrule.formula import tree as t

from ..patience import GIVE_UP


def step(derivation, step_id, place=0):
    return [step for step in derivation.steps if step.id == step_id][place]


def lines(derivation, step_id, place=0):
    return [text(formula) for formula in step(derivation, step_id, place).formulas]


def notes(derivation):
    return " ".join(note for step in derivation.steps for note in step.notes)


def test_the_sources_own_simplification_is_derived():
    derivation = derive((2, 16, 1), "tanh", "sigmoid", "binary_cross_entropy")
    assert lines(derivation, "loss_by_prediction")[:2] == [
        "∂L/∂a = (1 - y)/(1 - a) - y/a",
        "∂L/∂a = (a - y)/(a (1 - a))",
    ]
    assert lines(derivation, "output_slope")[-1] == "∂a/∂z = a (1 - a)"
    assert lines(derivation, "output_delta")[-2:] == ["∂L/∂z = a - y", "dZ[2] = A[2] - Y"]
    assert lines(derivation, "hidden_slope")[-2:] == ["g[1]′(z) = 1 - a²", "g[1]′(Z[1]) = 1 - A[1] * A[1]"]


def test_softmax_is_derived_for_any_number_of_classes():
    derivation = derive((2, 4, 5))
    shown = lines(derivation, "output_slope")
    assert {"∂aⱼ/∂zⱼ = aⱼ (1 - aⱼ)", "∂aₖ/∂zⱼ = -aⱼ aₖ", "∂aₖ/∂zⱼ = aₖ (δₖⱼ - aⱼ)"} <= set(shown)
    assert lines(derivation, "output_delta")[-3:] == ["∂L/∂zⱼ = -yⱼ + aⱼ Σₖ yₖ", "∂L/∂zⱼ = aⱼ - yⱼ", "dZ[2] = A[2] - Y"]


@pytest.mark.parametrize(
    ("output", "loss", "expected"),
    [
        ("identity", "squared_error", "A[1] - Y"),
        ("exponential", "poisson", "A[1] - Y"),
        ("exponential", "gamma", "(A[1] - Y)/A[1]"),
        ("sigmoid", "squared_error", "A[1] * (A[1] - Y) * (1 - A[1])"),
        ("identity", "log_cosh", "tanh(A[1] - Y)"),
        ("identity", "absolute_error", "sign(A[1] - Y)"),
        ("1/(1+exp(-z))", "binary_cross_entropy", "A[1] - Y"),
        ("sigmoid(z)", "-(y*log(a) + (1-y)*log(1-a))", "A[1] - Y"),
        (None, "(a-y)**4", "4 (A[1] - Y)³"),
    ],
)
def test_what_cancels_is_cancelled_and_what_does_not_stays(output, loss, expected):
    assert lines(derive((3, 1), output=output, loss=loss), "output_delta")[-1] == f"dZ[1] = {expected}"


def test_several_outputs_take_their_mean_once():
    assert lines(derive((2, 3), loss="squared_error"), "output_delta")[-1] == "dZ[1] = (1/n[1]) (A[1] - Y)"
    assert lines(derive((2, 3), loss="categorical_cross_entropy"), "output_delta")[-1] == "dZ[1] = A[1] - Y"


def test_defaults_are_the_natural_pair():
    assert derive().setting.widths == (2, 16, 1)
    assert [derive((2, n)).setting.loss.name for n in (1, 3)] == ["binary_cross_entropy", "categorical_cross_entropy"]
    outputs = {"identity": "squared_error", "softmax": "categorical_cross_entropy", "tanh": "squared_error"}
    for output, loss in outputs.items():
        assert derive((2, 3), output=output).setting.loss.name == loss
    assert derive((2, 1), loss="gamma").setting.g[1].name == "exponential"


def test_every_layer_may_have_an_activation_of_its_own():
    derivation = derive((2, 3, 3, 3, 1), ["relu", ("leaky_relu", {"negative_slope": 0.2}), "z/(1+abs(z))"])
    assert lines(derivation, "hidden_slope", 1)[1] == "g[2]′(z) = {1 if z > 0; s otherwise}"
    assert "s = 0.2" in notes(derivation)
    order = [step.id for step in derivation.steps if step.part == "Layer 3, back"]
    assert order == ["previous_activation", "hidden_slope", "hidden_delta", "weights", "biases"]


def test_the_slip_in_the_sources_table_is_told_where_relu_is_used():
    assert "at z = 2 it says 2, where the slope is 1" in notes(derive((2, 3, 1), "relu"))
    assert "at z = 2" not in notes(derive((2, 3, 1), "tanh"))


def test_every_step_has_a_rule_a_reason_and_formulas():
    for detail in ("matrix", "element"):
        for step_ in derive((2, 3, 4, 2), "gelu", detail=detail, alpha=0.1, l1_ratio=0.5).steps:
            assert step_.formulas
            assert step_.rule
            assert step_.reason.endswith(".")
            assert all(isinstance(formula, t.Relation) for formula in step_.formulas)


def test_elements_build_up_the_matrices():
    derivation = derive((2, 3, 1), detail="element")
    assert lines(derivation, "previous_activation") == [
        "∂L/∂a[1]ⱼ = Σₖ ∂L/∂z[2]ₖ ∂z[2]ₖ/∂a[1]ⱼ",
        "∂z[2]ₖ/∂a[1]ⱼ = W[2]ₖⱼ",
        "dA[1]ⱼ = Σₖ W[2]ₖⱼ dZ[2]ₖ",
        "dA[1] = W[2]ᵀ dZ[2]",
    ]
    assert "∂J/∂W[2]ₖⱼ = (1/m) Σᵢ dZ[2]ₖᵢ A[1]ⱼᵢ" in lines(derivation, "weights")
    assert "so W stands transposed" in step(derivation, "previous_activation").reason


def test_shapes_stand_under_every_matrix():
    assert text(step(derive((2, 16, 1)), "weights").shapes) == "dW[2]{1×16} = (1/m) dZ[2]{1×m} A[1]ᵀ{m×16}"


def test_penalties_are_in_cost_and_gradient():
    derivation = derive((2, 3, 1), alpha=0.1)
    assert lines(derivation, "cost") == ["J = (1/m) Σᵢ Lᵢ + penalty"]
    assert lines(derivation, "weights")[-1] == "dW[2] = (1/m) dZ[2] A[1]ᵀ + λ₂ W[2]"


def test_a_trace_brings_its_numbers():
    net = Network([Dense(6, "tanh"), Dense(1, "sigmoid")], n_inputs=2, seed=3)
    taken = trace(net, np.ones((2, 7)), np.ones((1, 7)))
    derivation = derive(trace=taken)
    shown = {text(value.name): value.array for step in derivation.steps for value in step.values if step.id != "update"}
    assert {"Z[1]", "A[1]", "Z[2]", "A[2]", "J", "dA[2]", "dZ[2]", "dA[1]", "dZ[1]", "dW[1]", "db[1]"} <= set(shown)
    assert np.array_equal(shown["dW[2]"], taken.dW[2])
    assert "A[1]{6×7}" in derivation.to_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": (2,)}, "between 2 and 51 widths"),
        ({"layers": (2, 0, 1)}, "whole numbers of at least 1"),
        ({"layers": "2,3"}, "whole numbers of at least 1"),
        ({"layers": (2, 2.5, 1)}, "whole numbers of at least 1"),
        ({"activation": "tanhh"}, "Did you mean 'tanh'"),
        ({"activation": ["tanh", "relu"]}, "a list of 1"),
        ({"loss": "binary_crossentropy"}, "Did you mean 'binary_cross_entropy'"),
        ({"loss": "binary_cross_entropy", "output": "tanh"}, "needs the output activation"),
        ({"output": "softmax"}, "at least 2 outputs"),
        ({"detail": "matrices"}, "Did you mean 'matrix'"),
        ({"alpha": -1.0}, "alpha must be at least 0"),
        ({"loss": 3}, "loss must be a name"),
        ({"trace": 3}, "what chainrule.trace returns"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(InvalidParameterError, match=message):
        derive(**arguments)


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('true')",
        "z.__class__",
        "(lambda: z)()",
        "[z for z in (1,)]",
        "z if True else 0",
        "open('x')",
        "z[0]",
        "exp(z, z)",
        "z; z",
        "z +",
        "",
        "q * z",
        "3 + 4",
        "z**9**9**9",
        "9**9**9 * z",
        "((((10**6)**6)**6)**6) * z",
        "1e999 * z",
        "1/0 + z",
        "log(-1) * z",
        "'a' * z",
        "(" * 200 + "z" + ")" * 200,
        "-" * 100 + "z",
        "+".join(["z"] * 200),
        "z := 3",
        "z > 0",
        "z\0",
        "max(0, " + "+".join(f"(z > {i})" for i in range(9)) + ") * z",
    ],
)
def test_hostile_formulas_are_refused_at_once(formula):
    start = time.process_time()  # of this process, whatever else the machine does
    with pytest.raises(InvalidParameterError, match="formula"):
        derive((2, 3, 1), f"{formula} " if formula.isidentifier() or not formula else formula)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("formula", ["exp(exp(exp(exp(99*z))))", "sin(exp(z**50))*z**100", "z" + "*(1+sin(z))" * 20])
def test_heavy_formulas_are_derived_in_time(formula):
    start = time.process_time()
    assert derive((2, 3, 1), formula).to_text()
    assert time.process_time() - start < 10


def test_a_trace_and_a_description_do_not_go_together():
    taken = trace(Network([Dense(1, "sigmoid")], n_inputs=2), np.ones((2, 1)), np.ones((1, 1)))
    with pytest.raises(InvalidParameterError, match="leave layers out"):
        derive((2, 1), trace=taken)


def test_sympy_is_imported_by_the_first_derivation():
    code = "import chainrule, sys; assert 'sympy' not in sys.modules; chainrule.derive().to_html()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=GIVE_UP)


def test_several_quantiles_are_traced_and_checked_and_their_derivation_refused_in_words():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = MLPRegressor((3,), loss="quantile", quantile=[0.1, 0.5, 0.9], solver="lbfgs", max_iter=3, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, X[:, 0])
    taken = trace(model, X[:4], X[:4, 0])
    assert "dZ[2] = ascending′[2]ᵀ dA[2]" in taken.to_text()
    assert "quantiles 0.1, 0.5, 0.9" in taken.to_text()
    assert taken.to_html()
    assert taken.to_latex()
    assert gradcheck(model, X, X[:, 0]).ok
    for described in ({"trace": taken}, {"layers": (2, 3, 3), "loss": "quantiles"}):
        with pytest.raises(InvalidParameterError, match="For several quantiles derive one"):
            derive(**described)
