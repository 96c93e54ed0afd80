"""The base class of regressors: encoding the target, standardised or not, predicting, and prediction intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from chainrule._errors import InvalidParameterError, TargetError
from chainrule.estimator.base import Estimator
from chainrule.estimator.intervals import d2_of_quantiles, interval
from chainrule.estimator.open_inputs import open_inputs
from chainrule.estimator.row_weights import scored_rows
from chainrule.estimator.serialize import restored_residuals
from chainrule.estimator.target_scale import target_scale
from chainrule.estimator.target_values import warn_of_column
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.objective import REGRESSOR_LOSSES, regressor_loss
from chainrule.network.losses import Loss, custom_loss, loss
from chainrule.network.losses.custom import CustomLoss
from chainrule.network.types import Array

_CALIBRATION = "calibration"  # the tensor's name in a model file


@dataclass(eq=False, repr=False)
class Regressor(RegressorMixin, Estimator):
    """Base class for regressors with one or several outputs."""

    _: KW_ONLY
    loss: str | CustomLoss = "squared_error"
    delta: float = 1.0
    quantile: float | Sequence[float] = 0.5
    power: float = 1.5
    _loss_parameters = REGRESSOR_LOSSES

    def predict(self, X: Any) -> Array:
        """Return the prediction A[L] of each row; for several quantiles one column each, in increasing order.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_outputs), or (n_samples, n_quantiles) for a list of quantiles
            In the units of y, and float64 whatever X is.
        """
        A = self._outputs(self._inputs(X))
        return A[:, 0] if A.shape[1] == 1 and not self._trained().quantiles else A

    def predict_interval(self, X: Any, coverage: float = 0.9) -> Array:
        """Return an interval for the target of each row, in the units of y.

        With the calibration rows of `fit(..., X_cal=..., y_cal=...)` it is a split-conformal interval, whose coverage
        holds however poor the model is: if calibration rows and a new row are exchangeable (for example independent and
        identically distributed), the new target is inside with a probability of at least `coverage`, and, if no two
        scores are equal, of at most coverage + 1 / (n_cal + 1). This coverage is marginal: an average over calibration
        sets and rows, not a promise for rows like a given one, and for each output separately. For one calibration set
        the coverage varies; its distribution is Beta(k, n_cal + 1 - k), with k = ceil((n_cal + 1) coverage).

        Without calibration rows it lies between the two learned quantiles that are `coverage` apart, without a
        guarantee: an overfitted network's quantiles are too narrow.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        coverage : float, default=0.9
            Above 0 and below 1. With quantiles the two nearest to it are calibrated.

        Returns
        -------
        ndarray of shape (n_samples, 2), or (n_samples, n_outputs, 2) for several outputs
            Lower and upper end; infinite, with a `ChainruleWarning`, if there are fewer calibration rows than coverage
            / (1 - coverage).

        Raises
        ------
        InvalidParameterError
            If there are neither calibration rows nor two such quantiles.

        References
        ----------
        J. Lei et al. (2018), Distribution-free predictive inference for regression. Y. Romano, E. Patterson and
        E. Candès (2019), Conformalized quantile regression.

        Examples
        --------
        >>> from chainrule import LinearRegressor
        >>> rng = np.random.default_rng(0)
        >>> X = rng.uniform(size=(400, 1))
        >>> y = 3 * X[:, 0] + rng.normal(scale=0.1, size=400)
        >>> reg = LinearRegressor().fit(X[:100], y[:100], X_cal=X[100:200], y_cal=y[100:200])
        >>> low, high = reg.predict_interval(X[200:], coverage=0.9).T
        >>> bool(0.85 < np.mean((low <= y[200:]) & (y[200:] <= high)) < 0.95)
        True
        """
        A, residuals = self._outputs(self._inputs(X)), getattr(self, "calibration_residuals_", None)
        return interval(A, residuals, self._trained().quantiles, coverage)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return R²; for a list of quantiles the mean of D² over them (`sklearn.metrics.d2_pinball_score`).

        D² is the share by which the model lowers the pinball loss of the best constants: 1 at best, 0 for these
        constants. R² of one column would ignore the others. A single quantile has R², as in scikit-learn. A table on
        disk is given as for `fit`; rows of weight 0 do not count.
        """
        quantiles = self._trained().quantiles
        with open_inputs(X, y, sample_weight, self._format_of_fit) as (X, y, sample_weight):
            return score_of_numbers(y, self.predict(X), quantiles, sample_weight)

    @property
    def _asks_for_several(self) -> bool:
        return REGRESSOR_LOSSES.get(str(self.loss)) == "quantile" and isinstance(self.quantile, Sequence | np.ndarray)

    def _encode(self, y: Array, *, reset: bool, classes: Any = None) -> tuple[Array, Array | None]:
        y = _numbers(y)
        warn_of_column(y)
        Y = y.reshape(len(y), -1)
        if not self._asks_for_several:
            return Y, None
        if Y.shape[1] > 1:
            raise TargetError(
                f"a list of quantiles is for one target, y has {Y.shape[1]} columns. Fit one model for each column, or "
                "give one quantile."
            )
        return np.broadcast_to(Y, (len(Y), len(self.quantile))), None  # type: ignore[arg-type]

    def _measure(self, training: TrainingSet) -> None:
        super()._measure(training)
        standardize = getattr(self, "standardize_target", False)  # linear models are as good in any units
        if not standardize:
            self._target = None
            return
        rows = slice(None) if training.counted is None else training.counted
        weights = None if training.weights is None else training.weights[rows]
        self._target = target_scale(training.Y[rows], weights, standardize, self.loss, self._make_loss())

    def _declare_outputs(self, n_outputs: int | None, classes: Any) -> int:
        if classes is not None:
            raise InvalidParameterError("a regressor has no classes: give initialize n_outputs.")
        return 1 if n_outputs is None else n_outputs

    def _make_loss(self) -> Loss:
        if not isinstance(self.loss, str):
            return custom_loss(self.loss)
        if self._asks_for_several:
            return loss("quantiles", quantiles=self.quantile)
        if self.loss == "huber" and self._target is not None:
            return loss("huber", delta=self.delta / self._target.scale[0])
        return regressor_loss(self.loss, {"delta": self.delta, "quantile": self.quantile, "power": self.power})

    def _validation_score(self, Z: Array, Y: Array, weights: Array | None) -> float:
        """Return R², the mean over the outputs, or D²; if the errors overflow, the loss stops training."""
        loss = self._make_loss()
        A = loss.output.g(Z)
        if "quantiles" in loss.parameters:
            return d2_of_quantiles(Y[0], A.T, loss.parameters["quantiles"], weights)
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.average((A - Y) ** 2, axis=1, weights=weights)
            spread = np.average((Y - np.average(Y, axis=1, weights=weights)[:, None]) ** 2, axis=1, weights=weights)
            return float(np.mean(1 - error / np.where(spread > 0, spread, 1)))

    def to_record(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return plain JSON data and tensors, for `chainrule.save`."""
        record, tensors = super().to_record()
        residuals = getattr(self, "calibration_residuals_", None)
        return record, tensors if residuals is None else tensors | {_CALIBRATION: residuals}

    @classmethod
    def from_record(cls, record: dict[str, Any], tensors: dict[str, Array]) -> Self:
        """Return the fitted regressor that `to_record` described."""
        estimator = super().from_record(record, tensors)
        if _CALIBRATION in tensors:
            estimator.calibration_residuals_ = restored_residuals(tensors[_CALIBRATION], estimator.n_outputs_)
        return estimator

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def score_of_numbers(y: Any, A: Array, quantiles: Sequence[float], sample_weight: Any) -> float:
    """Return R² of predictions A, or the mean of D² if they are quantiles, over the rows with a positive weight."""
    y, A, weights = scored_rows(y, A, sample_weight)
    y = y if issparse(y) else _numbers(y)
    return d2_of_quantiles(y, A, quantiles, weights) if quantiles else float(r2_score(y, A, sample_weight=weights))


def _numbers(y: Array) -> Array:
    """Return a target as numbers; raise TargetError if it cannot be converted."""
    if y.dtype.kind in "mM":
        raise TargetError(
            f"a regression target must be numbers, y holds {'dates' if y.dtype.kind == 'M' else 'durations'}: make "
            "numbers of it, such as the days elapsed, whose unit is then known."
        )
    if y.dtype.kind in "fiub":
        return y
    try:
        return y.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise TargetError(f"a regression target must be numbers: {error}.") from error
