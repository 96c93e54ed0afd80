"""Every step of a trace: its formula, evaluated, is what the step computed."""

import numpy as np
import pytest

from chainrule import Dense, Network, trace
from chainrule.derivation.layouts import by_rows
from chainrule.derivation.tracing.step import PARTS, differs_by_rows, shaped
from chainrule.derivation.tracing.steps import steps
from chainrule.derivation.tracing.trace import trace_of
from chainrule.formula import latex, math, text
from chainrule.formula import tree as t
from chainrule.formula.evaluate import evaluate
from chainrule.network.embeddings import numbers

from .networks import EMBEDDINGS, random_problem


def softmax_slope(A):
    """The Jacobian of a softmax for each example, from its definition: (n, n, m)."""
    return np.einsum("im,ij->ijm", A, np.eye(len(A))) - np.einsum("im,jm->ijm", A, A)


def ascending_slope(Z):
    """∂a_k/∂z_j for each example, from the definition: (n, n, m)."""
    n, c, slope = len(Z), (len(Z) - 1) // 2, 1 / (1 + np.exp(-Z))
    J = np.zeros((n, *Z.shape))
    for k in range(n):
        J[k, c] = 1
        J[k, c + 1 : k + 1] = slope[c + 1 : k + 1]
        J[k, k:c] = -slope[k:c]
    return J


def letters_of(traced):
    """What every letter and function of the formulas stands for."""
    p, L = traced.problem, traced.L
    s = p.architecture.loss.parameters.get("label_smoothing", 0)
    smooth = (1 - s) * p.Y + s / (len(p.Y) if p.architecture.loss.sums_outputs else 2)
    values = {
        "L": L,
        "log": np.log,
        "sign": np.sign,
        t.Symbol("Y"): p.Y,
        t.Symbol("Ỹ"): smooth,
        t.Symbol("y"): p.Y,
        t.Symbol("ỹ"): smooth,
        t.Symbol("ŷ"): traced.A[L],
        t.Symbol("m"): p.m,
        t.Symbol("n", str(L)): len(p.Y),
        t.Symbol("L"): traced.loss[None],
        t.Symbol("w"): None if p.weights is None else p.weights[None],
        t.Symbol("penalty"): traced.penalty,
        t.Symbol("λ₁"): p.architecture.penalty.l1,
        t.Symbol("λ₂"): p.architecture.penalty.l2,
        t.Symbol("α"): traced.learning_rate,
        t.Apply("L", t.Text("yᵢ, ŷᵢ")): p.architecture.loss.per_example(traced.Z[L], p.Y)[None],
    }
    embeddings = p.architecture.embeddings
    values[t.Symbol("X")] = numbers(embeddings, p.X) if embeddings else p.X
    for j, (E, C, dE) in enumerate(zip(traced.E, traced.C, traced.dE, strict=True)):
        values |= {t.Symbol("E", str(j)): E, t.Symbol("C", str(j)): C, t.Symbol("dE", str(j)): dE}
    for l in range(L + 1):
        for name in ("W", "b", "Z", "A", "dZ", "dA", "dW", "db"):
            values[t.Symbol(name, str(l))] = getattr(traced, name)[l]
        g = p.architecture.g[l]
        values |= {f"g[{l}]": g.g, f"g[{l}]′": g.g_prime}
    for l, mask in enumerate(traced.masks or []):
        values[t.Symbol("M", str(l))] = mask
    if p.architecture.loss.output.name == "softmax":
        product = t.Product((t.Symbol("softmax′", str(L)), t.Symbol("dA", str(L))), "matrix")
        values[product] = np.einsum("ijm,jm->im", softmax_slope(traced.A[L]), traced.dA[L])
    if p.architecture.loss.output.name == "ascending":
        product = t.Product((t.Symbol("ascending′", str(L)).T, t.Symbol("dA", str(L))), "matrix")
        values[product] = np.einsum("kjm,km->jm", ascending_slope(traced.Z[L]), traced.dA[L])
    return values


def evaluated(formula, values, levels):
    """The right side; of a formula for one level c, the columns of all of them."""
    if not isinstance(formula.left, t.Selection):
        return np.asarray(evaluate(formula.right, values))
    return np.hstack([evaluate(formula.right, values | {t.Symbol("c"): c}) for c in range(levels)])


FIXED = [
    {"loss": "categorical_cross_entropy", "L": 3, "dropout": (0.2, 0.4, 0.3), "weighted": True, "alpha": 0.1},
    {"loss": "categorical_focal", "L": 2, "weighted": True},
    {"loss": "binary_cross_entropy", "L": 2, "n_outputs": 3, "weighted": True, "dropout": 0.5},
    {"loss": "squared_error", "L": 1, "n_outputs": 1, "m": 1},
    {"loss": "absolute_error", "L": 6, "n_outputs": 2},
    {"loss": "quantiles", "L": 2, "n_outputs": 3, "weighted": True},
    {"loss": "squared_error", "L": 2, "embeddings": EMBEDDINGS, "n_columns": 4, "weighted": True, "alpha": 0.1},
    {"loss": "binary_cross_entropy", "L": 3, "embeddings": EMBEDDINGS, "n_columns": 2, "dropout": (0.4, 0.2, 0.3)},
    {"loss": "squared_error", "L": 1, "embeddings": EMBEDDINGS[:1], "n_columns": 3, "dropout": (0.5,)},
]


