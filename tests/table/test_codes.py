"""Levels as the codes of an embedding."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from chainrule._errors import TableError
from chainrule.network.embeddings import Embedding
from chainrule.table import Column, Encoder, Table
from chainrule.table.encoding.blocks import Codes, OneHot
from chainrule.table.encoding.fit_blocks import fit_codes, fit_number
from chainrule.table.reading.from_frame import level_column, number_column

TEXTS = np.array(["b", "a", "c", "b", "a", "c", "rare", None], object)
ONES = np.ones(8)


def _codes(block, values):
    return Encoder((block,)).transform(Table((level_column("x", np.array(values, object)),)), dtype=np.float64)[:, 0]


def test_codes_of_seen_rare_unseen_and_missing_levels():
    block = fit_codes(level_column("x", TEXTS), slice(None), ONES)
    assert block == Codes("x", ("a", "b", "c"), 4, missing=True)
    assert_array_equal(_codes(block, ["a", "b", "c", "rare", "new", None]), [1, 2, 3, 0, 0, 4])
    assert block.shown == ("(other)", "a", "b", "c", "(missing)")
    assert_array_equal(_codes(Codes("x", ("a",), 1, missing=False), ["a", None]), [1, 0])


def test_only_the_rows_given_are_measured():
    block = fit_codes(level_column("x", TEXTS), np.array([0, 1, 3, 4]), ONES[:4])
    assert block == OneHot("x", ("a", "b"), other=False, missing=False)
    assert fit_codes(level_column("x", TEXTS), np.array([0, 1, 3, 4]), ONES[:4], 3).levels == ("a", "b")


@pytest.mark.parametrize(
    ("weights", "levels"), [([2, 2, 1], ("a", "b")), ([2, 2, 2], ("a", "b", "c")), ([3, 0.5, 0.5], ("a",))], ids=str
)
def test_rare_is_counted_in_copies(weights, levels):
    column = level_column("x", np.array(["a", "b", "c"], object))
    assert fit_codes(column, slice(None), np.array(weights, float)).levels == levels


def test_weights_below_1_on_average_are_scaled_up_to_it():
    column = level_column("x", TEXTS)
    assert fit_codes(column, slice(None), ONES / 8) == fit_codes(column, slice(None), ONES)


def test_embeddings_stand_where_their_codes_do():
    number = fit_number(Column("n", "number", np.array([1.0, np.nan])), slice(None), ONES[:2], scale=False, impute=True)
    encoder = Encoder((number, Codes("x", ("a",), 5, missing=False), number, Codes("y", (), 1, missing=False)))
    assert encoder.embeddings == (Embedding(2, 2, 5), Embedding(5, 1, 1))
    assert Encoder.from_dict(encoder.to_dict()) == encoder


def test_levels_are_texts_as_they_stand_and_numbers_as_spelled():
    assert level_column("x", np.array(["NA", "01", " 1", "", None], object)).levels == ("", " 1", "01", "NA")
    assert level_column("x", np.array([1.0, 2.5, np.nan])).as_text().levels == ("1", "2.5")
    assert level_column("x", np.array([True, False])).as_text().levels == ("False", "True")


def test_numbers_are_numbers_or_refused():
    assert_array_equal(number_column("x", np.array(["1", "2.5", None], object)).values, [1, 2.5, np.nan])
    assert number_column("x", np.array([1, 2], np.int8)).values.dtype == np.int8
    assert_array_equal(number_column("x", np.array([True, None], object)).values, [1, np.nan])
    with pytest.raises(TableError, match="'x' must hold numbers, but: could not convert string to float: 'red'"):
        number_column("x", np.array(["red"]))
    with pytest.raises(TableError, match="'x' holds dates"):
        number_column("x", np.array(["2024-01-01"], "datetime64[D]"))


def test_a_number_too_large_to_be_squared_is_refused():
    column = Column("x", "number", np.array([1e300, -1e300]))
    with pytest.raises(TableError, match="'x' is too large to be standardised"):
        fit_number(column, slice(None), ONES[:2], scale=True, impute=False)
