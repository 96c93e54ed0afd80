"""A number that is absurdly far out does not take a column from the network; nothing else changes a bit."""

import numpy as np
import pytest

from chainrule import MLPClassifier
from chainrule._errors import ChainruleWarning
from chainrule.table import Encoder, from_frame, infer_schema
from chainrule.table.encoding.fence import Fence
from chainrule.table.encoding.statistics import merged

DRAW = np.random.default_rng(0)
X = DRAW.normal(5, 2, size=4000)


def block(values, **roles):
    table = from_frame({"x": values, "other": np.arange(len(values)) % 7})
    return Encoder.fit(table, infer_schema(table, **roles)).blocks[0]


@pytest.mark.parametrize("slip", [1e6, -1e39, 1e200, 1.7e308])
@pytest.mark.parametrize("roles", [{"numeric": ["x"]}, {"ordinal": ["x"]}])
def test_one_slip_leaves_the_scale_of_the_others(slip, roles):
    values = X.copy()
    values[77] = slip
    with pytest.warns(ChainruleWarning, match=r"Column 'x' has numbers as far out as .*mend them if they are slips"):
        found = block(values, **roles)
    others = np.delete(X, 77)
    assert found.centre == pytest.approx(others.mean(), abs=0.01)
    assert found.scale == pytest.approx(others.std(), rel=0.01)


def test_a_slip_among_zeros_leaves_what_is_not_zero():
    values = np.where(np.arange(4000) % 200, 0, X)
    rare = block(values, numeric=["x"])
    values[7] = 1e200
    with pytest.warns(ChainruleWarning, match="as far out as 1e"):
        found = block(values, numeric=["x"])
    assert found.scale == pytest.approx(rare.scale, rel=0.2)  # the slip counts as one of the largest


def test_a_few_rows_are_enough():
    with pytest.warns(ChainruleWarning, match="nearly all lie from 2 to 4"):
        assert block(np.array([1.5, 2, 3, 4, 1e200])).scale < 2


ORDINARY = {
    "normal": X,
    "lognormal": np.exp(DRAW.normal(0, 2, size=4000)),
    "incomes": np.where(DRAW.random(4000) < 0.95, 0, np.exp(DRAW.normal(8, 1, size=4000))).round(),
    "two values": np.arange(4000) % 2,
    "rare": (np.arange(4000) == 3).astype(float),
    "counts": DRAW.poisson(0.01, size=4000),
    "sentinel": np.where(np.arange(4000) % 10, X, -999),
    "large": 1e15 + X,
    "two rows": np.array([1.0, 1e30]),
    "three rows": np.array([0.0, 1.0, 10_002.0]),
}


@pytest.mark.parametrize("values", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_columns_are_held(values):
    x, counts = merged(values)
    assert Fence.around(x, counts).holds(x[0], x[-1])


@pytest.mark.filterwarnings("ignore:Training reached max_iter")
def test_a_slip_in_rows_with_weights():
    weights = DRAW.integers(1, 4, size=400)
    values = np.column_stack([X[:400], DRAW.normal(size=400)])
    values[7, 0] = 1e39
    labels = (X[:400] > 5).astype(int)

    def fitted(rows, weights):
        model = MLPClassifier((3,), scale=True, random_state=0, max_iter=1)
        with pytest.warns(ChainruleWarning, match="do not count for its scale"):
            model.fit(values[rows], labels[rows], sample_weight=weights)
        return model._columns.encoder.blocks[0]

    once, copies = fitted(np.arange(400), weights), fitted(np.repeat(np.arange(400), weights), None)
    assert (once.centre, once.scale) == (copies.centre, copies.scale)
    assert once.scale == pytest.approx(2, rel=0.2)
