"""Worksheets: right by worked numbers and by finite differences, never dull, different for every seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import Dense, Network, lab
from chainrule._errors import ChainruleError, InvalidParameterError

SETTINGS = [
    {},
    {"m": 1},
    {"m": 3, "net": (2, 3, 1), "activation": "leaky_relu"},
    {"net": (3, 2, 2), "activation": "hard_tanh", "m": 3},
    {"net": (2, 2, 2, 1), "output": "sigmoid", "activation": "tanh"},
    {"net": (2, 3, 3), "output": "softmax", "activation": "sigmoid", "m": 3},
    {"net": (2, 2, 2), "output": "sigmoid", "loss": "squared_error", "activation": "sigmoid"},
    {"net": (3, 1)},
]
SEEDS = st.integers(0, 2**32)


def test_a_worked_exercise():
    """Exercise 7, calculated with pencil and paper."""
    sheet = lab.worksheet(seed=7)
    assert sheet.trace.W[1].tolist() == [[-1.5, 1], [2, 1]]
    assert sheet.trace.A[0].tolist() == [[2, -1], [-1, 1]]
    by_hand = {
        "Z[1]": [[-5, 1.5], [3, -1]],
        "A[1]": [[0, 1.5], [3, 0]],
        "Z[2]": [[1, -3.5]],
        "A[2]": [[1, -3.5]],
        "L": [[2, 6.125]],
        "J": [[4.0625]],
        "dZ[2]": [[-2, -3.5]],
        "dW[2]": [[-2.625, -3]],
        "db[2]": [[-2.75]],
        "dA[1]": [[4, 7], [-1, -1.75]],
        "dZ[1]": [[0, 7], [-1, 0]],
        "dW[1]": [[-3.5, 3.5], [-1, 0.5]],
        "db[1]": [[3.5], [-0.5]],
    }
    assert {name: answer.tolist() for name, answer in sheet.answers.items()} == by_hand


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_gradients_are_the_slopes_of_the_cost(setting):
    sheet = lab.worksheet(seed=11, **setting)
    problem, h = sheet.trace.problem, 1e-6
    theta = problem.parameters.theta
    steps = h * np.eye(len(theta))
    slopes = [(problem.at(theta + step).cost() - problem.at(theta - step).cost()) / (2 * h) for step in steps]
    layers = range(1, sheet.trace.L + 1)
    answers = [sheet.answers[f"d{letter}[{l}]"].ravel() for letter in "Wb" for l in layers]
    np.testing.assert_allclose(np.concatenate(answers), slopes, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, setting=st.sampled_from(SETTINGS))
def test_every_seed_makes_an_exercise_worth_doing(seed, setting):
    sheet = lab.worksheet(seed=seed, **setting)
    trace = sheet.trace
    for l in range(1, trace.L + 1):
        for name, right in (("Z", trace.Z), ("A", trace.A), ("dZ", trace.dZ), ("dW", trace.dW), ("db", trace.db)):
            np.testing.assert_array_equal(sheet.answers[f"{name}[{l}]"], right[l])
        assert np.abs(trace.dW[l]).max() > 0
        assert np.abs(trace.dW[l]).max() <= 20
        assert l == trace.L or (np.abs(trace.dA[l]).max(axis=1) > 0).all()
        if trace.problem.architecture.g[l].name in ("relu", "leaky_relu"):
            assert (trace.Z[l] != 0).all()
    assert np.abs(trace.dZ[-1]).min() > 0
    for array in (*trace.W[1:], *trace.b[1:], trace.A[0], trace.problem.Y):
        np.testing.assert_array_equal(2 * array, np.round(2 * array))  # halves


def test_different_seeds_differ_and_the_same_seed_does_not():
    def numbers(seed):
        trace = lab.worksheet(seed=seed).trace
        return tuple(np.concatenate([trace.problem.parameters.theta, trace.A[0].ravel(), trace.problem.Y.ravel()]))

    assert len({numbers(seed) for seed in range(300)}) == 300
    assert numbers(5) == numbers(5)


def test_even_numbers_in_the_default_exercise():
    """Two examples and halves: nothing but L and J needs more than four decimals."""
    for seed in range(100):
        for name, answer in lab.worksheet(seed=seed).answers.items():
            if name not in ("L", "J"):
                np.testing.assert_array_equal(answer * 2**4, np.round(answer * 2**4), err_msg=f"{seed} {name}")


def test_no_z_lies_at_the_kink():
    for seed in range(100):
        assert (lab.worksheet(seed=seed).answers["Z[1]"] != 0).all()
        assert (np.abs(lab.worksheet(seed=seed, activation="hard_tanh").answers["Z[1]"]) != 1).all()


def test_blanks():
    assert lab.worksheet(blanks=["dW[2]", "Z[1]"]).blanks == ("Z[1]", "dW[2]")
    assert lab.worksheet(blanks="J").blanks == ("J",)
    everything = lab.worksheet().blanks
    assert everything == (*lab.worksheet(blanks="forward").blanks, *lab.worksheet(blanks="backward").blanks)
    assert lab.worksheet(blanks="backward").blanks[0] == "dZ[2]"
    assert len(lab.worksheet(blanks=0.5, seed=1).blanks) == round(len(everything) / 2)
    assert lab.worksheet(blanks=0.5, seed=1).blanks != lab.worksheet(blanks=0.5, seed=2).blanks
    assert len(lab.worksheet(blanks=0.001).blanks) == 1


def test_a_network_gives_all_but_its_weights():
    net = Network([Dense(3, "tanh"), Dense(2, "softmax")], n_inputs=2, loss="categorical_cross_entropy")
    sheet = lab.worksheet(net, m=3, seed=2)
    assert sheet.trace.problem.architecture is net.architecture
    assert not np.array_equal(sheet.trace.W[1], net.W[1])


def test_where_the_output_does_not_simplify_its_error_is_a_line_of_its_own():
    sheet = lab.worksheet(output="sigmoid", loss="squared_error")
    names = list(sheet.quantities)
    assert names.index("dA[2]") + 1 == names.index("dZ[2]")
    np.testing.assert_allclose(sheet.answers["dA[2]"], sheet.answers["A[2]"] - sheet.trace.problem.Y, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"net": (2,)}, "the widths"),
        ({"net": "2-2-1"}, "the widths"),
        ({"net": (2, 0, 1)}, "the widths"),
        ({"net": (2, 2.0, 1)}, "the widths"),
        ({"net": (2, 50, 1)}, "at most 5 units"),
        ({"net": (2, 2, 2, 2, 2, 1)}, "3 layers"),
        ({"activation": "gelu"}, "by hand"),
        ({"activation": "rleu"}, "Did you mean 'relu'"),
        ({"activation": "sigmod"}, "Did you mean 'sigmoid'"),
        ({"loss": "huber"}, "must be one of squared_error"),
        ({"output": "tanh", "loss": "binary_cross_entropy"}, "needs the output activation"),
        ({"output": "softmax"}, "at least two outputs"),
        ({"m": 0}, "m must be"),
        ({"m": 2.5}, "m must be"),
        ({"m": True}, "m must be"),
        ({"seed": -1}, "seed must be"),
        ({"seed": "a"}, "seed must be"),
        ({"decimals": 0}, "decimals must be"),
        ({"blanks": "backwards"}, "Did you mean 'backward'"),
        ({"blanks": ["dW[3]"]}, r"no line of this exercise. Did you mean 'dW"),
        ({"blanks": []}, "blanks must be"),
        ({"blanks": None}, "blanks must be"),
        ({"blanks": 0}, "share above 0"),
        ({"blanks": float("nan")}, "share above 0"),
        ({"blanks": [3]}, "no line of this exercise"),
        ({"blanks": [["Z[1]"]]}, "no line of this exercise"),
        ({"net": Network([Dense(1, "sigmoid")], n_inputs=2), "activation": "tanh"}, "Network's own"),
        ({"net": Network([Dense(2, dropout=0.5), Dense(1, "sigmoid")], n_inputs=2)}, "neither dropout"),
        ({"net": Network([Dense(1, "sigmoid")], n_inputs=2, alpha=0.1)}, "neither dropout nor penalty"),
    ],
)
def test_what_cannot_be_set_is_refused(arguments, words):
    with pytest.raises(InvalidParameterError, match=words):
        lab.worksheet(**arguments)


def test_numbers_that_cannot_be_found_are_said_so():
    with pytest.raises(ChainruleError, match="fewer layers, units or examples"):
        lab.worksheet((5, 5, 5, 5), activation="hard_tanh", output="hard_tanh", m=4)
