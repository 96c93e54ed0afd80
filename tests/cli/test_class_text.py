"""The table of the classes, the confusion matrix and the remarks, as they are shown."""

import math

import numpy as np
import pytest

from chainrule.cli.class_text import advice, class_record, class_text, remarks
from chainrule.cli.display import strict_json
from chainrule.metrics import ByClass


def of(confusion) -> ByClass:
    confusion = np.array(confusion)
    return ByClass(np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0), confusion)


RARE = of([[250, 38, 0], [2, 28, 0], [12, 0, 0]])
DEFINED = {"roc_auc": 0.5}


def test_the_classes_are_shown():
    """Recall of a 250 / 288, precision 250 / 264; c is never predicted, so it has no precision."""
    table = class_text(RARE, ("a", "b", "c")).split("\n\n")[1].splitlines()
    assert [line.split() for line in table] == [
        ["class", "precision", "recall", "F1", "test", "rows"],
        ["a", "0.9470", "0.8681", "0.9058", "288"],
        ["b", "0.4242", "0.9333", "0.5833", "30"],
        ["c", "-", "0", "0", "12"],
        ["macro", "mean", "0.4571", "0.6005", "0.4964", "330"],
    ]


def test_the_confusion_matrix_is_shown():
    matrix = class_text(RARE, ("a", "b", "c")).split("\n\n")[2].splitlines()[1:]
    assert [line.split() for line in matrix] == [
        ["a", "b", "c"],
        ["a", "250", "38", "0"],
        ["b", "2", "28", "0"],
        ["c", "12", "0", "0"],
    ]


def test_a_class_that_is_never_predicted_and_one_of_few_rows_are_named():
    assert remarks(DEFINED, RARE, ("a", "b", "c"), advice=advice({})) == [
        "class 'c' is never predicted (12 of 330 test rows); trained with --class-weight balanced, rare classes count "
        "more",
        "fewer than 30 test rows of 'c' (12): their figures are uncertain",
    ]
    several = of([[40, 0, 0], [5, 0, 0], [3, 0, 0]])
    assert remarks(DEFINED, several, (1, 2, 3), "rows") == [
        "classes 2 (5), 3 (3) are never predicted (8 of 48 rows)",
        "fewer than 30 rows of 2 (5), 3 (3): their figures are uncertain",
    ]
    assert remarks(DEFINED, of([[30, 0], [0, 30]]), (False, True)) == []
    assert remarks({"r2": 0.5}, None, ()) == []


def test_many_classes_are_named_in_part():
    said = remarks(DEFINED, of(np.eye(40, dtype=int)), tuple(range(40)))
    assert said == [
        "fewer than 30 test rows of 0 (1), 1 (1), 2 (1), 3 (1), 4 (1) and 35 more: their figures are uncertain"
    ]


def test_a_model_with_class_weights_needs_no_advice():
    assert advice({"objective": {"class_weight": "balanced"}}) == ""
    assert "--class-weight" in advice({"objective": {"class_weight": None}})


@pytest.mark.parametrize("K", [2, 3, 12, 13, 40, 200])
@pytest.mark.parametrize("letters", [1, 9, 300])
@pytest.mark.parametrize("most", [1, 10_000_000])
@pytest.mark.parametrize("weight", [1, 0.123])
def test_everything_fits_a_terminal(K, letters, most, weight):
    confusion = np.random.default_rng(K).integers(0, most + 1, size=(K, K)) * weight
    names = tuple(f"{k}".rjust(letters, "x") for k in range(K))
    text = class_text(of(confusion), names)
    assert max(map(len, text.splitlines())) <= 80
    assert ("--json has all" in text) == (K > 12 or "other" in text)


def test_what_is_not_shown_is_counted_as_other():
    confusion = np.diag(np.arange(20, 0, -1)) + np.eye(20, k=-1, dtype=int) * 5
    first = class_text(of(confusion), tuple("abcdefghijklmnopqrst")).split("\n\n")[2].splitlines()[1:14]
    assert first[0].split() == [*"abcdefghijkl", "other"]  # l has 9 + 5 rows, of which m, not shown, has none
    rows = [line.split() for line in first[1:]]
    assert [sum(map(int, row[1:])) for row in rows] == confusion.sum(axis=1)[:12].tolist()
    assert rows[0][1] == "20"


def test_more_classes_than_a_matrix_is_kept_of():
    many = ByClass(np.ones(300), np.ones(300), np.ones(300))
    assert "no confusion matrix: there are 300 classes" in class_text(many, tuple(range(300)))


def test_a_class_that_would_break_the_line():
    text = class_text(RARE, ("two\nlines", "\x1b[31m", "c"))
    assert "two lines" in text
    assert "\x1b" not in text


def test_the_record_is_strict_json():
    record = class_record(RARE, ("a", "b", "c"))
    assert "NaN" not in strict_json(record)
    assert record["per_class"][2] == {"class": "c", "precision": None, "recall": 0.0, "f1": 0.0, "support": 12}
    assert math.isclose(record["per_class"][0]["recall"], 250 / 288)
    assert class_record(None, ()) == {}
