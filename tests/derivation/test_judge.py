"""The judge names what was planted, and never accuses a right gradient."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from chainrule import Dense, MLPClassifier, Network, check_gradients, trace
from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.derivation.checks.gradient_check import gradcheck
from chainrule.derivation.judge import gradient_judge
from chainrule.derivation.judge.agreement import DOUBLE, SINGLE
from chainrule.derivation.judge.mistakes import KINDS
from chainrule.derivation.tracing.trace import trace_of
from chainrule.network.parameters import flatten

from .networks import EMBEDDINGS, random_problem
from .student import student

NAMES = ("dZ", "dA", "dW", "db")

# What a network needs for the mistake to be possible.
NEEDS = {
    "relu_as_its_derivative": {"activation": "relu", "L": 3},
    "missing_softmax_jacobian": {"loss": "categorical_cross_entropy"},
    "missing_penalty": {"alpha": 0.1},
    "penalty_on_bias": {"alpha": 0.1},
    "missing_dropout_mask": {"dropout": 0.4, "L": 3},
    "missing_dropout_scale": {"dropout": 0.4, "L": 3},
}


def given(parts, names=NAMES):
    return {
        (name, l): array for name, part in zip(NAMES, parts, strict=True) if name in names for l, array in part.items()
    }


def judge(trace_, arrays, epsilon=DOUBLE):
    return gradient_judge.judge(trace_, arrays, dict.fromkeys(arrays, epsilon))


def differs(wrong, right):
    return any(
        wrong[key].shape != right[key].shape or not np.allclose(wrong[key], right[key], rtol=1e-9, atol=1e-12)
        for key in right
    )


def planted(mistakes, count, names=NAMES):
    """`count` networks for which the mistakes make a difference, each with what the student gets."""
    needs = {key: value for mistake in mistakes for key, value in NEEDS.get(mistake, {}).items()}
    found, seed = 0, 0
    while found < count:
        seed += 1
        assert seed < 40 * count, "the mistake hardly ever makes a difference"
        problem = random_problem(seed, **needs)
        wrong, right = given(student(problem, *mistakes), names), given(student(problem), names)
        if all(np.isfinite(array).all() for array in wrong.values()) and differs(wrong, right):
            found += 1
            yield problem, wrong


@pytest.mark.parametrize("names", [NAMES, ("dW", "db")], ids="+".join)
@pytest.mark.parametrize("mistake", KINDS)
def test_a_planted_mistake_is_named(mistake, names):
    verdicts = Counter()
    for problem, wrong in planted([mistake], 15, names):
        verdict = judge(trace_of(problem), wrong, DOUBLE)
        ids = {found.id for found in verdict.mistakes}
        doubtful = all(found.indistinguishable_from for found in verdict.mistakes)
        right = {row.tensor for row in verdict.rows if row.verdict == "right"}
        assert not any(right & set(found.tensors) for found in verdict.mistakes)
        assert ids == {mistake} or (mistake in ids and doubtful), (verdict, problem.architecture)
        verdicts[ids == {mistake}] += 1
    assert verdicts[True] > 5


@pytest.mark.parametrize("mistake", KINDS)
def test_d37_the_gradient_check_sees_every_mistake(mistake, monkeypatch):
    """Softmax's derivative, 1/m twice or never, transposes and all the others: wrong, and the right one is not."""
    seen = 0
    for problem, wrong in planted([mistake], 10, ("dW", "db")):
        layers = range(1, problem.architecture.L + 1)
        theta = flatten([wrong["dW", l] for l in layers], [wrong["db", l] for l in layers])
        if np.allclose(theta, problem.theta_gradient(), rtol=1e-9, atol=1e-12):
            continue  # a row transposed holds the same entries in the same order
        verdicts = []
        for gradient in (None, lambda _, theta=theta: theta):
            posed = replace(problem, gradient=gradient)
            monkeypatch.setattr("chainrule.derivation.checks.gradient_check.problem_of", lambda *_, p=posed, **__: p)
            verdicts.append({row.verdict for row in gradcheck(None, None).rows})
        assert "wrong" not in verdicts[0]
        assert "wrong" in verdicts[1]
        seen += 1
    assert seen > 5


