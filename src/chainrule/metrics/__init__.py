"""Figures of predictions, computed from arrays, never from an estimator."""

from chainrule.metrics.figures import classification_figures, regression_figures, running_figures

__all__ = ["classification_figures", "regression_figures", "running_figures"]
