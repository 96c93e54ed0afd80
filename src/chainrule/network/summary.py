"""The summary of a network as a table: layers, shapes, parameters, multiply-adds, bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.network.architecture import Architecture
from chainrule.network.embeddings import Embedding
from chainrule.network.parameters import n_parameters, n_weights

_HEADER = ("layer", "activation", "W", "b", "parameters", "multiply-adds", "bytes")


@dataclass(frozen=True)
class Summary:
    """The size of a network and its cost in time; `str` gives the table.

    Multiply-adds are those of W A in one forward pass over a batch; a backward pass takes twice as many. Bytes are
    those of the parameters; the bytes of Z and A, which training keeps for a batch, are listed separately.

    Examples
    --------
    >>> from chainrule.network import Dense, Network
    >>> print(Network([Dense(3, "tanh"), Dense(1, "sigmoid")], n_inputs=2).summary())
    layer  activation       W       b  parameters  multiply-adds  bytes
        1  tanh        (3, 2)  (3, 1)           9              6     72
        2  sigmoid     (1, 3)  (1, 1)           4              3     32
    total                                      13              9    104
    loss: sigmoid + binary_cross_entropy; Z and A of a batch of 1: 80 bytes
    """

    architecture: Architecture
    dtype: np.dtype[Any]
    batch_size: int = 1

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict per embedding, then one per layer, with the keys of the table's header."""
        itemsize = self.dtype.itemsize
        rows = [self._embedding(j, embedding) for j, embedding in enumerate(self.architecture.embeddings)]
        for l in range(1, self.architecture.L + 1):
            p, n = self.architecture.widths[l - 1 : l + 1]
            g = self.architecture.g[l]
            values = (
                l,
                g.name,
                (n, p),
                (n, 1),
                n * p + n,
                n * p * self.batch_size,
                (n * p + n) * itemsize,
            )
            rows.append(dict(zip(_HEADER, values, strict=True)))
        return rows

    def _embedding(self, j: int, embedding: Embedding) -> dict[str, Any]:
        """E[j] instead of W; vectors are looked up, so there are no products."""
        size, levels = embedding.size, embedding.levels
        values = (f"E[{j}]", "", (size, levels), "", size * levels, 0, size * levels * self.dtype.itemsize)
        return dict(zip(_HEADER, values, strict=True))

    @property
    def totals(self) -> dict[str, int]:
        """Parameters, multiply-adds, bytes of the parameters, bytes of the activations of a batch."""
        widths, itemsize = self.architecture.widths, self.dtype.itemsize
        parameters = n_parameters(widths, self.architecture.embeddings)
        return {
            "parameters": parameters,
            "multiply-adds": n_weights(widths) * self.batch_size,
            "bytes": parameters * itemsize,
            "activation bytes": (sum(widths) + sum(widths[1:])) * self.batch_size * itemsize,
        }

    def __str__(self) -> str:
        lines = [tuple(_cell(row[name]) for name in _HEADER) for row in self.rows]
        totals = self.totals
        last = ("total", "", "", "", *(_cell(totals[name]) for name in _HEADER[4:]))
        table = [_HEADER, *lines, last]
        widths = [max(len(line[i]) for line in table) for i in range(len(_HEADER))]
        text = ["  ".join(_aligned(i, cell, widths[i]) for i, cell in enumerate(line)).rstrip() for line in table]
        text.append(
            f"loss: {self.architecture.loss.pair}; Z and A of a batch of {self.batch_size}: "
            f"{_cell(totals['activation bytes'])} bytes"
        )
        return "\n".join(text)

    __repr__ = __str__  # in a notebook, too


def _cell(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _aligned(i: int, cell: str, width: int) -> str:
    return cell.ljust(width) if _HEADER[i] == "activation" else cell.rjust(width)
