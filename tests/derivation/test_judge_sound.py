"""No wrong gradient is called right, no right one is accused: float64, float32, corners, and what is not finite."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from chainrule import Dense, Network, check_gradients, trace
from chainrule._errors import ChainruleError, InvalidParameterError
from chainrule.derivation.judge import gradient_judge, laboratory
from chainrule.derivation.judge.search import Search
from chainrule.derivation.models.problem import Problem
from chainrule.derivation.tracing.trace import trace_of
from chainrule.network import activation
from chainrule.network.architecture import Architecture, initial_parameters
from chainrule.network.losses import LOSSES, loss
from chainrule.network.parameters import Parameters
from chainrule.network.penalties import Penalty

from .networks import DISTRIBUTIONS, HIDDEN, targets
from .rows import rows_of
from .test_judge import judge

DOUBLE, SINGLE = (float(np.finfo(dtype).eps) for dtype in (np.float64, np.float32))
SEEDS = range(2 * len(LOSSES))


def deep_problem(seed):
    """1 to 8 layers of up to 128 units, initial, perturbed or trained weights; every loss, and every activation."""
    draw = np.random.default_rng(seed)
    name, L, m = list(LOSSES)[seed % len(LOSSES)], 1 + seed % 8, int(draw.integers(2, 100))
    n = int(draw.integers(2 if name in DISTRIBUTIONS else 1, 5))
    widths = (*(int(w) for w in np.exp(draw.uniform(np.log(2), np.log(128), size=L))), n)
    hidden = tuple(activation(HIDDEN[(seed + 5 * l) % len(HIDDEN)]) for l in range(L - 1))
    architecture = Architecture(widths, hidden, loss(name), Penalty(float(draw.choice([0, 0.1]))))
    parameters = initial_parameters(architecture, seed=seed)
    parameters.theta[parameters.weights.stop :] = draw.normal(scale=0.3, size=sum(widths[1:]))
    problem = Problem(architecture, parameters, draw.normal(size=(widths[0], m)), targets(name, n, m, draw))
    if seed % 3 == 1:
        parameters.theta[:] += 0.2 * draw.normal(size=parameters.theta.size)
    for _ in range(20 if seed % 3 == 2 else 0):
        step = problem.theta_gradient()
        parameters.theta[:] -= 0.03 * step / max(1.0, float(np.linalg.norm(step)))
    return problem


def perturbed(arrays, kind, size, draw):
    """Another wrong gradient: one tensor is off, somewhere, by a share of its largest entry; None if there is none."""
    name = list(arrays)[draw.integers(len(arrays))]
    right = arrays[name]
    largest = np.abs(right).max()
    if not largest:
        return None
    wrong = right.copy()
    if kind == "noise":
        wrong *= 1 + size * draw.choice([-1, 1], size=right.shape) * draw.uniform(1, 2, size=right.shape)
    elif kind == "one entry":
        wrong[tuple(draw.integers(right.shape))] += size * largest
    elif kind == "one row":
        wrong[np.abs(right).max(axis=1).argmax()] *= 1 + size
    elif kind == "zeros":
        wrong[:] = 0
    elif kind == "factor":
        wrong *= 1 + size
    elif kind == "swapped":
        same = [key for key in arrays if key[0] == name[0] and arrays[key].shape == right.shape]
        other = same[draw.integers(len(same))]
        if np.abs(arrays[other] - right).max() < 1e-3 * largest:
            return None
        return arrays | {name: arrays[other], other: right}
    return arrays | {name: wrong}


KINDS = ("noise", "one entry", "one row", "zeros", "factor", "swapped")


@pytest.fixture
def without_search(monkeypatch):
    """No catalogue: whether something is right does not depend on which mistakes are known."""
    monkeypatch.setattr(gradient_judge, "KINDS", {})
    monkeypatch.setattr(laboratory, "KINDS", {})


def is_consistent(verdict):
    right = all(row.verdict == "right" for row in verdict.rows)
    return verdict.ok == right == str(verdict).startswith("The gradients are right.") and (
        not verdict.ok or max(row.residual for row in verdict.rows) <= 5e-5
    )


@pytest.mark.parametrize(("dtype", "epsilon"), [(np.float64, DOUBLE), (np.float32, SINGLE)])
@pytest.mark.usefixtures("without_search")
def test_right_ones_pass_and_perturbed_ones_do_not(dtype, epsilon):
    """Right ones are computed by other code, in another order; a float32 one may be too coarse for its network."""
    found = Counter()
    for seed in SEEDS:
        problem, draw = deep_problem(seed), np.random.default_rng(seed)
        names = (("dW", "db"), ("dW", "db", "dZ", "dA"), ("dW",))[seed % 3]
        arrays = {key: array for key, array in rows_of(problem, dtype, seed).items() if key[0] in names}
        right = trace_of(problem)
        verdict = judge(right, arrays, epsilon)
        assert is_consistent(verdict)
        assert verdict.ok or (dtype is np.float32 and verdict.undecided), (seed, str(verdict))
        found["right", verdict.ok] += 1
        for kind in KINDS:
            wrong = perturbed(arrays, kind, 1e-4 * 10 ** draw.uniform(0, 4), draw)
            if wrong is not None:
                verdict = judge(right, wrong, epsilon)
                assert is_consistent(verdict)
                assert not verdict.ok, (seed, kind, str(verdict))
                found[kind, verdict.undecided] += 1
    assert found["right", True] >= 0.95 * len(SEEDS)
    assert all(found[kind, False] > 3 * found[kind, True] for kind in KINDS)


@pytest.mark.usefixtures("without_search")
def test_an_entry_that_is_small_beside_its_tensor():
    """What an entry is off by counts beside the largest of its tensor: 1e-8 of it in float64, not of the entry."""
    net = Network([Dense(2, "identity")], n_inputs=1, loss="squared_error")
    net.set_parameters([[[1.0], [1.0]]], [[[0.0], [0.0]]])
    X, Y = [[1.0]], [[0.0], [1 - 2e-4]]
    dW = trace(net, X, Y).dW[1]
    assert dW.ravel() == pytest.approx([0.5, 1e-4])
    assert not check_gradients(net, X, Y, dW=[dW * [[1], [1 + 1e-4]]]).ok
    assert check_gradients(net, X, Y, dW=[dW * [[1], [1 + 1e-5]]]).ok


@pytest.mark.parametrize("moved", [0.0, 0.3])
@pytest.mark.usefixtures("without_search")
def test_depth_and_width_excuse_nothing(moved):
    """Seven layers of 64 ReLU units, at their first weights and far from them."""
    draw, layers = np.random.default_rng(0), [*(Dense(64, "relu") for _ in range(6)), Dense(10, "softmax")]
    net = Network(layers, n_inputs=20, loss="categorical_cross_entropy", seed=1)
    net.set_parameters([w + moved * draw.standard_normal(w.shape) for w in net.W[1:]], net.b[1:])
    X, Y = draw.standard_normal((20, 60)), np.eye(10)[:, draw.integers(0, 10, 60)]
    for dtype in (np.float64, np.float32):
        dW = [d.astype(dtype) for d in trace(net, X, Y).dW[1:]]
        assert check_gradients(net, X, Y, dW=dW).ok
        noisy = [d * (1 + 0.01 * draw.standard_normal(d.shape)) for d in dW]
        for wrong in ([0 * d for d in dW], noisy, [d * 60 / 59 for d in dW], [*dW[:3], dW[4], dW[3], *dW[5:]]):
            verdict = check_gradients(net, X, Y, dW=[d.astype(dtype) for d in wrong])
            assert not verdict.ok
            assert not verdict.undecided


def small_net(**options):
    net = Network([Dense(3, "tanh"), Dense(2, "relu"), Dense(1, "sigmoid")], n_inputs=4, seed=3, **options)
    draw = np.random.default_rng(0)
    return net, draw.normal(size=(4, 5)), draw.integers(2, size=(1, 5)).astype(float)


def test_leniency_belongs_to_float32_arrays_alone():
    net, X, Y = small_net()
    right = trace(net, X, Y)
    single = [d.astype(np.float32) for d in right.dW[1:]]
    verdict = check_gradients(net, X, Y, dW=single, db=right.db)
    assert verdict.ok
    assert "agree to 6 digits" in str(verdict)
    for beside in ([d.astype(np.float64) for d in single], [d.tolist() for d in single]):
        verdict = check_gradients(net, X, Y, dW=beside, db=[d.astype(np.float32) for d in right.db[1:]])
        assert not verdict.ok
        assert "hand float32 arrays over as float32" in str(verdict)
        assert {row.verdict[:5] for row in verdict.rows if row.tensor.startswith("dW")} == {"wrong"}


def test_a_mistake_in_float32_numbers_is_named_in_float64_arrays():
    net, X, Y = small_net()
    turned = [-d.astype(np.float32) for d in trace(net, X, Y).dW[1:]]
    verdict = check_gradients(net, X, Y, dW=[d.astype(np.float64) for d in turned])
    assert [mistake.id for mistake in verdict.mistakes] == ["sign"]
    assert "every number up to the rounding of float32" in str(verdict)


@pytest.mark.parametrize("name", ["float16", "bfloat16", "torch.bfloat16"])
def test_half_precision_is_refused(name):
    net, X, Y = small_net()

    class Coarse(np.ndarray):
        dtype = name

    dW = [d.astype(np.float16) for d in trace(net, X, Y).dW[1:]]
    with pytest.raises(InvalidParameterError, match=r"dW\[1\] is .*float16.*compute the gradients in float64"):
        check_gradients(net, X, Y, dW=dW if name == "float16" else [d.view(Coarse) for d in dW])


@pytest.mark.usefixtures("without_search")
def test_differences_of_the_cost_are_right():
    """Of fourth order, where nothing has a corner."""
    for seed in range(12):
        problem = deep_problem(seed)
        widths = (3, *([4] * (problem.architecture.L - 1)), problem.architecture.widths[-1])
        smooth = tuple(activation(("tanh", "sigmoid", "gelu", "softplus")[l % 4]) for l in range(len(widths) - 2))
        name = problem.architecture.loss.name
        if name in ("absolute_error", "quantile", "quantiles", "hinge", "huber"):
            continue
        architecture = replace(problem.architecture, widths=widths, hidden=smooth)
        problem = replace(problem, architecture=architecture, X=problem.X[:1] * [[1], [0.5], [2]])
        problem = replace(problem, parameters=initial_parameters(architecture, seed=seed))
        theta, slope = problem.parameters.theta, np.zeros(problem.parameters.theta.size)
        for k in range(len(theta)):
            h = 1e-3 * np.eye(1, len(theta), k)[0]
            near, far = (problem.at(theta + s * h).cost() - problem.at(theta - s * h).cost() for s in (1, 2))
            slope[k] = (8 * near - far) / 12e-3
        d = Parameters(slope, widths)
        arrays = {(n, l): x[l] for n, x in (("dW", d.W), ("db", d.b)) for l in range(1, len(widths))}
        verdict = judge(trace_of(problem), arrays)
        assert verdict.ok, (seed, name, str(verdict))


# --- corners ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def xor():
    """Biases of 0 and an example of zeros: there every z is exactly at ReLU's corner."""
    net = Network([Dense(4, "relu"), Dense(3, "relu"), Dense(1, "sigmoid")], n_inputs=2, seed=2)
    return trace(net, np.array([[0.0, 0, 1, 1], [0, 1, 0, 1]]), np.array([[0.0, 1, 1, 0]])).problem


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_either_slope_at_a_corner_is_right(xor, dtype):
    epsilon = float(np.finfo(dtype).eps)
    left, right = rows_of(xor, dtype), rows_of(xor, dtype, right_slope=True)
    assert not np.allclose(left["db", 1], right["db", 1])
    assert judge(trace_of(xor), left, epsilon).ok
    assert judge(trace_of(xor), right, epsilon).ok
    assert not judge(trace_of(xor), right | {("dZ", 1): left["dZ", 1]}, epsilon).ok
    turned = {key: -array for key, array in right.items() if key[0] in ("dW", "db")}
    assert [mistake.id for mistake in judge(trace_of(xor), turned, epsilon).mistakes] == ["sign"]


