"""The work of a worker pool: one function, called for every task."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sklearn import config_context, get_config

from chainrule.engine.threads import at_most

Run = Callable[[Iterable[Any]], Iterator[tuple[int, Any]]]  # yields (number of a task, its result) as tasks end


@dataclass(frozen=True)
class Work:
    """A function of the shared data and a task, called under the caller's scikit-learn settings.

    Attributes
    ----------
    function : callable (shared, task) -> result
        A module's function, so that other processes can import it.
    n_threads : int, optional
        How many threads of the engine each task may use.
    """

    function: Callable[[Any, Any], Any]
    n_threads: int | None = None
    config: dict[str, Any] = field(default_factory=get_config)

    def __call__(self, shared: Any, task: Any) -> Any:
        """Do one task; an error gets a note that names the task."""
        try:
            with config_context(**self.config), at_most(self.n_threads):
                return self.function(shared, task)
        except Exception as error:
            error.add_note(f"Raised by {task}.")
            raise
