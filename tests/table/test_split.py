import numpy as np
import pytest

from chainrule._errors import InvalidParameterError
from chainrule.table import from_frame, read_table, train_test_split


def test_every_row_is_on_one_side():
    table = from_frame({"x": np.arange(1000)})
    train, test = train_test_split(table, 0.2, seed=0)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(1000))
    assert (np.diff(train) > 0).all()
    assert len(test) == 200


def test_seed_and_content_decide_not_the_order():
    x = np.random.default_rng(0).normal(size=500)
    order = np.random.default_rng(1).permutation(500)
    _, test = train_test_split(from_frame({"x": x}), 0.3, seed=5)
    _, moved = train_test_split(from_frame({"x": x[order]}), 0.3, seed=5)
    assert set(x[test]) == set(x[order][moved])
    assert set(test) != set(train_test_split(from_frame({"x": x}), 0.3, seed=6)[1])


def test_copies_stay_together(shared_data):
    table = read_table(shared_data("wine-quality/winequality-red.csv"))
    keys = table.row_keys()
    assert len(keys) - len(np.unique(keys)) == 240  # duplicates counted by pandas, see the data's README
    train, test = train_test_split(table, 0.2, seed=0)
    assert not set(keys[train]) & set(keys[test])


def test_strata_keep_their_shares():
    classes = np.repeat([0, 1], [900, 100])
    _, test = train_test_split(from_frame({"x": np.arange(1000)}), 0.2, seed=0, strata=classes)
    assert np.bincount(classes[test]).tolist() == [180, 20]


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5])
def test_fraction_must_leave_both_sides(fraction):
    with pytest.raises(InvalidParameterError, match="between 0 and 1"):
        train_test_split(from_frame({"x": [1, 2, 3]}), fraction, seed=0)


def test_one_row_cannot_be_split():
    with pytest.raises(InvalidParameterError, match="one side would be empty"):
        train_test_split(from_frame({"x": [1]}), 0.5, seed=0)
