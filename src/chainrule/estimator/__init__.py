"""The scikit-learn face: parameters, validation, fitted state."""

from chainrule.estimator.linear import LinearClassifier, LinearRegressor
from chainrule.estimator.mlp import MLPClassifier, MLPRegressor

__all__ = ["LinearClassifier", "LinearRegressor", "MLPClassifier", "MLPRegressor"]
