"""chainrule, as its users call it."""

from __future__ import annotations

from typing import Any

from bench.cases import Array, Work
from bench.estimator import EstimatorPeer
from chainrule import MLPClassifier


class Chainrule(EstimatorPeer):
    """The engine and the number of threads are left to chainrule."""

    def make(self, **parameters: Any) -> MLPClassifier:
        return MLPClassifier(dropout=self.work.dropout, kernel_initializer="glorot_uniform", **parameters)


class AllThreads(Chainrule):
    """Uses every thread it is granted, whether that pays or not."""

    def __init__(self, work: Work, X: Array, y: Array) -> None:
        from chainrule.engine import native
        from chainrule.engine.threads import limit

        super().__init__(work, X, y)
        native.threads_for = lambda *_, **__: limit()