@pytest.mark.parametrize("fixed", FIXED + [{}] * 40)
def test_every_formula_is_what_was_computed(fixed, request):
    seed = request.node.callspec.indices["fixed"]
    traced = trace_of(random_problem(seed, **fixed), 0.3)
    values = letters_of(traced)
    for step in steps(traced):
        found = evaluated(step.formula, values, step.result.shape[-1] if step.result.ndim else 0)
        np.testing.assert_allclose(
            found.squeeze(), step.result.squeeze(), rtol=1e-9, atol=1e-12, err_msg=text(step.formula)
        )
        for written in (text(step.formula), latex(step.formula), math(shaped(step, traced))):
            assert "None" not in written


@pytest.mark.parametrize("embeddings", [(), EMBEDDINGS], ids=["", "embeddings"])
@pytest.mark.parametrize("seed", range(10))
def test_examples_in_rows_give_the_transposed_result(seed, embeddings):
    traced = trace_of(random_problem(seed, loss="squared_error", embeddings=embeddings))
    values = letters_of(traced)
    turned = {key: value.T if isinstance(value, np.ndarray) else value for key, value in values.items()}
    for step in steps(traced):
        if differs_by_rows(step) and step.row.id != "embeddings":  # whose sum is over columns
            found = evaluate(by_rows(step.formula).right, turned)
            np.testing.assert_allclose(found.T, step.result, rtol=1e-9, atol=1e-12, err_msg=text(step.formula))


def test_the_steps_of_embeddings():
    traced = trace_of(random_problem(0, L=2, embeddings=EMBEDDINGS, n_columns=4, n_outputs=1, m=9, dropout=(0.5, 0)))
    every = steps(traced)
    back = [text(step.formula.left) for step in every if step.part == "backward"]
    assert back[-4:] == ["db[1]", "dA[0]", "dE[0][:,c]", "dE[1][:,c]"]
    assert {text(step.formula.left) for step in every if step.mean} >= {"dE[0][:,c]", "dE[1][:,c]"}
    first, *_ = every
    assert text(shaped(first, traced)) == (
        "A[0]{7×9} = (X{2×9} over E[0][:,C[0]]{3×9} over E[1][:,C[1]]{2×9}) * M[0]{7×9}"
    )
    written = {text(step.formula.left): step for step in every}
    assert text(written["dA[0]"].formula) == "dA[0] = (W[1]ᵀ dZ[1]) * M[0]"
    assert text(written["dE[1][:,c]"].formula) == "dE[1][:,c] = (1/m) Σᵢ dA[0][5:7,C[1] = c]"
    assert text(shaped(written["E[1]"], traced)) == "E[1]{2×40} := E[1]{2×40} - α dE[1]{2×40}"
    rows = text(shaped(first, traced, rows=True))
    assert rows.startswith("A[0]{9×7} = (X{9×2} beside E[0][C[0],:]{9×3} beside")


def test_label_smoothing_is_in_the_formulas():
    from chainrule.network.losses import loss

    smoothed = loss("categorical_cross_entropy", label_smoothing=0.1)
    net = Network([Dense(3, "softmax")], n_inputs=2, loss=smoothed)
    traced = trace(net, [[0.0, 1.0], [1.0, 2.0]], [[1, 0], [0, 1], [0, 0]])
    by_id = {step.row.id: step for step in steps(traced)}
    assert text(by_id["output_delta"].formula) == "dZ[1] = A[1] - Ỹ"
    for name in ("loss", "output_delta"):
        found = evaluate(by_id[name].formula.right, letters_of(traced))
        np.testing.assert_allclose(np.squeeze(found), by_id[name].result.squeeze(), rtol=1e-9)


def test_order_and_where_the_mean_is_taken():
    net = Network([Dense(3, "tanh"), Dense(2, "relu"), Dense(1, "sigmoid")], n_inputs=2, alpha=0.1)
    every = steps(trace(net, np.eye(2), [[0.0, 1.0]]))
    back = [text(step.formula.left) for step in every if step.part == "backward"]
    expected = "dZ[3] dW[3] db[3] dA[2] dZ[2] dW[2] db[2] dA[1] dZ[1] dW[1] db[1]"
    assert back == expected.split()
    means = {text(step.formula.left) for step in every if step.mean}
    assert means == {"J", "dW[1]", "dW[2]", "dW[3]", "db[1]", "db[2]", "db[3]"}
    assert all("m" not in text(step.formula) for step in every if step.carries_no_mean)
    assert [step.part for step in every] == sorted((s.part for s in every), key=PARTS.index)


def test_shapes_stand_under_every_matrix():
    net = Network([Dense(3, "tanh", dropout=0.5), Dense(1, "sigmoid")], n_inputs=2)
    traced = trace(net, np.ones((2, 5)), np.ones((1, 5)), sample_weight=np.ones(5))
    shapes = {text(step.formula.left): text(shaped(step, traced)) for step in steps(traced)}
    assert shapes["dA[1]"] == "dA[1]{3×5} = W[2]ᵀ{3×1} dZ[2]{1×5}"
    assert shapes["dZ[1]"] == "dZ[1]{3×5} = dA[1]{3×5} * M[1]{3×5} * g[1]′(Z[1]{3×5})"
    assert shapes["dZ[2]"] == "dZ[2]{1×5} = w{1×5} * (A[2]{1×5} - Y{1×5})"
    rows = {text(step.formula.left): text(shaped(step, traced, rows=True)) for step in steps(traced)}
    assert rows["dW[2]"] == "dW[2]{3×1} = (1/m) A[1]ᵀ{3×5} dZ[2]{5×1}"
