"""Who takes part: what each peer is called, where it lives, and what it can do."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from bench.cases import Array, Work

OURS = "chainrule"
FORCED = "chainrule-all-threads"  # to judge the choice of threads by


class Peer(Protocol):
    """One library at one piece of work; everything that can be prepared is prepared when it is made."""

    def __init__(self, work: Work, X: Array, y: Array) -> None: ...

    def start(self, seed: int) -> None:
        """Go to the first weights of that seed."""

    def train(self, epochs: int) -> None:
        """Go on for so many epochs; returns when the last weight is written."""

    def loss(self) -> float:
        """Return the mean cross-entropy of the training rows."""

    def predict(self, X: Array) -> Array:
        """Return the class of every row."""


@dataclass(frozen=True)
class Entry:
    """A peer before anything of it is imported."""

    label: str
    path: str  # module:class
    needs: tuple[str, ...]  # distributions; the first gives the version
    solvers: tuple[str, ...] = ("sgd", "adam")
    dropout: bool = True

    def load(self) -> type[Peer]:
        module, name = self.path.split(":")
        return getattr(importlib.import_module(module), name)

    @property
    def missing(self) -> str | None:
        """What would have to be installed first."""
        modules = {"scikit-learn": "sklearn"}
        return next((name for name in self.needs if not importlib.util.find_spec(modules.get(name, name))), None)

    def can(self, work: Work) -> bool:
        return work.solver in self.solvers and (self.dropout or not work.dropout)


PEERS = {
    OURS: Entry("chainrule", "bench.peer_chainrule:Chainrule", ()),
    "torch": Entry("PyTorch, eager", "bench.peer_torch:Eager", ("torch",)),
    "torch-compiled": Entry("PyTorch, compiled", "bench.peer_torch:Compiled", ("torch",)),
    "jax": Entry("JAX", "bench.peer_jax:Jax", ("jax",), solvers=("sgd",), dropout=False),
    "sklearn": Entry("scikit-learn", "bench.peer_sklearn:ScikitLearn", ("scikit-learn",), dropout=False),
    "keras": Entry("Keras (JAX)", "bench.peer_keras:Keras", ("keras", "jax")),
}
ENTRIES = PEERS | {FORCED: Entry("chainrule, all threads", "bench.peer_chainrule:AllThreads", ())}


def able(names: Iterable[str], work: Work) -> list[str]:
    """Keep those who can do this work."""
    return [name for name in names if PEERS[name].can(work)]
