"""Figures of predictions; reads plain data, never an estimator."""

from chainrule.metrics.figures import classification_figures, regression_figures, running_figures

__all__ = ["classification_figures", "regression_figures", "running_figures"]
