"""Architectures, parameters and histories survive the way through JSON and named tensors."""

import json

import numpy as np
import pytest

from chainrule._errors import ShapeError
from chainrule.network import Architecture, Dense, History, Network, StopReason, activation, initial_parameters, loss
from chainrule.network.embeddings import Embedding
from chainrule.network.penalties import Penalty
from chainrule.network.record import architecture_from, architecture_record, parameters_of, tensors_of

from ..contract.cases import ACTIVATION_CASES, LOSS_CASES


def through_json(record):
    return json.loads(json.dumps(record, allow_nan=False))


@pytest.mark.parametrize("case", LOSS_CASES, ids=str)
def test_every_loss_and_activation_comes_back(case):
    hidden = tuple(activation(g.spec) for g in ACTIVATION_CASES)
    widths = (3, *[4] * len(hidden), 2)
    before = Architecture(widths, hidden, case.loss, Penalty(0.1, 0.5), (0.1, *[0.0] * (len(hidden) - 1), 0.2))
    after = architecture_from(through_json(architecture_record(before)))
    assert (after.widths, after.penalty, after.dropout) == (before.widths, before.penalty, before.dropout)
    assert after.loss.pair == before.loss.pair
    Z, Y = np.random.default_rng(0).normal(size=(2, 9)), case.targets(np.random.default_rng(1), 2, 9)
    assert np.array_equal(after.loss.per_example(Z, Y), before.loss.per_example(Z, Y))
    for old, new in zip(before.hidden, after.hidden, strict=True):
        assert np.array_equal(old.g(Z), new.g(Z))


def test_a_loss_behind_another_output_comes_back():
    before = Architecture((3, 2), (), loss("huber", output=("elu", {"alpha": 0.5}), delta=0.3))
    after = architecture_from(through_json(architecture_record(before)))
    Z, Y = np.random.default_rng(0).normal(size=(2, 2, 9))
    assert np.array_equal(after.loss.dZ(Z, Y), before.loss.dZ(Z, Y))


def test_parameters_come_back_by_name():
    net = Network([Dense(4, "tanh"), Dense(2, "identity")], n_inputs=3, loss="squared_error")
    tensors = tensors_of(net.parameters)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "W1": (4, 3),
        "b1": (4, 1),
        "W2": (2, 4),
        "b2": (2, 1),
    }
    assert np.array_equal(parameters_of(tensors, net.architecture).theta, net.parameters.theta)


@pytest.mark.parametrize(
    ("widths", "drop", "message"),
    [((3, 4, 2), "b2", "needs the tensors b2"), ((3, 4, 2, 1), None, "W3, b3"), ((3, 5, 2), None, r"\(3, 4, 2\)")],
)
def test_tensors_that_do_not_fit_are_named(widths, drop, message):
    architecture = Architecture((3, 4, 2), (activation("tanh"),), loss("squared_error"))
    tensors = tensors_of(initial_parameters(architecture, seed=0))
    tensors.pop(drop, None)
    other = Architecture(widths, (activation("tanh"),) * (len(widths) - 2), loss("squared_error"))
    with pytest.raises(ShapeError, match=message):
        parameters_of(tensors, other)


def test_embeddings_come_back():
    before = Architecture((4, 2), (), loss("squared_error"), embeddings=(Embedding(1, 5, 3),))
    parameters = initial_parameters(before, seed=0)
    tensors = tensors_of(parameters)
    assert tensors["E0"].shape == (3, 5)
    after = architecture_from(through_json(architecture_record(before)))
    assert np.array_equal(parameters_of(tensors, after).theta, parameters.theta)
    with pytest.raises(ShapeError, match=r"E\[0\] must have shape"):
        parameters_of(tensors | {"E0": tensors["E0"].T}, after)


@pytest.mark.parametrize("reason", [None, *StopReason])
def test_a_history_comes_back(reason):
    before = History({"epoch": [1, 2], "running_loss": [0.5, 0.25]}, {"loss": 0.2}, 2, reason, "because")
    assert History.from_dict(through_json(before.to_dict())) == before
