"""The figures of a test, against scikit-learn's and against numbers worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from chainrule.metrics import classification_figures, regression_figures
from chainrule.metrics.figures import roc_auc


@pytest.mark.parametrize("K", [2, 3, 7])
def test_classification_is_scikit_learn_s(K):
    draw = np.random.default_rng(K)
    codes = draw.permutation(np.arange(200) % K)
    probabilities = draw.dirichlet(np.ones(K), 200)
    figures = classification_figures(codes, probabilities)
    assert figures["accuracy"] == metrics.accuracy_score(codes, probabilities.argmax(axis=1))
    assert figures["log_loss"] == pytest.approx(metrics.log_loss(codes, probabilities), rel=1e-12)
    assert ("roc_auc" in figures) == (K == 2)
    if K == 2:
        assert figures["roc_auc"] == pytest.approx(metrics.roc_auc_score(codes, probabilities[:, 1]), rel=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_roc_auc_counts_pairs(rows):
    """The share of pairs of a positive and a negative that are in the right order, ties for half."""
    positive = [score for label, score in rows if label]
    negative = [score for label, score in rows if not label]
    found = roc_auc(np.array([int(label) for label, _ in rows]), np.array([score for _, score in rows]))
    if not positive or not negative:
        assert math.isnan(found)
    else:
        wins = sum((p > n) + (p == n) / 2 for p in positive for n in negative)
        assert found == pytest.approx(wins / (len(positive) * len(negative)), rel=1e-12)


def test_a_class_said_to_be_impossible_costs_infinitely_much():
    figures = classification_figures(np.array([0, 1]), np.array([[0.0, 1.0], [0.5, 0.5]]))
    assert figures["log_loss"] == math.inf


def test_float32_probabilities_are_summed_in_float64():
    probabilities = np.full((3, 2), 0.5, np.float32)
    assert classification_figures(np.array([0, 1, 1]), probabilities)["log_loss"] == pytest.approx(
        math.log(2), rel=1e-15
    )


def test_regression_is_scikit_learn_s():
    draw = np.random.default_rng(0)
    y, predicted = draw.normal(size=(50, 2)) * [1, 100], draw.normal(size=(50, 2))
    figures = regression_figures(y, predicted)
    assert figures["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, predicted), rel=1e-12)
    assert figures["mae"] == pytest.approx(metrics.mean_absolute_error(y, predicted), rel=1e-12)
    assert figures["r2"] == pytest.approx(metrics.r2_score(y, predicted), rel=1e-12)


def test_regression_by_hand():
    """Errors 3, -4, 0 and 0: squares sum to 25; y has mean 3 and squares 4 + 1 + 1 + 4 = 10 around it."""
    figures = regression_figures(np.array([[1.0], [2.0], [4.0], [5.0]]), np.array([[4.0], [-2.0], [4.0], [5.0]]))
    assert figures == {"rmse": 2.5, "mae": 1.75, "r2": -1.5}


@pytest.mark.parametrize(("predicted", "r2"), [(2.0, 1.0), (3.0, -math.inf)])
def test_r2_of_a_constant_target(predicted, r2):
    assert regression_figures(np.full((3, 1), 2.0), np.full((3, 1), predicted))["r2"] == r2
