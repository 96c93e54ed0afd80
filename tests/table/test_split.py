import numpy as np
import pytest

from chainrule._errors import InvalidParameterError
from chainrule.table import read_table, train_test_split


def test_every_row_is_on_one_side():
    train, test = train_test_split(1000, 0.2, seed=0)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(1000))
    assert (np.diff(train) > 0).all()
    assert len(test) == 200
    assert set(test) != set(train_test_split(1000, 0.2, seed=6)[1])


def test_copies_of_features_stay_together_in_a_table_of_distinct_rows(shared_data):
    table = read_table(shared_data("wine-quality/winequality-red.csv"))
    keys = table.without(["quality"]).row_keys()
    assert len(keys) - len(np.unique(keys)) == 240  # duplicates counted by pandas, see the data's README
    train, test = train_test_split(len(keys), 0.2, seed=0, keys=keys)
    assert not set(keys[train]) & set(keys[test])
    assert len(test) == pytest.approx(0.2 * len(keys), abs=2)


def test_classes_keep_their_shares():
    classes = np.repeat([0, 1], [900, 100])
    _, test = train_test_split(1000, 0.2, seed=0, classes=classes)
    assert np.bincount(classes[test]).tolist() == [180, 20]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_fraction_must_leave_both_sides(fraction):
    with pytest.raises(InvalidParameterError, match="between 0 and 1"):
        train_test_split(3, fraction, seed=0)


def test_one_row_cannot_be_split():
    with pytest.raises(InvalidParameterError, match="one side would be empty"):
        train_test_split(1, 0.5, seed=0)
