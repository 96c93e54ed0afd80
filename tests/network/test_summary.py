"""What a network costs, counted by hand: widths 3, 4, 2, batches of 5, eight bytes a number."""

import numpy as np
import pytest

from chainrule.network import Dense, Network


@pytest.fixture
def summary():
    return Network([Dense(4, "tanh"), Dense(2, "identity")], n_inputs=3, loss="squared_error").summary(batch_size=5)


def test_the_rows_are_the_layers(summary):
    assert [row["layer"] for row in summary.rows] == [1, 2]
    assert [(row["W"], row["b"]) for row in summary.rows] == [((4, 3), (4, 1)), ((2, 4), (2, 1))]
    assert [row["parameters"] for row in summary.rows] == [12 + 4, 8 + 2]
    assert [row["multiply-adds"] for row in summary.rows] == [12 * 5, 8 * 5]
    assert [row["bytes"] for row in summary.rows] == [16 * 8, 10 * 8]


def test_the_totals_are_their_sums_and_the_activations_those_of_a_batch(summary):
    """Of each example Z[1], Z[2] and A[0], A[1], A[2]: 6 and 9 numbers."""
    assert summary.totals == {
        "parameters": 26,
        "multiply-adds": 100,
        "bytes": 208,
        "activation bytes": 15 * 5 * 8,
    }


def test_the_table_stands_in_columns(summary):
    header, first, second, total, _ = str(summary).splitlines()
    assert (len(header), len(first)) == (len(total), len(second))
    assert first.index("tanh") == second.index("identity") == header.index("activation")  # words on the left
    for name, number in (("parameters", "16"), ("multiply-adds", "60"), ("bytes", "128")):  # numbers on the right
        end = header.index(name) + len(name)
        assert first[:end].endswith(f" {number}")


def test_float32_takes_half_the_bytes():
    net = Network([Dense(2, "identity")], n_inputs=3, loss="squared_error", dtype=np.float32)
    assert net.summary().totals["bytes"] == 4 * 8
