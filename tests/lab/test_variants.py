"""Wrong variants of backpropagation: each differs from the right one, and the judge names it."""

import numpy as np
import pytest

from chainrule import Dense, Network, check_gradients, lab, trace
from chainrule._errors import ChainruleError, InvalidParameterError

X = np.array([[0.0, 1, 0, 1, 0.5], [0, 0, 1, 1, -1]])


def network(output="sigmoid", loss="binary_cross_entropy", n=1, **options):
    layers = [Dense(3, "tanh", dropout=options.pop("dropout", 0.0)), Dense(3, "relu"), Dense(n, output)]
    net = Network(layers, n_inputs=2, loss=loss, seed=4, **options)
    for b in net.b[1:]:
        b += 0.3
    return net


def targets(n):
    return np.eye(n)[[0, 1, 1, 0, 1]].T if n > 1 else np.array([[0.0, 1, 1, 0, 1]])


NETWORKS = {
    "plain": network(),
    "penalised, two outputs": network("identity", "squared_error", 2, alpha=0.1),
    "softmax": network("softmax", "categorical_cross_entropy", 3),
    "dropout": network(dropout=0.5),
}


def test_every_mistake_can_be_made_somewhere():
    found = set()
    for net in NETWORKS.values():
        found |= set(lab.variants(net, X, targets(net.architecture.widths[-1])))
    assert found == set(lab.VARIANTS)


@pytest.mark.parametrize("net", NETWORKS.values(), ids=list(NETWORKS))
def test_variants_differ_and_the_judge_names_them(net):
    Y = targets(net.architecture.widths[-1])
    for id_ in lab.variants(net, X, Y):
        wrong = lab.wrong_gradients(net, X, Y, id_)
        verdict = check_gradients(net, X, Y, dW=wrong.dW, db=wrong.db, dZ=wrong.dZ)
        assert not verdict.ok, id_
        assert id_ in {mistake.id for mistake in verdict.mistakes}, f"{id_}\n{verdict}"


def test_a_mistake_that_makes_no_difference_is_refused():
    net = network()
    for id_ in set(lab.VARIANTS) - set(lab.variants(net, X, targets(1))):
        with pytest.raises(InvalidParameterError, match="makes no difference in this network"):
            lab.wrong_gradients(net, X, targets(1), id_)


def test_what_is_not_known_is_refused():
    with pytest.raises(InvalidParameterError, match="Did you mean 'transposed'"):
        lab.wrong_gradients(network(), X, targets(1), "transpose")
    with pytest.raises(InvalidParameterError, match="learning_rate must be"):
        lab.wrong_gradients(network(), X, targets(1), "updated_weights", learning_rate=float("nan"))


def test_the_learning_rate_is_the_one_of_the_early_update():
    """With the rate of 0.5 the error of layer 2 goes back through W[3] - 0.5 dW[3]."""
    net, Y = network(), targets(1)
    right, wrong = trace(net, X, Y), lab.wrong_gradients(net, X, Y, "updated_weights", learning_rate=0.5)
    np.testing.assert_allclose(wrong.dA[2], (right.W[3] - 0.5 * right.dW[3]).T @ right.dZ[3], rtol=1e-12)


def test_mysteries_are_wrong_and_keep_their_secret():
    net, Y = network(), targets(1)
    right, ids = trace(net, X, Y), set()
    for seed in range(40):
        puzzle = lab.mystery(net, X, Y, seed=seed)
        ids.add(puzzle.answer.id)
        assert puzzle.answer.id not in repr(puzzle)
        assert lab.VARIANTS[puzzle.answer.id].cure in puzzle.answer.explanation
        pairs = zip(puzzle.gradients.dW[1:], right.dW[1:], strict=True)
        assert any(a.shape != b.shape or not np.allclose(a, b) for a, b in pairs) or "bias" in puzzle.answer.id
        assert lab.mystery(net, X, Y, seed=seed).answer == puzzle.answer
    assert len(ids) > 5


def test_twins_are_said_so():
    """With two examples the sum is what two calls add up to."""
    net = Network([Dense(1, "sigmoid")], n_inputs=2, seed=1)
    answers = [lab.mystery(net, X[:, :2], targets(1)[:, :2], seed=seed).answer for seed in range(60)]
    twins = {answer.id: answer.indistinguishable_from for answer in answers}
    assert twins["times_m"] == ("accumulated",)
    assert twins["accumulated"] == ("times_m",)


def test_where_nothing_is_wrong_there_is_no_mystery():
    net = Network([Dense(1, "identity")], n_inputs=1, loss="squared_error", seed=1)
    with pytest.raises(ChainruleError, match="every gradient of these examples is 0"):
        lab.mystery(net, X[:1], net.predict(X[:1]))