@pytest.mark.parametrize("mistake", ["times_m", "sign", "updated_weights", "missing_activation_derivative"])
def test_a_mistake_in_float32_is_named(mistake):
    for problem, wrong in planted([mistake], 10):
        rounded = {key: array.astype(np.float32).astype(float) for key, array in wrong.items()}
        assert mistake in {found.id for found in judge(trace_of(problem), rounded, SINGLE).mistakes}


@pytest.mark.parametrize(
    "pair",
    [("times_m", "sign"), ("transposed", "missing_penalty"), ("updated_weights", "penalty_on_bias")],
    ids="+".join,
)
def test_two_mistakes_are_both_named(pair):
    for problem, wrong in planted(pair, 8):
        alone = [given(student(problem, mistake)) for mistake in pair]
        if all(differs(wrong, one) for one in alone):
            assert set(pair) <= {found.id for found in judge(trace_of(problem), wrong, DOUBLE).mistakes}


@pytest.mark.parametrize("scale", [1, 100, 1e-3, 0], ids="inputs times {}".format)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_right_gradient_is_never_accused(dtype, scale):
    accepted = 0
    for seed in range(60):
        problem = random_problem(seed)
        problem = replace(problem, X=problem.X * scale)
        theirs = cast(problem, dtype)
        with np.errstate(all="ignore"):
            arrays = given(student(theirs))
        if not all(np.isfinite(array).all() for array in arrays.values()):
            continue  # float32 overflows where float64 does not
        verdict = judge(trace_of(problem), arrays, float(np.finfo(dtype).eps))
        too_coarse = verdict.undecided and dtype is np.float32 and scale == 100  # saturated units
        assert verdict.ok or too_coarse, (seed, str(verdict), problem.architecture)
        accepted += verdict.ok
    assert accepted > 45


def cast(problem, dtype):
    weights, masks = problem.weights, problem.masks
    return replace(
        problem.at(problem.parameters.theta.astype(dtype)),
        X=problem.X.astype(dtype),
        Y=problem.Y.astype(dtype),
        weights=None if weights is None else weights.astype(dtype),
        masks=None if masks is None else [None if mask is None else mask.astype(dtype) for mask in masks],
    )


@pytest.fixture
def small():
    net = Network([Dense(3, "tanh"), Dense(2, "relu"), Dense(1, "sigmoid")], n_inputs=4, seed=3, alpha=0.2)
    draw = np.random.default_rng(0)
    return net, draw.normal(size=(4, 5)), draw.integers(2, size=(1, 5)).astype(float)


def test_the_other_convention_at_a_kink_is_right():
    """relu'(0) may be 0 or 1: with inputs of zero and no bias every Z is exactly 0."""
    problem = random_problem(2, activation="relu", L=2, loss="squared_error", weighted=False, dropout=())
    theta = problem.parameters.theta.copy()
    theta[problem.parameters.weights.stop :] = 0
    problem = replace(problem.at(theta), X=0 * problem.X)
    trace_ = trace_of(problem)
    other = given((dict(enumerate(trace_.dZ[1:], 1)), {}, {}, {}), ("dZ",))
    other["dZ", 1] = trace_.dA[1].copy()
    assert judge(trace_, other, DOUBLE).ok


def test_with_one_example_the_mean_cannot_be_told_from_the_sum(small):
    net, X, Y = small
    right = trace(net, X[:, :1], Y[:, :1])
    assert check_gradients(net, X[:, :1], Y[:, :1], dW=right.dW, db=right.db).ok


def test_with_two_examples_the_sum_cannot_be_told_from_a_second_call():
    net = Network([Dense(3, "tanh"), Dense(1, "sigmoid")], n_inputs=2, seed=1)
    X, Y = np.array([[0.5, 1], [0, -1.0]]), np.array([[1.0, 0]])
    right = trace(net, X, Y)
    verdict = check_gradients(net, X, Y, dW=[2 * d for d in right.dW[1:]])
    found = {mistake.id: mistake for mistake in verdict.mistakes}
    assert set(found) == {"times_m", "accumulated"}
    assert found["times_m"].indistinguishable_from == ("accumulated",)
    assert "cannot tell them apart" in str(verdict)


