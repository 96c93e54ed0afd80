"""Initial weights given by the user, shaped like `coefs_`, `intercepts_` and `embeddings_`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule._errors import InvalidParameterError, ShapeError, nearest
from chainrule.network.parameters import Parameters
from chainrule.network.types import Array
from chainrule.table.encoding.blocks import Codes


@dataclass(frozen=True)
class InitialWeights:
    """Initial weights that replace drawn ones; None keeps those drawn.

    Attributes
    ----------
    coefs, intercepts : list of array-like, optional
    embeddings : mapping of mapping, optional
        Vectors by column and category.
    """

    coefs: Any = None
    intercepts: Any = None
    embeddings: Any = None

    def put(self, parameters: Parameters, blocks: Sequence[Codes] = ()) -> Parameters:
        """Return a copy of the parameters with the given weights.

        The blocks list the categories of the embeddings.

        Raises
        ------
        ShapeError
            If there is not one array per layer, or one does not fit; the message names the layer or the category.
        InvalidParameterError
            If a number is not finite, or a column has no embedding.
        """
        if not self:
            return parameters
        moved = replace(parameters, theta=parameters.theta.copy())
        W, b = moved.W[1:], moved.b[1:]
        if self.coefs is not None:
            for weights, coef in zip(W, _fitting("coef_init", self.coefs, [w.T.shape for w in W]), strict=True):
                weights[:] = coef.T
        if self.intercepts is not None:
            shapes = [bias.shape[:1] for bias in b]
            for bias, intercept in zip(b, _fitting("intercept_init", self.intercepts, shapes), strict=True):
                bias[:, 0] = intercept
        if self.embeddings is not None:
            _put_vectors({block.column: (block, E) for block, E in zip(blocks, moved.E, strict=True)}, self.embeddings)
        return moved


def _put_vectors(places: Mapping[str, tuple[Codes, Array]], given: Any) -> None:
    """Write the given vectors; categories that the column does not have are ignored."""
    if not isinstance(given, Mapping) or not all(isinstance(vectors, Mapping) for vectors in given.values()):
        raise InvalidParameterError(
            f"embedding_init must be a dict of a dict of vectors, as embeddings_; got {given!r}."
        )
    for column, vectors in given.items():
        if column not in places:
            hint = nearest(str(column), list(places)) if places else "There is none."
            raise InvalidParameterError(
                f"embedding_init names {column!r}, which is no column with an embedding. {hint}"
            )
        block, E = places[column]
        code_of = {level: code for code, level in enumerate(block.shown)}
        for level in [level for level in vectors if level in code_of]:
            E[:, code_of[level]] = _array(f"embedding_init of {column}={level}", vectors[level], E.shape[:1])


def _fitting(name: str, given: Any, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    if not isinstance(given, list | tuple) or len(given) != len(shapes):
        many = f"{len(given)} of them" if isinstance(given, list | tuple) else type(given).__name__
        raise ShapeError(f"{name} must be a list of one array for each of the {len(shapes)} layers, got {many}.")
    pairs = zip(given, shapes, strict=True)
    return [_array(f"{name} of layer {layer}", values, shape) for layer, (values, shape) in enumerate(pairs, start=1)]


def _array(what: str, values: Any, shape: tuple[int, ...]) -> Array:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(f"{what} must be numbers: {error}.") from error
    if array.shape != shape:
        raise ShapeError(f"{what} must have shape {shape}, got {array.shape}.")
    if not np.isfinite(array).all():
        raise InvalidParameterError(f"{what} must be finite numbers.")
    return array
