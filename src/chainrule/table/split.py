"""Training rows and test rows: drawn by content, so that copies of a row never lie on both sides."""

from __future__ import annotations

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.rows import holdout
from chainrule.network.types import Array
from chainrule.table.columns import Table


def train_test_split(
    table: Table | Array, test_fraction: float, seed: int, strata: Array | None = None
) -> tuple[Array, Array]:
    """Split rows into training and test rows, the same for the same content and seed.

    Parameters
    ----------
    table : Table or ndarray of shape (m,), uint64
        The rows, or their keys from `Table.row_keys`.
    test_fraction : float
        Share of the rows to test on, between 0 and 1.
    seed : int
    strata : ndarray of shape (m,), optional
        Class codes whose shares both sides keep. None by default: one stratum.

    Returns
    -------
    train_rows, test_rows : ndarray of int
        Row numbers, ascending.

    Raises
    ------
    InvalidParameterError
        If `test_fraction` is not between 0 and 1, or leaves one side empty.

    Examples
    --------
    >>> from chainrule.table import Column
    >>> table = Table((Column("x", "number", np.arange(10)),))
    >>> train, test = train_test_split(table, 0.3, seed=0)
    >>> len(train), len(test)
    (7, 3)
    """
    if not 0 < test_fraction < 1:
        raise InvalidParameterError(f"test_fraction must be between 0 and 1, got {test_fraction!r}.")
    keys = table.row_keys() if isinstance(table, Table) else table
    held_out = holdout(keys, test_fraction, seed=seed, strata=strata)
    if held_out.all() or not held_out.any():
        raise InvalidParameterError(
            f"{len(keys)} rows cannot be split with test_fraction={test_fraction}: one side would be empty."
        )
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