def test_the_mean_of_both_slopes_is_right(xor):
    """As JAX differentiates maximum(z, 0)."""
    net = Network([Dense(4, "relu"), Dense(1, "sigmoid")], n_inputs=2, seed=2)
    problem = trace(net, xor.X, xor.Y).problem
    left, right = rows_of(problem, np.float64), rows_of(problem, np.float64, right_slope=True)
    mean = {key: (left[key] + right[key]) / 2 for key in left}
    assert judge(trace_of(problem), mean).ok
    assert not judge(trace_of(problem), {key: 0.9 * left[key] + 0.1 * right[key] for key in left}).ok


def test_where_the_order_of_a_sum_decides_either_side_is_right():
    """0.1 + 0.4 - 0.5 is 2.8e-17 or 0, as one adds it up."""
    net = Network([Dense(2, "relu"), Dense(1, "identity")], n_inputs=3, loss="squared_error")
    net.set_parameters([[[0.1, 0.4, -0.5], [1.0, 1, 1]], [[1.0, 1.0]]], [[[0.0], [0.0]], [[0.0]]])
    X, Y = np.array([[1.0, 1.0], [1, 1], [1, 0]]), np.array([[2.0, 1.0]])
    problem = trace(net, X, Y).problem
    seen = set()
    for order in ([0, 1, 2], [1, 2, 0]):
        z = np.zeros(2)
        for k in order:
            z = z + net.W[1][0, k] * X[k]
        arrays = rows_of(problem, np.float64)
        dZ = arrays["dZ", 1].copy()
        dZ[0] = (z > 0) * arrays["dA", 1][0]
        seen.add(bool(z[0] > 0))
        arrays |= {("dZ", 1): dZ, ("dW", 1): dZ @ X.T / 2, ("db", 1): dZ.mean(axis=1, keepdims=True)}
        assert judge(trace_of(problem), arrays).ok
    assert seen == {True, False}


