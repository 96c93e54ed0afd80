"""Figures from sums are those of all rows at once."""

import numpy as np
import pytest

from chainrule.metrics import classification_figures, regression_figures, running_figures
from chainrule.metrics.figures import ClassificationFigures, RegressionFigures


@pytest.mark.parametrize("cuts", [(), (1,), (100, 101, 700)])
@pytest.mark.parametrize("K", [2, 3])
def test_classification(K, cuts):
    draw = np.random.default_rng(K)
    probabilities = draw.dirichlet(np.ones(K), 1000).astype(np.float32)
    codes = (draw.random(1000)[:, None] > probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
    sums = running_figures("classification")
    for part in zip(np.split(codes, cuts), np.split(probabilities, cuts), strict=True):
        sums.add(*part)
    expected, found = classification_figures(codes, probabilities), sums.figures()
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=1e-12)


def test_the_auc_of_rounded_scores_is_exact_to_the_pairs_in_one_bin(monkeypatch):
    monkeypatch.setattr("chainrule.metrics.figures._EXACT", 500)
    codes, scores = np.arange(2000) % 2, np.linspace(1e-6, 1, 2000)
    sums = ClassificationFigures()
    for part in np.split(np.arange(2000), [300, 900]):
        sums.add(codes[part], np.column_stack([1 - scores, scores])[part])
    exact = classification_figures(codes, np.column_stack([1 - scores, scores]))["roc_auc"]
    assert sums.figures()["roc_auc"] == pytest.approx(exact, abs=1 / 4096)


def test_classes_that_do_not_occur():
    sums = ClassificationFigures()
    sums.add(np.zeros(3, int), np.tile([0.25, 0.75], (3, 1)))
    figures = sums.figures()
    assert (figures["accuracy"], figures["log_loss"]) == (0.0, pytest.approx(np.log(4)))
    assert np.isnan(figures["roc_auc"])
    sums.add(np.array([1]), np.array([[1.0, 0.0]]))
    assert sums.figures()["log_loss"] == np.inf


@pytest.mark.parametrize("cuts", [(), (1,), (10, 11, 70)])
def test_regression(cuts):
    draw = np.random.default_rng(0)
    y = 1e6 + draw.normal(size=(100, 2))
    predicted = y + draw.normal(size=(100, 2)) / 3
    sums = running_figures("regression")
    for part in zip(np.split(y, cuts), np.split(predicted, cuts), strict=True):
        sums.add(*part)
    assert sums.figures() == pytest.approx(regression_figures(y, predicted), rel=1e-9)


def test_a_constant_target():
    sums = RegressionFigures()
    sums.add(np.ones((3, 1)), np.ones((3, 1)))
    assert sums.figures() == {"rmse": 0.0, "mae": 0.0, "r2": 1.0}
    sums.add(np.ones((1, 1)), np.zeros((1, 1)))
    assert sums.figures()["r2"] == -np.inf
