"""Categorical inputs as learned vectors: a column of codes becomes a few rows of A[0] (Guo and Berkhahn, 2016).

An embedding is a dense layer without a bias on the one-hot vector of the category, E e_c = E[:, c]. Its derivative is
row 10 again, dE = (1/m) dA[0] (one-hot)ᵀ. Looking up columns, and adding them up, avoids the products with 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError
from chainrule.network.draws import generator
from chainrule.network.types import Array

MOST_LEVELS = 2**24  # whole numbers beyond are no longer exact in a table of float32


@dataclass(frozen=True)
class Embedding:
    """One categorical column of X, whose values are codes 0 to `levels` - 1.

    Attributes
    ----------
    column : int
        The number of the column in the table, which is a row of X in textbook orientation.
    levels : int
        The number of categories; code 0 stands for those that training has not seen.
    size : int
        The length of a category's vector.
    """

    column: int
    levels: int
    size: int


def check_embeddings(embeddings: Sequence[Embedding], n_columns: int) -> None:
    """Raise InvalidParameterError unless the embeddings have different columns of the table and valid sizes."""
    columns = [embedding.column for embedding in embeddings]
    if len(set(columns)) < len(columns) or not all(0 <= column < n_columns for column in columns):
        raise InvalidParameterError(f"embeddings must be of different columns 0 to {n_columns - 1}, got {columns}.")
    for embedding in embeddings:
        if not 1 <= embedding.levels <= MOST_LEVELS or embedding.size < 1:
            raise InvalidParameterError(
                f"an embedding needs at least one entry, and 1 to {MOST_LEVELS:,} levels; got {embedding}."
            )


def check_codes(embeddings: Sequence[Embedding], X: Any, places: Array | slice = slice(None)) -> None:
    """Raise an error unless every embedded column holds valid codes at the given places.

    Raises
    ------
    ShapeError
        If a code is not one of 0 to `levels` - 1.
    InvalidParameterError
        If X is sparse.
    """
    if embeddings and hasattr(X, "indptr"):
        raise InvalidParameterError("X must be dense where columns are embedded, got a sparse one: call X.toarray().")
    for embedding in embeddings:
        column = X[embedding.column][places]
        wrong = ~((column >= 0) & (column < embedding.levels) & (column == np.floor(column)))
        if wrong.any():
            raise ShapeError(
                f"column {embedding.column} of X must hold codes 0 to {embedding.levels - 1}, one for each level, got "
                f"{column[wrong][0]}. Give unknown levels the code 0."
            )


def codes(embeddings: Sequence[Embedding], X: Any) -> list[Array]:
    """Return the codes of every embedded column, each of shape (m,)."""
    check_codes(embeddings, X)
    return [X[embedding.column].astype(np.intp) for embedding in embeddings]


def rows_of(embeddings: Sequence[Embedding], n: int) -> list[slice]:
    """Return which of the n rows of A[0] belong to each embedding: the last ones, in order.

    Examples
    --------
    >>> rows_of([Embedding(column=1, levels=4, size=3), Embedding(column=3, levels=2, size=1)], 6)
    [slice(2, 5, None), slice(5, 6, None)]
    """
    sizes = [0, *(embedding.size for embedding in embeddings)]
    return [slice(int(first), int(last)) for first, last in pairwise(n - sum(sizes) + np.cumsum(sizes))]


def numbers(embeddings: Sequence[Embedding], X: Any) -> Any:
    """Return the rows of X that are numbers, not codes."""
    return np.delete(X, [embedding.column for embedding in embeddings], axis=0)


def embed(embeddings: Sequence[Embedding], E: Sequence[Array], X: Any, C: Sequence[Array]) -> Any:
    """A[0] of shape (n[0], m): the numerical rows of X, then E[j][:, c] for the codes c in C[j] of each embedding."""
    if not embeddings:
        return X
    return np.vstack([numbers(embeddings, X), *(E_j[:, c] for E_j, c in zip(E, C, strict=True))])


def dE(embeddings: Sequence[Embedding], dA: Array, C: Sequence[Array]) -> list[Array]:
    """E e_c = E[:, c], so dE[j] = (1/m) Σ dA[0] over the examples of each category: (size, levels).

    Parameters
    ----------
    embeddings : sequence of Embedding
    dA : ndarray of shape (n[0], m)
        dA[0].
    C : sequence of ndarray of shape (m,)
        The codes.
    """
    gradients, m = [], dA.shape[1]
    for embedding, rows, c in zip(embeddings, rows_of(embeddings, len(dA)), C, strict=True):
        total = np.zeros((embedding.levels, embedding.size), dA.dtype)
        np.add.at(total, c, dA[rows].T)
        gradients.append(total.T / m)
    return gradients


def initial_vectors(embedding: Embedding, *, seed: int, number: int) -> Array:
    """Draw E[j] of shape (size, levels): uniform with variance 1 / (3 size); 0 for unseen categories."""
    limit = 1 / np.sqrt(embedding.size)
    E = generator(seed, "embeddings", number).uniform(-limit, limit, (embedding.levels, embedding.size)).T
    E[:, 0] = 0
    return E


def suggested_size(levels: int) -> int:
    """Return the default length of a vector: 1.6 levels^0.56, at most 600 (fastai's rule).

    Examples
    --------
    >>> [suggested_size(levels) for levels in (2, 7, 42, 1000, 1_000_000)]
    [2, 5, 13, 77, 600]
    """
    return int(min(600, round(1.6 * levels**0.56)))
