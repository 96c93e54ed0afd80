"""Figures of predictions, computed from arrays, never from an estimator."""

from chainrule.metrics.by_class import ByClass
from chainrule.metrics.catalogue import CATALOGUE, Figures
from chainrule.metrics.figures import classification_figures, regression_figures, running_figures

__all__ = ["CATALOGUE", "ByClass", "Figures", "classification_figures", "regression_figures", "running_figures"]
