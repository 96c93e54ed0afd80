"""The regressors' share: numbers to Y and back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.exceptions import DataConversionWarning

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.estimator.base import AbstractEstimator
from chainrule.network.losses import Loss, loss, own_loss
from chainrule.network.losses.own import OwnLoss
from chainrule.network.types import Array

# What the parameter `loss` may be, and which other parameter goes with it.
_LOSSES = {
    "squared_error": None,
    "absolute_error": None,
    "huber": "delta",
    "log_cosh": None,
    "quantile": "quantile",
    "pinball": "quantile",
    "poisson": None,
    "gamma": None,
    "tweedie": "power",
}


@dataclass(eq=False, repr=False)
class AbstractRegressor(RegressorMixin, AbstractEstimator):
    """One or several numbers per row."""

    _: KW_ONLY
    loss: str | OwnLoss = "squared_error"
    delta: float = 1.0
    quantile: float = 0.5
    power: float = 1.5

    def predict(self, X: Any) -> Array:
        """Return the prediction A[L] of each row.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        A = self._fitted_loss().output.g(self._logits(X).T).T
        return A[:, 0] if A.shape[1] == 1 else A

    def _fitted_loss(self) -> Loss:
        self._parameters()
        return self._fitted.architecture.loss

    def _encode(self, y: Array, *, reset: bool, classes: Any = None) -> tuple[Array, Array | None]:
        if y.dtype.kind not in "fiub":
            try:
                y = y.astype(np.float64)
            except ValueError as error:
                raise TargetError(f"a regression target must be numbers: {error}.") from error
        if y.ndim == 2 and y.shape[1] == 1:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
                "(n_samples,), for example using ravel().",
                DataConversionWarning,
                stacklevel=4,
            )
        return y.reshape(len(y), -1), None

    def _loss_parameters(self) -> Mapping[str, str | None]:
        return _LOSSES

    def _declare_outputs(self, n_outputs: int | None, classes: Any) -> int:
        if classes is not None:
            raise InvalidParameterError("a regressor has no classes: give initialize n_outputs.")
        return 1 if n_outputs is None else n_outputs

    def _make_loss(self) -> Loss:
        if not isinstance(self.loss, str):
            return own_loss(self.loss)
        parameter = _LOSSES[self.loss]
        return loss(self.loss, **({parameter: getattr(self, parameter)} if parameter else {}))

    def _validation_score(self, Z: Array, Y: Array, weights: Array | None) -> float:
        """R², the mean over the outputs; where the errors overflow, training stops at their loss."""
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.average((self._make_loss().output.g(Z) - Y) ** 2, axis=1, weights=weights)
            spread = np.average((Y - np.average(Y, axis=1, weights=weights)[:, None]) ** 2, axis=1, weights=weights)
            return float(np.mean(1 - error / np.where(spread > 0, spread, 1)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