@pytest.mark.parametrize("seed", range(20))
def test_many_units_whose_side_underflow_decides_may_each_be_on_either(seed):
    """Softplus of -700 and less is 0 or next to nothing, and so is all z behind it; in db several examples add up."""
    draw = np.random.default_rng(seed)
    k, near = int(draw.integers(1, 5)), int(draw.integers(2, 5))
    net = Network([Dense(1, "softplus"), Dense(k, "relu"), Dense(1, "identity")], n_inputs=1, loss="squared_error")
    W = draw.normal(size=(k, 1))
    W[0] = abs(W[0])  # one unit at least lives, elsewhere than at its corner
    net.set_parameters([[[1.0]], W, draw.normal(size=(1, k))], [[[0.0]], np.zeros((k, 1)), [[1.0]]])
    X = np.concatenate([draw.uniform(-1000, -710, size=near), draw.normal(size=3)])[None]
    right = trace(net, X, draw.normal(size=X.shape))
    positive = right.Z[2] > 0
    positive[:, :near] = draw.random((k, near)) < 0.5
    dZ = right.dA[2] * positive
    db = dZ.mean(axis=1, keepdims=True)
    assert check_gradients(net, X, right.problem.Y, dW=right.dW, db=[right.db[1], db, right.db[3]]).ok
    assert not check_gradients(net, X, right.problem.Y, dW=right.dW, db=[right.db[1], 1.01 * db, right.db[3]]).ok


