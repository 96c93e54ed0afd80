"""Windows of rows on disk: many places of the table in each, whatever the memory and the width of the rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule._errors import InvalidParameterError
from chainrule.outofcore.memory import LEAST, WINDOW, Budget, megabytes_for


@given(total=st.integers(LEAST, 10**11), row_bytes=st.integers(4, 10**6))
def test_a_window_has_all_its_blocks_and_fits(total, row_bytes):
    budget = Budget(total)
    if total < 10**6 * megabytes_for(WINDOW, row_bytes) - 10**6:
        with pytest.raises(InvalidParameterError, match=f"need at least {megabytes_for(WINDOW, row_bytes):,} MB"):
            budget.window(row_bytes)
    elif total >= 10**6 * megabytes_for(WINDOW, row_bytes):
        block, window = budget.window(row_bytes)
        assert window == 64
        assert 4 * block * window * row_bytes <= budget.rows
        assert block == 4096 or 4 * (block + 1) * window * row_bytes > budget.rows  # no smaller than it must be


@given(rows=st.integers(1, 4096 * 64), row_bytes=st.integers(4, 10**6))
def test_the_memory_named_is_enough(rows, row_bytes):
    block, window = Budget(10**6 * megabytes_for(rows, row_bytes)).window(row_bytes)
    assert block * window >= rows


def test_narrow_rows_keep_their_order():
    """That of models trained before: blocks and windows decide it."""
    assert Budget.asked("2GB").window(204) == (4096, 64)
