"""Figures, plots and pages about a training; reads plain data, never an estimator."""

from chainrule.metrics.figures import classification_figures, regression_figures

__all__ = ["classification_figures", "regression_figures"]
