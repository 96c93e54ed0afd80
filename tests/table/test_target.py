import json
from dataclasses import replace

import numpy as np
import pytest

from chainrule._errors import InvalidParameterError, TableError, TargetError
from chainrule.table import Target, from_frame, infer_target, read_table


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        (["b", "a", "b"], "classification", ("a", "b")),
        ([True, False, None], "classification", (False, True)),
        ([5.5, -1.0, 5.5], "classification", (-1, 5.5)),
        ([0, 1, 2, 1], "classification", (0, 1, 2)),
        ([1.0, 2.0, 3.0, None], "classification", (1, 2, 3)),
        ([0, 1, 3, 1], "regression", ()),
        ([2, 3, 4, 3], "regression", ()),
        (list(range(21)) * 3, "regression", ()),
        ([0.5, 1.5, 2.5], "regression", ()),
    ],
)
def test_the_task_is_inferred(values, task, classes):
    target = infer_target(from_frame({"y": values}), ["y"])
    assert (target.task, target.classes) == (task, classes)
    assert [type(label) for label in target.classes] == [type(label) for label in classes]
    assert target.reason


def test_the_task_can_be_set():
    table = from_frame({"y": [3, 4, 5, 3, 4, 5]})
    assert infer_target(table, ["y"], "classification").classes == (3, 4, 5)
    assert infer_target(from_frame({"y": [0, 1]}), [1], "regression").task == "regression"


def test_codes_of_classes():
    table = from_frame({"y": ["red", None, "blue", "red"]})
    target = infer_target(table, ["y"])
    assert target.missing(table).tolist() == [False, True, False, False]
    assert target.encode(table, np.array([0, 2, 3])).tolist() == [1, 0, 1]
    with pytest.raises(TargetError, match="1 rows lack a value of y"):
        target.encode(table)


def test_several_regression_targets():
    table = from_frame({"a": [1.0, 2.0, 6.0], "b": [10, 10, 10], "c": [None, 1.0, 2.0]})
    target = replace(infer_target(table, ["a", "b"]), centre=(1.5, 10.0), scale=(0.5, 1.0))
    y = target.encode(table)
    assert y.dtype == np.float64
    assert target.standardise(y).tolist() == [[-1, 0], [1, 0], [9, 0]]
    assert target.to_units(target.standardise(y)).tolist() == y.tolist()
    assert infer_target(table, ["a", "c"]).missing(table).tolist() == [True, False, False]


def test_labels_spelled_differently_are_understood_and_said():
    target = infer_target(from_frame({"y": ["<=50K", ">50K", ">50K"]}), ["y"])
    test = from_frame({"y": [">50K.", " <=50k", ">50K"]})
    assert target.encode(test).tolist() == [1, 0, 1]
    assert target.notes(test) == ("y: '<=50k' read as '<=50K', '>50K.' read as '>50K'",)
    assert target.notes(from_frame({"y": [">50K"]})) == ()


def test_labels_that_differ_by_case_alone_are_kept_apart():
    target = infer_target(from_frame({"y": ["a", "A", "b"]}), ["y"])
    with pytest.raises(TargetError, match="'B'"):
        target.encode(from_frame({"y": ["B"]}))


def test_unknown_labels_are_named():
    target = infer_target(from_frame({"y": ["cat", "dog"]}), ["y"])
    with pytest.raises(TargetError, match=r"training did not have: 'cow'; the classes are 'cat', 'dog'"):
        target.encode(from_frame({"y": ["cat", "cow"]}))


def test_numbers_in_training_and_text_later():
    target = infer_target(from_frame({"y": [0, 1, 2]}), ["y"])
    assert target.encode(from_frame({"y": ["2", "0"]})).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("columns", "names", "task", "message"),
    [
        ({"y": ["a", "a"]}, ["y"], "auto", "one class only, 'a'"),
        ({"y": [3, 3]}, ["y"], "auto", "one class only, '3'"),
        ({"y": [None, None]}, ["y"], "auto", "no values: all 2 rows are missing"),
        ({"y": ["1", "low"]}, ["y"], "regression", "must hold numbers, but it has '1'"),
        ({"y": ["high", "low"], "z": [1, 2]}, ["y", "z"], "auto", "must hold numbers, but it has 'high'"),
        ({"y": [1, 2], "z": [1, 2]}, ["y", "z"], "classification", "predicts one column, got 2"),
        ({"y": [f"name {i}" for i in range(30)]}, ["y"], "auto", "30 classes in 30 rows"),
        ({"y": [1, 2]}, [], "auto", "At least one target"),
    ],
)
def test_impossible_targets(columns, names, task, message):
    with pytest.raises(TargetError, match=message):
        infer_target(from_frame(columns), names, task)


def test_unknown_column_or_task():
    table = from_frame({"price": [1, 2]})
    with pytest.raises(TableError, match="Did you mean 'price'"):
        infer_target(table, ["prices"])
    with pytest.raises(InvalidParameterError, match="got 'regress'"):
        infer_target(table, ["price"], "regress")


@pytest.mark.parametrize("values", [["a", "b"], [True, False], [0, 1], [0.25, 3.0], [1.1, 2.3, 7.7]])
def test_through_json_and_back_is_exact(values):
    table = from_frame({"y": values})
    target = infer_target(table, ["y"])
    restored = Target.from_dict(json.loads(json.dumps(target.to_dict())))
    assert restored == target
    assert [type(label) for label in restored.classes] == [type(label) for label in target.classes]


def test_adult_labels_of_both_files(shared_data):
    train, test = (read_table(shared_data(f"adult/adult.{part}")) for part in ("data", "test"))
    target = infer_target(train, [15])
    assert target.classes == ("<=50K", ">50K")
    assert target.encode(train).mean() == pytest.approx(0.2408, abs=5e-5)
    assert target.encode(test).mean() == pytest.approx(0.2362, abs=5e-5)
    assert target.notes(test) == ("column15: '<=50K.' read as '<=50K', '>50K.' read as '>50K'",)


@pytest.mark.parametrize(
    ("name", "names", "task"),
    [
        ("credit-default/UCI_Credit_Card.csv", ["default.payment.next.month"], "classification"),
        ("pima/pima-indians-diabetes.csv", ["9"], "classification"),
        ("penguins/penguins.csv", ["species"], "classification"),
        ("wine-quality/winequality-red.csv", ["quality"], "regression"),
        ("bike-sharing/hour.csv", ["cnt"], "regression"),
        ("uci-regression/energy.csv", [9, 10], "regression"),
    ],
)
def test_tasks_of_public_tables(shared_data, name, names, task):
    assert infer_target(read_table(shared_data(name)), names).task == task