def test_one_wrong_layer_is_found_there(small):
    net, X, Y = small
    right = trace(net, X, Y)
    dW = [d.copy() for d in right.dW[1:]]
    dW[1] = -dW[1]
    (mistake,) = check_gradients(net, X, Y, dW=dW, db=right.db[1:]).mistakes
    assert (mistake.id, mistake.tensors) == ("sign", ("dW[2]",))


def test_a_mistake_is_found_where_it_was_made_once(small):
    """Y - A turns every gradient; the place is dZ[L], not eight places below it."""
    net, X, Y = small
    problem = trace(net, X, Y).problem
    wrong = given(student(problem, "sign"), ("dW", "db"))
    (mistake,) = judge(trace_of(problem), wrong, DOUBLE).mistakes
    assert (mistake.id, mistake.tensors) == ("sign", ("dZ[3]",))


def test_what_is_not_known_is_not_named(small):
    net, X, Y = small
    right = trace(net, X, Y)
    dW = [d.copy() for d in right.dW[1:]]
    dW[2] = dW[2] * 1.37
    verdict = check_gradients(net, X, Y, dW=dW, dZ=right.dZ)
    assert not verdict.ok
    assert verdict.mistakes == ()
    assert verdict.closest == ("right", pytest.approx(0.37))
    assert {row.tensor: row.verdict for row in verdict.rows}["dW[3]"] == "wrong: 1.37 times the right one"
    assert "not recognised" in str(verdict)


def test_a_tensor_that_follows_from_a_wrong_one_is_said_to(small):
    net, X, Y = small
    right = trace(replace_penalty(net), X, Y)
    dZ = [1.37 * right.dZ[3] if l == 3 else right.dZ[l] for l in (1, 2, 3)]
    dW = [right.dW[1], right.dW[2], 1.37 * right.dW[3]]
    verdict = check_gradients(replace_penalty(net), X, Y, dZ=dZ, dW=dW)
    rows = {row.tensor: row.verdict for row in verdict.rows}
    assert rows["dZ[3]"].startswith("wrong: 1.37")
    assert "follows" in rows["dW[3]"]


def replace_penalty(net):
    plain = Network([Dense(3, "tanh"), Dense(2, "relu"), Dense(1, "sigmoid")], n_inputs=4, seed=3)
    return plain.set_parameters(net.W[1:], net.b[1:])


def test_shapes_are_explained(small):
    net, X, Y = small
    right = trace(net, X, Y)
    with pytest.raises(ShapeError, match=r"dW\[1\] must be \(3, 4\), the shape of W\[1\].*got \(7, 7\)"):
        check_gradients(net, X, Y, dW=[np.zeros((7, 7)), right.dW[2], right.dW[3]])
    with pytest.raises(ShapeError, match=r"db\[2\] must be \(2, 1\).*not over the units"):
        check_gradients(net, X, Y, db=[right.db[1], right.db[2].sum(), right.db[3]])
    with pytest.raises(ShapeError, match="one array for each of the layers 1 to 3"):
        check_gradients(net, X, Y, dW=[right.dW[1]])
    with pytest.raises(InvalidParameterError, match="at least one of dW, db, dZ, dA"):
        check_gradients(net, X, Y)
    with pytest.raises(ShapeError, match="must be an array of numbers"):
        check_gradients(net, X, Y, dW=[[["a"]], None, None])


def test_numbers_that_are_not_finite_are_wrong(small):
    net, X, Y = small
    right = trace(net, X, Y)
    dW = [right.dW[1] * np.nan, right.dW[2], right.dW[3]]
    verdict = check_gradients(net, X, Y, dW=dW)
    assert not verdict.ok
    assert verdict.rows[-1].verdict == "wrong: not finite: nan at [0, 0], and 11 more"


