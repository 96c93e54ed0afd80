"""Figures from batches are those of all rows at once, to the last bit; of very many rows, nearly so."""

import numpy as np
import pytest

from chainrule.metrics import classification_figures, regression_figures, running_figures
from chainrule.metrics.classification import ClassificationFigures
from chainrule.metrics.regression import RegressionFigures

CUTS = [(), (1,), (100, 101, 7000), (4096, 4097, 8192)]


def classes(m: int, K: int):
    draw = np.random.default_rng(K)
    probabilities = draw.dirichlet(np.ones(K), m).astype(np.float32)
    codes = (draw.random(m)[:, None] > probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return codes, probabilities, draw.random(m)


def added(running, cuts, *rows):
    for part in zip(*(np.split(array, cuts) for array in rows), strict=True):
        running.add(*part)
    return running


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("K", [2, 3])
def test_classification(K, cuts, weighted):
    rows = classes(9000, K)[: 3 if weighted else 2]
    sums = added(running_figures("classification"), cuts, *rows)
    assert sums.figures() == classification_figures(*rows)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cuts", CUTS)
def test_regression(cuts, weighted):
    draw = np.random.default_rng(0)
    y = 1e6 + draw.normal(size=(9000, 2))
    rows = (y, y + draw.normal(size=(9000, 2)) / 3, draw.random(9000))[: 3 if weighted else 2]
    assert added(running_figures("regression"), cuts, *rows).figures() == regression_figures(*rows)


def test_figures_may_be_asked_for_on_the_way():
    codes, probabilities, _ = classes(9000, 3)
    sums = ClassificationFigures()
    for part in np.split(np.arange(9000), [10, 5000]):
        sums.add(codes[part], probabilities[part])
        assert sums.figures() == classification_figures(codes[: part[-1] + 1], probabilities[: part[-1] + 1])


@pytest.mark.parametrize(("K", "apart"), [(2, 1 / 4096), (3, 1 / 1024), (16, 1 / 1024), (40, 1 / 256)])
def test_scores_of_many_rows_are_tied_if_they_hardly_differ(monkeypatch, K, apart):
    """Areas differ by at most the share of pairs in one bin: here the scores spread evenly, so about its width."""
    codes, probabilities, weights = classes(2000, K)
    exact = classification_figures(codes, probabilities, weights)
    monkeypatch.setattr("chainrule.metrics.distributions._EXACT_ROWS", 500)
    sums = added(ClassificationFigures(), [300, 900], codes, probabilities, weights)
    assert sums._scores._counts is not None
    assert 2.0**-sums._scores.bits <= apart
    found = sums.figures()
    assert found["roc_auc"] == pytest.approx(exact["roc_auc"], abs=apart)
    assert found["average_precision"] == pytest.approx(exact["average_precision"], abs=2 * apart)
    assert {name: found[name] for name in found if name not in ("roc_auc", "average_precision")} == {
        name: exact[name] for name in exact if name not in ("roc_auc", "average_precision")
    }


@pytest.mark.parametrize(("k", "apart"), [(1, 1 / 8192), (2, 1 / 8192), (16, 1 / 1024)])
@pytest.mark.parametrize("units", [1e-12, 1.0, 1e30])
def test_the_median_of_many_errors_is_nearly_right(monkeypatch, k, apart, units):
    draw = np.random.default_rng(0)
    y = draw.normal(size=(2001, k)) * units
    predicted = y + draw.lognormal(0, 3, size=(2001, k)) * units
    exact = regression_figures(y, predicted)["median_absolute_error"]
    monkeypatch.setattr("chainrule.metrics.distributions._EXACT_VALUES", 500 * k)
    found = added(RegressionFigures(), [300, 900], y, predicted).figures()["median_absolute_error"]
    assert found == pytest.approx(exact, rel=apart)


def test_classes_that_do_not_occur():
    sums = ClassificationFigures()
    sums.add(np.zeros(3, int), np.tile([0.25, 0.75], (3, 1)))
    figures = sums.figures()
    assert (figures["accuracy"], figures["log_loss"]) == (0.0, pytest.approx(np.log(4)))
    assert figures["roc_auc"] is None
    sums.add(np.array([1]), np.array([[1.0, 0.0]]))
    assert sums.figures()["log_loss"] == np.inf


def test_very_many_classes_have_no_confusion_matrix():
    sums = ClassificationFigures()
    sums.add(np.arange(201), np.eye(201))
    assert sums.by_class().confusion is None
    assert sums.by_class().recall.tolist() == [1.0] * 201


def test_a_constant_target():
    sums = RegressionFigures()
    sums.add(np.ones((3, 1)), np.ones((3, 1)))
    assert sums.figures() == {"rmse": 0.0, "mae": 0.0, "r2": 1.0, "median_absolute_error": 0.0}
    sums.add(np.ones((1, 1)), np.zeros((1, 1)))
    assert sums.figures()["r2"] == -np.inf
