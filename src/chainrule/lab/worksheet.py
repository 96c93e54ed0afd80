"""`worksheet`: a pass through a small network to calculate by hand, and its key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError
from chainrule.derivation.document.blocks import Document
from chainrule.derivation.document.html import as_fragment, as_page
from chainrule.derivation.document.latex import as_latex
from chainrule.derivation.tracing.trace import Trace
from chainrule.lab import exercise
from chainrule.lab.blanks import Blanks, chosen_blanks
from chainrule.lab.document_of_worksheet import document_of_worksheet
from chainrule.lab.quantities import Quantity, quantities
from chainrule.network.custom.any_activation import ActivationSpec
from chainrule.network.network import Network
from chainrule.network.types import Array

_FEWEST_DECIMALS, _MOST_DECIMALS = 1, 6


@dataclass(frozen=True)
class Worksheet:
    """An exercise and its key; `to_html` and `to_latex` write both.

    Attributes
    ----------
    trace : Trace
        The pass to calculate, with all right numbers.
    blanks : tuple of str
        The lines to fill in, in the order of calculation: "Z[1]", "A[1]", ..., "L", "J", "dZ[2]", ...
    decimals : int
        The number of decimals of results that are not exact.
    seed : int
        The seed of its numbers.
    """

    trace: Trace
    blanks: tuple[str, ...]
    decimals: int
    seed: int

    @property
    def answers(self) -> dict[str, Array]:
        """The right numbers of every blank, not rounded."""
        return {name: self.quantities[name].value.copy() for name in self.blanks}

    @cached_property
    def quantities(self) -> dict[str, Quantity]:
        """Every line of the pass, given or to fill in."""
        return quantities(self.trace)

    def on_sheet(self, name: str) -> Array:
        """Return the rounded numbers of a line, as the sheet or its key shows them."""
        return np.round(self.quantities[name].value, self.decimals)

    def to_html(self, *, key: bool = False) -> str:
        """Write the sheet as one HTML page that prints on A4.

        Parameters
        ----------
        key : bool, default False
            Write the key instead: every number, and the calculation of one entry of each result.
        """
        return as_page(self._document(key=key))

    def to_latex(self, *, key: bool = False) -> str:
        """Write the sheet as a LaTeX document for pdflatex.

        Parameters
        ----------
        key : bool, default False
            Write the key instead.
        """
        return as_latex(self._document(key=key))

    def _document(self, *, key: bool) -> Document:
        return document_of_worksheet(self.trace, self.quantities, self.blanks, self.decimals, self.seed, key=key)

    def _repr_html_(self) -> str:
        return as_fragment(self._document(key=False))

    def __repr__(self) -> str:
        widths = "-".join(map(str, self.trace.widths))
        return f"Worksheet({widths}, m={self.trace.problem.m}, seed={self.seed}, blanks={', '.join(self.blanks)})"


def worksheet(
    net: Network | Sequence[int] | None = None,
    *,
    blanks: Blanks = "all",
    seed: int = 0,
    m: int = 2,
    activation: ActivationSpec | None = None,
    output: ActivationSpec | None = None,
    loss: str | None = None,
    decimals: int = 4,
) -> Worksheet:
    """Create an exercise in backpropagation with numbers to calculate by hand, different for every seed.

    Weights, biases, inputs and targets are multiples of 0.5. No gradient is 0 everywhere, no unit is inactive for all
    of several examples, no z is at a kink.

    Parameters
    ----------
    net : Network or tuple of int, optional
        The widths n[0] to n[L], by default (2, 2, 1); or a Network, whose weights are replaced.
    blanks : str, list of str, or float, default "all"
        The lines to fill in: "all", "forward", "backward", names such as ["Z[1]", "dW[2]", "db[1]"], or a share of all,
        drawn by the seed. The others are given.
    seed : int, default 0
    m : int, default 2
        The number of examples, 1 to 4.
    activation : str or (str, dict), optional
        The hidden activation, if widths are given: "relu" (the default), "leaky_relu" (with slope 0.1), "identity" and
        "hard_tanh" give numbers with few decimals; "sigmoid" and "tanh" need a calculator.
    output, loss : str, optional
        "identity" and "squared_error", unless one of the two implies the other: "sigmoid" is paired with
        "binary_cross_entropy", "softmax" with "categorical_cross_entropy".
    decimals : int, default 4
        The number of decimals of results that are not exact.

    Returns
    -------
    Worksheet
        `.to_html()`, `.to_latex()`, each also with `key=True`; `.answers`, `.blanks`.

    Raises
    ------
    InvalidParameterError
        If the network is too large to calculate by hand, or a blank is unknown.

    Examples
    --------
    >>> from chainrule import lab
    >>> sheet = lab.worksheet((2, 2, 1), blanks=["dZ[2]", "dW[2]"], seed=1)
    >>> sheet
    Worksheet(2-2-1, m=2, seed=1, blanks=dZ[2], dW[2])
    >>> sheet.answers["dZ[2]"]
    array([[-1.  , -0.25]])
    >>> lab.worksheet((3, 2, 2), output="softmax", seed=4).trace.problem.architecture.loss.pair
    'softmax + categorical_cross_entropy'
    """
    _check_whole("seed", seed, 0, 2**64 - 1)
    _check_whole("m", m, 1, exercise.MOST_EXAMPLES)
    _check_whole("decimals", decimals, _FEWEST_DECIMALS, _MOST_DECIMALS)
    trace = exercise.drawn(exercise.architecture_of(net, activation, output, loss), int(m), int(seed))
    return Worksheet(trace, chosen_blanks(blanks, quantities(trace), int(seed)), int(decimals), int(seed))


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise InvalidParameterError(f"{name} must be a whole number from {least} to {most}, got {value!r}.")