def test_an_estimator_and_flat_biases_are_judged():
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(40, 3)), draw.integers(3, size=40)
    clf = MLPClassifier((4,), alpha=0.1, max_iter=3, dropout=0.3, random_state=0)
    with pytest.warns(Warning, match="max_iter"):
        clf.fit(X, y)
    right = trace(clf, X, y)
    flat = [d[:, 0] for d in right.db[1:]]
    assert check_gradients(clf, X, y, dW=right.dW, db=flat).ok
    (mistake,) = check_gradients(clf, X, y, dW=[d.T for d in right.dW[1:]]).mistakes
    assert mistake.id == "transposed"


def test_the_learning_rate_of_early_updates_is_found(small):
    net, X, Y = small
    problem = trace(net, X, Y).problem
    verdict = judge(trace_of(problem), given(student(problem, "updated_weights", learning_rate=0.3)), DOUBLE)
    assert [mistake.id for mistake in verdict.mistakes] == ["updated_weights"]
    assert "learning rate 0.3" in verdict.mistakes[0].explanation


def test_what_cannot_be_judged_is_refused():
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(30, 3)), draw.integers(2, size=30)
    clf = MLPClassifier((4,), max_iter=2, dropout=0.2, random_state=0)
    with pytest.raises(NotFittedError, match="not fitted yet"):
        check_gradients(clf, X, y, dW=[np.zeros((4, 3)), None])
    with pytest.warns(Warning, match="max_iter"):
        clf.fit(X, y)
    with pytest.raises(ShapeError, match="must be a list of arrays"):
        check_gradients(clf, X, y, dW=np.zeros((4, 3)))
    with pytest.raises(ShapeError, match="complex"):
        check_gradients(clf, X, y, dW=[np.zeros((4, 3)) * 1j, None])
    with pytest.raises(ShapeError, match=r"masks must be.*\(4, 30\)"):
        check_gradients(clf, X, y, dW=[np.zeros((4, 3)), None], masks=[None, np.ones((3, 3))])
    with pytest.raises(InvalidParameterError, match="dropout_step must be"):
        check_gradients(clf, X, y, dW=[np.zeros((4, 3)), None], dropout_step=-1)
    with pytest.raises(InvalidParameterError, match="learning_rate must be"):
        trace(clf, X, y, learning_rate="fast")
    for rate in (np.nan, np.inf, "fast", True, [0.1]):
        with pytest.raises(InvalidParameterError, match="learning_rate must be a finite number, got"):
            check_gradients(clf, X, y, dW=[np.zeros((4, 3)), None], learning_rate=rate)
    with pytest.raises(InvalidParameterError, match=r"dE is not judged.*gradcheck"):
        check_gradients(clf, X, y, dE=[np.zeros((2, 3))])


def test_layers_above_embeddings_are_judged():
    traced = trace_of(random_problem(1, L=2, embeddings=EMBEDDINGS, loss="squared_error", activation="tanh", m=9))
    right = {("dW", 1): traced.dW[1], ("db", 1): traced.db[1], ("dA", 1): traced.dA[1]}
    assert judge(traced, right, DOUBLE).ok
    verdict = judge(traced, right | {("dW", 1): 9 * traced.dW[1]}, DOUBLE)
    assert [mistake.id for mistake in verdict.mistakes] == ["times_m"]


def test_depth_does_not_blind_the_judge():
    """The worst case of rounding through 25 layers would excuse any gradient; and the ways back double 24 times."""
    net = Network([*(Dense(5, "tanh") for _ in range(24)), Dense(1, "sigmoid")], n_inputs=3, seed=1)
    X = np.random.default_rng(0).normal(size=(3, 9))
    Y = (X[:1] > 0) * 1.0
    right = trace(net, X, Y)
    unasked = [None] * 24
    assert check_gradients(net, X, Y, dW=[right.dW[1], *unasked]).ok
    assert not check_gradients(net, X, Y, dW=[1.3 * right.dW[1], *unasked]).ok
    assert "sign" in {mistake.id for mistake in check_gradients(net, X, Y, dW=[-right.dW[1], *unasked]).mistakes}
