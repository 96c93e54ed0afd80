"""Training rows and test rows."""

from __future__ import annotations

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.network.types import Array
from chainrule.table.holdout import holdout


def train_test_split(
    m: int,
    test_fraction: float,
    seed: int,
    *,
    classes: Array | None = None,
    values: Array | None = None,
    keys: Array | None = None,
) -> tuple[Array, Array]:
    """Split rows at random into training and test rows.

    Parameters
    ----------
    m : int
        How many rows there are.
    test_fraction : float
        Share of the rows to test on, between 0 and 1.
    seed : int
    classes, values, keys : ndarray of shape (m,), optional
        Of what both sides keep the shares, and what tells copies of a row: see `chainrule.table.holdout`.

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
    >>> train, test = train_test_split(10, 0.3, seed=0)
    >>> len(train), len(test)
    (7, 3)
    """
    if not 0 < test_fraction < 1:
        raise InvalidParameterError(f"test_fraction must be between 0 and 1, got {test_fraction!r}.")
    held_out = holdout(m, test_fraction, seed=seed, purpose="test", classes=classes, values=values, keys=keys)
    if held_out.all() or not held_out.any():
        raise InvalidParameterError(
            f"{m} rows cannot be split with test_fraction={test_fraction}: one side would be empty."
        )
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
