"""Ready-made callbacks, for an estimator's parameter `callbacks`.

Your own callback is an object with some of the hooks `on_fit_begin`, `on_epoch_begin`, `on_batch_end`, `on_epoch_end`,
`on_fit_end`, each called with a `Context`; or a function, called at the end of every epoch. Training stops if a hook of
an epoch or batch returns True.

>>> from sklearn.datasets import load_iris
>>> from chainrule import MLPClassifier
>>> def accurate_enough(ctx):
...     return ctx.history["val_score"][-1] > 0.9
>>> clf = MLPClassifier((16,), early_stopping=True, random_state=0, learning_rate_init=0.01, callbacks=accurate_enough)
>>> clf.fit(*load_iris(return_X_y=True)).stop_reason_.value
'callback'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule._lazy import on_first_use

if TYPE_CHECKING:
    from chainrule.callbacks.csv_logger import CSVLogger as CSVLogger
    from chainrule.callbacks.learning_rate_finder import LearningRateFinder as LearningRateFinder
    from chainrule.callbacks.model_checkpoint import ModelCheckpoint as ModelCheckpoint
    from chainrule.callbacks.tensorboard import TensorBoard as TensorBoard
    from chainrule.callbacks.time_budget import TimeBudget as TimeBudget
    from chainrule.estimator.callbacks.context import Context as Context

_HOMES = {
    "CSVLogger": "chainrule.callbacks.csv_logger",
    "Context": "chainrule.estimator.callbacks.context",
    "LearningRateFinder": "chainrule.callbacks.learning_rate_finder",
    "ModelCheckpoint": "chainrule.callbacks.model_checkpoint",
    "TensorBoard": "chainrule.callbacks.tensorboard",
    "TimeBudget": "chainrule.callbacks.time_budget",
}

__all__ = [*_HOMES]

__getattr__, __dir__ = on_first_use(__name__, _HOMES)
