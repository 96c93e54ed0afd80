"""Numbers as they are read: a window of a matrix, with as many digits as tell its entries apart."""

from __future__ import annotations

import math

import numpy as np

from chainrule.formula import tree as t
from chainrule.network.types import Array

MOST = 8  # rows and columns of a window
_DIGITS, _LEAST_DIGITS, _MOST_DECIMALS = 4, 2, 6
_TOO_LARGE = 1e6  # from here on numbers are written with an exponent
MINUS = "\N{MINUS SIGN}"


def window(array: Array, *, rows: int = MOST, columns: int = MOST) -> t.Matrix:
    """Return the entries to show, as texts: the first ones, None for what is left out, and the last.

    Examples
    --------
    >>> window(np.array([[0.5, -0.25], [2.0, -0.0]])).rows
    (('0.50', '−0.25'), ('2.00', '0.00'))
    >>> window(np.arange(20.0)[None], columns=4).rows
    (('0', '1', None, '19'),)
    """
    array = np.atleast_2d(array)
    lines, places = shown(array.shape[0], rows), shown(array.shape[1], columns)
    kept = array[np.ix_([i for i in lines if i is not None], [j for j in places if j is not None])]
    decimals = decimals_of(kept)

    def entry(i: int | None, j: int | None) -> str | None:
        return None if i is None or j is None else digits(array[i, j], decimals)

    return t.Matrix(tuple(tuple(entry(i, j) for j in places) for i in lines))


def shown(n: int, most: int) -> list[int | None]:
    """The places that are shown of n: all, or the first ones, a gap, and the last."""
    return list(range(n)) if n <= most else [*range(most - 2), None, n - 1]


def decimals_of(values: Array, figures: int = _DIGITS, most: int = _MOST_DECIMALS) -> int:
    """How many decimals to write: enough for the largest number, two figures of the smallest, none that are all 0."""
    sizes = np.abs(values[np.isfinite(values) & (values != 0)])
    sizes = sizes[sizes < _TOO_LARGE]
    if not sizes.size:
        return 0
    smallest = sizes[sizes >= sizes.max() / 1000].min()  # a lone speck would lengthen every number
    wanted = max(_decimals(sizes.max(), figures), _decimals(smallest, _LEAST_DIGITS))
    decimals = min(wanted, most)
    while decimals and all(f"{size:.{decimals}f}".endswith("0") for size in sizes):
        decimals -= 1
    return decimals


def _decimals(size: float, figures: int) -> int:
    return max(0, figures - 1 - math.floor(math.log10(size)))


def digits(value: float, decimals: int) -> str:
    """One number: a true minus, no minus before 0, an exponent where the decimals would not show it.

    Examples
    --------
    >>> digits(-0.00001, 2), digits(-0.0, 1), digits(float("-inf"), 2)
    ('−1.0e−5', '0.0', '−∞')
    """
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    written = f"{value:z.{decimals}f}"
    if abs(value) >= _TOO_LARGE or 0 < abs(value) < 0.95 * 10**-decimals:
        mantissa, exponent = f"{value:.{_DIGITS - 1 if abs(value) >= _TOO_LARGE else 1}e}".split("e")
        written = f"{mantissa}e{int(exponent)}"
    return written.replace("-", MINUS)


def number(value: float, figures: int = 6) -> str:
    """A number by itself, to six figures.

    Examples
    --------
    >>> number(0.123456789), number(2.0), number(0.000117003), number(-1e-10)
    ('0.123457', '2', '0.000117003', '−1.0e−10')
    """
    return digits(value, decimals_of(np.array([value]), figures, most=figures + 3))


def widths_of(matrix: t.Matrix) -> list[int]:
    """How wide each column of a window is, in characters."""
    return [max(len(cell or " ") for cell in column) for column in zip(*matrix.rows, strict=True)]


def fitting(array: Array, width: int) -> t.Matrix:
    """The widest window whose columns, two characters apart, fit a width."""
    for columns in range(MOST, 3, -1):
        matrix = window(array, columns=columns)
        if sum(w + 2 for w in widths_of(matrix)) <= width:
            break
    return matrix
