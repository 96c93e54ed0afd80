"""The figures of a test, against scikit-learn's and against numbers worked by hand."""

import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve

from chainrule._errors import InvalidParameterError
from chainrule.metrics import CATALOGUE, classification_figures, regression_figures
from chainrule.metrics.classification import CALIBRATION_BINS, ClassificationFigures
from chainrule.metrics.distributions import roc_auc
from chainrule.metrics.regression import RegressionFigures

close = {"rel": 1e-12, "abs": 1e-12}


def their_areas(codes, probabilities, weights):
    """ROC AUC and average precision: of class 1 of two, else of each class that occurs against the rest."""
    occurring = np.unique(codes)
    if len(occurring) < 2:
        return None, None
    one_by_one = [1] if probabilities.shape[1] == 2 else occurring
    found = [
        (
            metrics.roc_auc_score(codes == k, probabilities[:, k], sample_weight=weights),
            metrics.average_precision_score(codes == k, probabilities[:, k], sample_weight=weights),
        )
        for k in one_by_one
    ]
    return tuple(np.mean(found, axis=0).tolist())


def their_calibration_error(codes, probabilities, weights):
    """From scikit-learn's calibration curve of each row, repeated as often as it weighs."""
    codes, probabilities = np.repeat(codes, weights), np.repeat(probabilities, weights, axis=0)
    right, confidence = probabilities.argmax(axis=1) == codes, probabilities.max(axis=1)
    shares, means = calibration_curve(right, confidence, n_bins=CALIBRATION_BINS, strategy="uniform")
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    counts = np.array([((low < confidence) & (confidence <= high)).sum() for low, high in pairwise(edges)])
    return float(np.abs(shares - means) @ counts[counts > 0] / len(codes))


def theirs(codes, probabilities, weights):
    K, predicted = probabilities.shape[1], probabilities.argmax(axis=1)
    weighed = {"sample_weight": weights}
    area, precision = their_areas(codes, probabilities, weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of what is undefined
        macro = metrics.precision_recall_fscore_support(codes, predicted, average="macro", zero_division=0, **weighed)
        return {
            "accuracy": metrics.accuracy_score(codes, predicted, **weighed),
            "balanced_accuracy": metrics.balanced_accuracy_score(codes, predicted, **weighed),
            "roc_auc": area,
            "average_precision": precision,
            "f1_macro": macro[2],
            "precision_macro": macro[0],
            "recall_macro": macro[1],
            "log_loss": metrics.log_loss(codes, probabilities, labels=range(K), **weighed),
            "brier_score": metrics.brier_score_loss(codes, probabilities, labels=range(K), **weighed),
            "calibration_error": their_calibration_error(codes, probabilities, weights),
        }


@st.composite
def classified(draw):
    """Classes that may not occur, probabilities with ties, whole weights of which some are 0."""
    K, m = draw(st.integers(2, 4)), draw(st.integers(1, 30))
    few = draw(st.integers(1, K))
    codes = np.array(draw(st.lists(st.integers(0, few - 1), min_size=m, max_size=m)))
    parts = np.array(draw(st.lists(st.lists(st.integers(1, 5), min_size=K, max_size=K), min_size=m, max_size=m)), float)
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=m, max_size=m)))
    weights[draw(st.integers(0, m - 1))] = 1
    return codes, parts / parts.sum(axis=1, keepdims=True), weights


@given(classified())
def test_classification_is_scikit_learn_s(rows):
    codes, probabilities, weights = rows
    found = classification_figures(codes, probabilities, weights)
    there = weights > 0
    for name, value in theirs(codes[there], probabilities[there], weights[there]).items():
        assert found[name] == (None if value is None else pytest.approx(value, **close)), name


@given(classified())
def test_a_weight_is_so_many_copies_and_0_is_none(rows):
    codes, probabilities, weights = rows
    copies = np.repeat(codes, weights), np.repeat(probabilities, weights, axis=0)
    one, other = ClassificationFigures(), ClassificationFigures()
    one.add(codes, probabilities, weights)
    other.add(*copies)
    for name, value in other.figures().items():
        assert one.figures()[name] == (None if value is None else pytest.approx(value, **close)), name
    assert np.array_equal(one.by_class().confusion, other.by_class().confusion)


@given(classified())
def test_each_class_is_as_in_scikit_learn(rows):
    codes, probabilities, weights = rows
    K, predicted = probabilities.shape[1], probabilities.argmax(axis=1)
    running = ClassificationFigures()
    running.add(codes, probabilities, weights)
    found, there = running.by_class(), weights > 0
    weighed = {"labels": range(K), "sample_weight": weights[there]}
    confusion = metrics.confusion_matrix(codes[there], predicted[there], **weighed)
    expected = metrics.precision_recall_fscore_support(codes[there], predicted[there], zero_division=np.nan, **weighed)
    assert np.array_equal(found.confusion, confusion)
    assert np.array_equal(found.support, expected[3])
    for ours, value in zip((found.precision, found.recall, found.f1), expected, strict=False):
        assert ours == pytest.approx(value, nan_ok=True, **close)
    records = found.records(tuple("abcd"[:K]))
    assert [record["class"] for record in records] == [*"abcd"[:K]]
    assert all((record["recall"] is None) == (record["support"] == 0) for record in records)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=30))
