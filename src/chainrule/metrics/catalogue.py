"""The figures that are computed: what they are called, and whether higher or lower is better."""

from __future__ import annotations

from dataclasses import dataclass

Figures = dict[str, float | None]  # None: undefined for these rows


@dataclass(frozen=True)
class Figure:
    """What a figure is called where it is shown, and whether higher is better."""

    shown: str
    higher_is_better: bool


CATALOGUE = {
    "accuracy": Figure("accuracy", higher_is_better=True),
    "balanced_accuracy": Figure("balanced accuracy", higher_is_better=True),
    "roc_auc": Figure("ROC AUC", higher_is_better=True),
    "average_precision": Figure("average precision", higher_is_better=True),
    "f1_macro": Figure("macro F1", higher_is_better=True),
    "precision_macro": Figure("macro precision", higher_is_better=True),
    "recall_macro": Figure("macro recall", higher_is_better=True),
    "log_loss": Figure("log loss", higher_is_better=False),
    "brier_score": Figure("Brier score", higher_is_better=False),
    "calibration_error": Figure("calibration error", higher_is_better=False),
    "rmse": Figure("RMSE", higher_is_better=False),
    "mae": Figure("MAE", higher_is_better=False),
    "r2": Figure("R²", higher_is_better=True),
    "median_absolute_error": Figure("median absolute error", higher_is_better=False),
}
