"""Bags: rows drawn with replacement; where rows are nearly all distinct, copies of a row are drawn as one."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from chainrule import LinearClassifier, MLPEnsembleClassifier
from chainrule.many.bags import drawn, keys_of
from chainrule.network.rows import row_keys

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
COPIED = np.r_[np.arange(200), np.arange(40)]


@pytest.mark.parametrize("weights", [None, np.arange(240) % 5.0])
def test_copies_are_drawn_as_one(weights):
    keys = row_keys(X[COPIED])
    for seed in range(5):
        counts = drawn(seed, 240, weights, keys)
        both = slice(0, 40) if weights is None else [k for k in range(40) if weights[k] and weights[200 + k]]
        assert np.array_equal(counts[:40][both], counts[200:][both])
        assert counts.sum() == pytest.approx(240 if weights is None else (weights > 0).sum(), abs=25)
        assert weights is None or not counts[weights == 0].any()


def test_copies_part_in_a_table_of_few_distinct_rows():
    """Each row is drawn by itself: a row of four that stand fifty times each is in every bag and out of it."""
    levels = np.arange(200) % 4
    counts = drawn(0, 200, None, row_keys(levels[:, None].astype(float)))
    assert counts.sum() == 200
    for level in range(4):
        assert set(counts[levels == level]) >= {0, 1, 2}


def test_without_copies_keys_change_nothing():
    assert np.array_equal(drawn(3, 200, None, row_keys(X)), drawn(3, 200))


@pytest.mark.parametrize(
    "kind",
    [
        lambda X: X,
        lambda X: X.tolist(),
        lambda X: X.astype(object),
        sparse.csr_array,
        sparse.coo_matrix,
        pd.DataFrame,
        lambda X: pd.DataFrame(X, columns=list("abc")).assign(d=["red", "blue"] * (len(X) // 2)),
    ],
    ids=["array", "list", "objects", "csr", "coo", "frame", "texts"],
)
def test_keys_tell_copies_in_every_kind_of_table(kind):
    keys = keys_of(kind(X[COPIED]))
    assert len(np.unique(keys)) == 200
    assert np.array_equal(keys[:40], keys[200:])


def test_what_is_no_table_has_no_keys():
    assert keys_of(np.zeros(5)) is None


def test_noise_cannot_be_learned_from_copies():
    """Labels are noise: a network that knows its rows by heart says nothing of those out of its bag."""
    labels = np.random.default_rng(1).integers(0, 2, 200)
    wide = np.random.default_rng(2).normal(size=(200, 300))  # as many columns as separate any labels
    net = LinearClassifier(alpha=1e-6, max_iter=200, tol=1e-3)
    ensemble = MLPEnsembleClassifier(net, 25, bootstrap=True, oob_score=True, random_state=0)
    ensemble.fit(wide[COPIED], labels[COPIED])
    right = ensemble.oob_decision_function_.argmax(axis=1) == labels[COPIED]
    assert right[:40].mean() == pytest.approx(0.5, abs=0.3)