def test_roc_auc_counts_pairs(rows):
    """The share of pairs of a positive and a negative that are in the right order, ties for half."""
    positive = [score for label, score in rows if label]
    negative = [score for label, score in rows if not label]
    found = roc_auc(np.array([[scores.count(k) for k in range(6)] for scores in (negative, positive)]))
    if not positive or not negative:
        assert found is None
    else:
        wins = sum((p > n) + (p == n) / 2 for p in positive for n in negative)
        assert found == pytest.approx(wins / (len(positive) * len(negative)), rel=1e-12)


def test_what_is_undefined_is_none():
    """Rows of one class have no ranks, whichever class it is."""
    for codes in ([0, 0], [1, 1]):
        for K in (2, 3):
            figures = classification_figures(np.array(codes), np.full((2, K), 1 / K))
            assert figures["roc_auc"] is figures["average_precision"] is None
            assert all(
                value is not None for name, value in figures.items() if name not in ("roc_auc", "average_precision")
            )


def test_calibration_by_hand():
    """In the bin of 0.9, two of three rows are right: off by 0.9 - 2/3; in that of 0.6 one of one: off by 0.4."""
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.4, 0.6]])
    found = classification_figures(np.array([0, 1, 1, 1]), probabilities)["calibration_error"]
    assert found == pytest.approx((3 * (0.9 - 2 / 3) + 0.4) / 4, rel=1e-12)


def test_a_class_said_to_be_impossible_costs_infinitely_much():
    figures = classification_figures(np.array([0, 1]), np.array([[0.0, 1.0], [0.5, 0.5]]))
    assert figures["log_loss"] == math.inf


def test_float32_probabilities_are_summed_in_float64():
    probabilities = np.full((3, 2), 0.5, np.float32)
    assert classification_figures(np.array([0, 1, 1]), probabilities)["log_loss"] == pytest.approx(
        math.log(2), rel=1e-15
    )


@st.composite
def measured(draw):
    """Numbers of one or two targets with ties, far from zero too, and whole weights of which some are 0."""
    m, k = draw(st.integers(1, 30)), draw(st.integers(1, 2))
    numbers = st.lists(st.lists(st.integers(-9, 9), min_size=k, max_size=k), min_size=m, max_size=m)
    y, predicted = (draw(st.sampled_from([0.0, 1e4])) + np.array(draw(numbers)) / 4 for _ in range(2))
    weights = np.array(draw(st.lists(st.integers(0, 3), min_size=m, max_size=m)))
    weights[draw(st.integers(0, m - 1))] = 1
    return y, predicted, weights


@given(measured())
def test_regression_is_scikit_learn_s(rows):
    y, predicted, weights = rows
    found = regression_figures(y, predicted, weights)
    rows = np.repeat(y, weights, axis=0), np.repeat(predicted, weights, axis=0)
    expected = {
        "rmse": metrics.root_mean_squared_error(*rows),
        "mae": metrics.mean_absolute_error(*rows),
        "median_absolute_error": metrics.median_absolute_error(*rows),
    }
    if len(rows[0]) > 1:
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = metrics.r2_score(*rows, multioutput="raw_values", force_finite=False)
        expected["r2"] = np.where(np.isnan(r2), 1.0, r2).mean()  # 0 / 0: a constant that is met
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, **close), name


def test_regression_by_hand():
    """Errors 3, -4, 0 and 0: squares sum to 25; y has mean 3 and squares 4 + 1 + 1 + 4 = 10 around it."""
    figures = regression_figures(np.array([[1.0], [2.0], [4.0], [5.0]]), np.array([[4.0], [-2.0], [4.0], [5.0]]))
    assert figures == {"rmse": 2.5, "mae": 1.75, "r2": -1.5, "median_absolute_error": 1.5}


@pytest.mark.parametrize("constant", [2.0, 0.1])  # the mean of three 0.1 is not 0.1
@pytest.mark.parametrize(("error", "r2"), [(0.0, 1.0), (1.0, -math.inf)])
def test_r2_of_a_constant_target(constant, error, r2):
    assert regression_figures(np.full((3, 1), constant), np.full((3, 1), constant + error))["r2"] == r2


def test_what_is_better_is_known_of_every_figure():
    codes, probabilities = np.array([0, 1]), np.array([[0.8, 0.2], [0.4, 0.6]])
    numbers = np.array([[1.0], [2.0]])
    assert {*classification_figures(codes, probabilities), *regression_figures(numbers, numbers)} == {*CATALOGUE}
    perfect, poor = np.eye(2), np.eye(2)[::-1]
    best, worst = classification_figures(codes, perfect), classification_figures(codes, poor)
    best |= regression_figures(numbers, numbers)
    worst |= regression_figures(numbers, numbers[::-1])
    assert all((best[name] > worst[name]) == about.higher_is_better for name, about in CATALOGUE.items())


@pytest.mark.parametrize("running", [ClassificationFigures, RegressionFigures])
def test_rows_that_do_not_count_leave_no_figures(running):
    figures = running()
    with pytest.raises(InvalidParameterError, match="at least one row"):
        figures.figures()
    figures.add(np.array([[0.0]] if running is RegressionFigures else [0]), np.array([[1.0, 0.0]]), np.array([0.0]))
    with pytest.raises(InvalidParameterError, match="weight above 0"):
        figures.figures()


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, math.nan], [[1.0], [1.0]]])
def test_weights_that_are_none(weights):
    with pytest.raises(InvalidParameterError, match="2 finite numbers of at least 0"):
        classification_figures(np.array([0, 1]), np.full((2, 2), 0.5), np.array(weights))