def test_float32_may_be_on_the_other_side_of_a_corner_but_float64_not():
    """1 + 1e-9 is 1 in float32, so z = 1e-9 is 0 there; so is an error of 1e-9."""
    for hidden, loss_ in ((["relu"], "squared_error"), ([], "absolute_error")):
        layers = [Dense(1, g) for g in hidden]
        net = Network([*layers, Dense(1, "identity")], n_inputs=2, loss=loss_)
        net.set_parameters([[[1.0, -1.0]], *([[1.0]] for _ in hidden)], [[[0.0]], *([[0.0]] for _ in hidden)])
        X, Y = np.array([[1 + 1e-9, 2.0], [1.0, 1.0]]), np.array([[0.0 if not hidden else 3.0, 3.0]])
        problem = trace(net, X, Y).problem
        rounded = replace(problem, X=X.astype(np.float32).astype(float))
        arrays = rows_of(rounded, np.float64)
        if not hidden:
            arrays = rows_of(replace(problem, X=X - [[2e-9, 0], [0, 0]]), np.float64)
        right = trace_of(problem)
        assert np.abs(arrays["dW", 1] - right.dW[1]).max() > 0.3
        single = {key: array.astype(np.float32) for key, array in arrays.items()}
        assert judge(right, single, SINGLE).ok
        assert not judge(right, arrays).ok


