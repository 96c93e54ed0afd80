"""What a network costs, counted by hand: widths 3, 4, 2, batches of 5, eight bytes a number."""

import numpy as np
import pytest

from chainrule.network import Architecture, Dense, Network, loss
from chainrule.network.embeddings import Embedding
from chainrule.network.summary import Summary


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


def test_embeddings_have_rows_of_their_own():
    """Column 1 of four, 7 levels of 5 numbers: 35 parameters more, a batch's A[0] of 3 + 5 rows."""
    embedded = Architecture((8, 2), (), loss("squared_error"), embeddings=(Embedding(1, 7, 5),))
    summary = Summary(embedded, np.dtype(np.float32), batch_size=5)
    assert summary.rows[0] == {
        "layer": "E[0]",
        "activation": "",
        "W": (5, 7),
        "b": "",
        "parameters": 35,
        "multiply-adds": 0,
        "bytes": 140,
    }
    assert summary.totals == {
        "parameters": 35 + 18,
        "multiply-adds": 80,
        "bytes": 4 * 53,
        "activation bytes": 4 * 5 * (8 + 2 + 2),
    }
    assert "E[0]" in str(summary)
