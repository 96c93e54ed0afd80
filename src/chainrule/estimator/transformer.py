"""Learned features: the activations of a hidden layer as the output of a transformer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metaestimators import available_if

from chainrule._errors import InvalidParameterError
from chainrule.estimator.base import Estimator
from chainrule.estimator.stored_inputs import working_memory
from chainrule.network.types import Array


def _has_hidden_layers(estimator: Any) -> bool:
    if not estimator._settings().hidden:
        raise AttributeError("transform needs a hidden layer; hidden_layer_sizes is empty.")
    return True


class Transformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Estimator):
    """Base class for estimators with hidden layers."""

    def transform(self, X: Any, layer: int | str = -1) -> Array:
        """Return the features that a hidden layer has learned: its activations A[l].

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        layer : int or "all", default -1
            A hidden layer, 1 to L-1, or counted from the last one as -1, -2, ...; "all" stacks them side by side.

        Returns
        -------
        ndarray of shape (n_samples, n[l]), or a data frame after `set_output`

        Raises
        ------
        InvalidParameterError
            If there is no such layer, or a data frame is requested for another layer than the last: scikit-learn would
            give its columns the names of the last layer's.
        """
        network = self._trained()
        n_hidden = network.architecture.L - 1
        hidden = range(1, n_hidden + 1)
        if layer != "all" and layer not in (*hidden, *range(-n_hidden, 0)):
            raise InvalidParameterError(f"layer must be 1 to {n_hidden}, -1 to -{n_hidden}, or 'all'; got {layer!r}.")
        chosen = list(hidden) if layer == "all" else [hidden[int(layer) - 1 if int(layer) > 0 else int(layer)]]
        if chosen != [n_hidden] and _get_output_config("transform", self)["dense"] != "default":
            raise InvalidParameterError(
                f"a data frame has names for the last hidden layer only, not for layer={layer!r}: call "
                "set_output(transform='default') for an array."
            )
        X = self._inputs(X)
        if isinstance(X, Iterator):
            X = np.concatenate([*X])
        return network.activations(X, chosen, working_memory())

    @property
    def embeddings_(self) -> dict[str, dict[str, Array]]:
        """The learned vector of each category, by column.

        "(other)" stands for rare and new categories, "(missing)" for missing values; each has one more pair of
        parentheses if a category has that name.
        """
        vectors = self._trained().parameters.E
        blocks = () if self._columns is None else self._columns.codes
        learned = zip(blocks, vectors, strict=True)
        return {block.column: dict(zip(block.shown, E.T, strict=True)) for block, E in learned}

    @property
    def _n_features_out(self) -> int:
        return self.network_.architecture.widths[-2]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


# Set last, because scikit-learn's wrapper of `transform` for set_output would hide the condition.
Transformer.transform = available_if(_has_hidden_layers)(Transformer.transform)  # type: ignore[method-assign]