def test_another_formula_where_few_digits_are_left_is_not_accused():
    """1 - tanh(z)² has lost its digits at z = 18, 1 / cosh(z)² has not: rounding hides who is right."""
    net = Network([Dense(1, "tanh"), Dense(1, "identity")], n_inputs=1, loss="squared_error")
    net.set_parameters([[[1.0]], [[1.0]]], [[[0.0]], [[0.0]]])
    X, Y = np.array([[18.0, 17.5]]), np.array([[0.0, 3.0]])
    right = trace(net, X, Y)
    dZ = right.dA[1] / np.cosh(X) ** 2
    verdict = check_gradients(net, X, Y, dZ=[dZ, right.dZ[2]])
    assert verdict.undecided
    assert not verdict.ok
    assert str(verdict).startswith("Neither right nor wrong can be told")
    assert not check_gradients(net, X, Y, dZ=[dZ, 1.01 * right.dZ[2]]).undecided


def test_sums_that_cancel_are_right_down_to_the_last_digit():
    """A mean of exactly 0 may be 1e-17 in another order; 1e-9 is wrong."""
    net = Network([Dense(1, "sigmoid")], n_inputs=1)
    net.set_parameters([[[0.0]]], [[[0.0]]])
    X, Y = np.array([[1.0, 1.0, -1.0, -1.0]]), np.array([[0.0, 1.0, 0.0, 1.0]])
    assert not trace(net, X, Y).db[1].any()
    assert check_gradients(net, X, Y, db=[[1e-17]]).ok
    assert not check_gradients(net, X, Y, db=[[1e-9]]).ok


# --- not finite, placed, told ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named_at_once(bad, monkeypatch):
    def never(*_):
        raise AssertionError("a search for what NaN comes from")

    monkeypatch.setattr(Search, "explain", never)
    net, X, Y = small_net()
    dW = [d.copy() for d in trace(net, X, Y).dW[1:]]
    dW[1][1, 2] = dW[0][0, 3] = bad
    verdict = check_gradients(net, X, Y, dW=dW)
    assert not verdict.ok
    assert verdict.mistakes == ()
    assert str(verdict).startswith(f"The gradients are wrong. dW[2] is not finite: {bad} at [1, 2].")
    rows = {row.tensor: row.verdict for row in verdict.rows}
    assert rows == {"dW[3]": "right", **{f"dW[{l}]": rows[f"dW[{l}]"] for l in (1, 2)}}
    assert rows["dW[1]"] == f"wrong: not finite: {bad} at [0, 3]"


def test_a_network_that_overflows_is_not_compared_with():
    net = Network([Dense(2, "exponential")], n_inputs=1, loss="poisson")
    net.set_parameters([[[1e3], [1.0]]], [[[0.0], [0.0]]])
    with pytest.raises(ChainruleError, match=r"own dW\[1\] is not finite"):
        check_gradients(net, [[1.0]], [[1.0], [1.0]], dW=[np.zeros((2, 1))])


def test_no_mistake_is_placed_at_a_tensor_that_is_right():
    """The sign turned twice on the way to dW, once on the way to db."""
    net, X, Y = small_net()
    right = trace(net, X, Y)
    dW, db = [right.dW[1], right.dW[2], right.dW[3]], [-d for d in right.db[1:]]
    verdict = check_gradients(net, X, Y, dW=dW, db=db)
    (mistake,) = verdict.mistakes
    rows = {row.tensor: row.verdict for row in verdict.rows}
    assert (mistake.id, set(mistake.tensors)) == ("sign", {"db[1]", "db[2]", "db[3]"})
    assert {rows[tensor] == "right" for tensor in mistake.tensors} == {False}


def test_what_float32_would_excuse_is_no_mistake_either():
    """A learning rate small enough fits any noise; so nothing is looked for where nothing stands out."""
    net, X, Y = small_net()
    draw = np.random.default_rng(0)
    dW = [d * (1 + 1e-7 * draw.standard_normal(d.shape)) for d in trace(net, X, Y).dW[1:]]
    verdict = check_gradients(net, X, Y, dW=dW)
    assert not verdict.ok
    assert verdict.mistakes == ()
    assert verdict.closest is not None
    assert verdict.closest[0] == "right"


def test_a_factor_is_told_with_the_digits_that_make_it_wrong():
    net, X, Y = small_net()
    right = trace(net, X, Y)
    dW = [right.dW[1] * (1 + 1e-5), right.dW[2], right.dW[3]]
    assert check_gradients(net, X, Y, dW=dW).rows[-1].verdict == "wrong: 1.00001 times the right one"
    noise = np.random.default_rng(0).uniform(-1, 1, size=dW[0].shape)
    assert check_gradients(net, X, Y, dW=[right.dW[1] * (1 + 1e-6 * noise), None, None]).rows[-1].verdict == "wrong"
