"""`LinearClassifier` and `LinearRegressor`: linear models, networks without a hidden layer."""

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
    """The parameters of a linear model; others have the default of `Settings`."""

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
        # Without hidden layers there is no symmetry to break: starting at zero, the same table gives the same bits.
        return Settings(
            (),
            kernel_initializer="zeros",
            **{field.name: getattr(self, field.name) for field in fields(LinearSettings)},
        )


@documented
@dataclass(eq=False, repr=False)
class LinearClassifier(LinearSettings, Classifier):
    """Linear classifier, f(x) = wᵀx + b: logistic regression, as a network without a hidden layer.

    Minimises J = Σ wᵢ Lᵢ / Σ wᵢ + alpha (l1_ratio Σ|W| + (1 - l1_ratio)/2 Σ W²). For the C of scikit-learn's
    LogisticRegression, alpha = 1 / (C n_samples).

    Parameters
    ----------
    {linear}
    loss : {"log_loss", "hinge", "focal"} or object, default="log_loss"
        As for `MLPClassifier`.
    label_smoothing : float, default=0.0
        For "log_loss".
    gamma : float, default=2.0
        For "focal".
    class_weight : None, "balanced", dict or list of dict, default=None
        The weight of each class, by its label; multiplied into `sample_weight`. "balanced" is n_samples / (n_classes *
        bincount(y)) over the training rows, counted by their `sample_weight`, so that all classes have the same total
        weight. For multilabel targets a list with a dict for each label.
    class_weight_val : bool, default=True
        Whether class weights also apply to the validation loss, so that both curves can be compared; not to scores.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) for two classes, else (n_classes, n_features)
        W[1], with the name and shape of scikit-learn's linear models.
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
    """Linear regressor, f(x) = wᵀx + b: least squares, ridge, lasso and generalised linear models.

    Minimises J = Σ wᵢ Lᵢ / Σ wᵢ + alpha (l1_ratio Σ|W| + (1 - l1_ratio)/2 Σ W²). The alpha of scikit-learn's Ridge is
    to be divided by n_samples; that of Lasso and PoissonRegressor is the same. With "lbfgs" features and target may be
    in any units: without a penalty, the squared error's coefficients are those of least squares.

    Parameters
    ----------
    {linear}
    loss : str or object, default="squared_error"
        As for `MLPRegressor`.
    delta, quantile, power : float, default=1.0, 0.5, 1.5
        For "huber", "quantile" and "tweedie". With a list of quantiles the middle one is linear, and each gap is the
        softplus of a linear function: lines of different slopes would cross.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,), or (n_outputs, n_features) for several outputs
        W[1], with the name and shape of scikit-learn's linear models.
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
