"""`LinearClassifier` and `LinearRegressor`: the source's linear model, a network with no hidden layer."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, fields
from typing import Any

from chainrule.estimator.classifier import Classifier
from chainrule.estimator.documentation import documented
from chainrule.estimator.regressor import Regressor
from chainrule.fit.parameters import Settings
from chainrule.network.types import Array


@dataclass(eq=False, repr=False)
class LinearSettings:
    """The parameters of a linear model; what it does not name has the default of `Settings`."""

    alpha: float = 0.0001
    _: KW_ONLY
    l1_ratio: float = 0.0
    solver: str = "lbfgs"
    batch_size: int | str = "auto"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    max_iter: int = 1000
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-9
    verbose: bool | int = False
    warm_start: bool = False
    momentum: float = 0.9
    early_stopping: bool | str = False
    validation_fraction: float = 0.1
    scoring: Any = "loss"
    n_iter_no_change: float = 10
    weight_decay: float | None = None
    clipnorm: float | None = None
    check_derivatives: bool = True
    engine: str = "auto"
    n_threads: int | None = None
    callbacks: Any = None

    def _settings(self) -> Settings:
        # Without hidden layers there is no symmetry to break: from zeros, the same table gives the same bits.
        return Settings(
            (),
            kernel_initializer="zeros",
            **{field.name: getattr(self, field.name) for field in fields(LinearSettings)},
        )


@documented
@dataclass(eq=False, repr=False)
class LinearClassifier(LinearSettings, Classifier):
    """Linear model for classes, f(x) = wᵀx + b: logistic regression, as a network with no hidden layer.

    Minimises J = Σ wᵢ Lᵢ / Σ wᵢ + alpha (l1_ratio Σ|W| + (1 - l1_ratio)/2 Σ W²). For the C of scikit-learn's
    LogisticRegression, alpha = 1 / (C n_samples).

    Parameters
    ----------
    {linear}
    loss : {"log_loss", "hinge", "focal"} or object, default="log_loss"
        As for `MLPClassifier`.
    label_smoothing : float, default=0.0
        Of "log_loss".
    gamma : float, default=2.0
        Of "focal".
    class_weight : None, "balanced", dict or list of dict, default=None
        How much the rows of each class count, by its label; multiplied into `sample_weight`. "balanced" is n_samples /
        (n_classes * bincount(y)) over the training rows, each counted as often as its `sample_weight` says, so that all
        classes weigh the same. For multilabel targets a list with a dict for each label.
    class_weight_val : bool, default=True
        Whether the validation loss is weighed alike, so that both curves can be compared. Scores never are.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) for two classes, else (n_classes, n_features)
        W[1], under the name and in the shape that scikit-learn's linear models have.
    intercept_ : ndarray of shape (1,) or (n_classes,)
    classes_ : ndarray of shape (n_classes,)
    class_weight_ : ndarray of shape (n_classes,), or (n_labels, 2) for multilabel targets
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(LinearClassifier(alpha=0.001).fit(X, y).score(X, y) > 0.95)
    True
    """

    @property
    def coef_(self) -> Array:
        """W[1]: one row per class, or for two classes one row."""
        return self.coefs_[0].T

    @property
    def intercept_(self) -> Array:
        """b[1]: one number per row of `coef_`."""
        return self.intercepts_[0]


@documented
@dataclass(eq=False, repr=False)
class LinearRegressor(LinearSettings, Regressor):
    """Linear model for numbers, f(x) = wᵀx + b: least squares, ridge, lasso and their generalised kin.

    Minimises J = Σ wᵢ Lᵢ / Σ wᵢ + alpha (l1_ratio Σ|W| + (1 - l1_ratio)/2 Σ W²). For the alpha of scikit-learn's Ridge,
    divide it by n_samples; Lasso's and PoissonRegressor's is the same. With "lbfgs" features and target may be in any
    units: without a penalty, the squared error's coefficients are those of least squares.

    Parameters
    ----------
    {linear}
    loss : str or object, default="squared_error"
        As for `MLPRegressor`.
    delta, quantile, power : float, default=1.0, 0.5, 1.5
        Of "huber", "quantile" and "tweedie". Of a list of quantiles the middle one is linear, and so is what the
        softplus makes the gaps of: lines of different slopes would cross.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,), or (n_outputs, n_features) for several outputs
        W[1], under the name and in the shape that scikit-learn's linear models have.
    intercept_ : float, or ndarray of shape (n_outputs,)
    calibration_residuals_ : ndarray of shape (n_cal, n_outputs)
        Target minus prediction of `X_cal`, `y_cal`, in float64; absent if the last fit had none.
    {attributes}

    Examples
    --------
    >>> import numpy as np
    >>> X = np.arange(10.0).reshape(-1, 1)
    >>> reg = LinearRegressor(alpha=0.0).fit(X, 3 * X[:, 0] + 1)
    >>> reg.coef_.round(3).tolist(), round(reg.intercept_, 3)
    ([3.0], 1.0)
    """

    @property
    def coef_(self) -> Array:
        """W[1]: its only row for one output, else one row per output."""
        W = self.coefs_[0].T
        return W[0] if len(W) == 1 else W

    @property
    def intercept_(self) -> float | Array:
        """b[1]: a number for one output, else one per output."""
        b = self.intercepts_[0]
        return float(b[0]) if len(b) == 1 else b
