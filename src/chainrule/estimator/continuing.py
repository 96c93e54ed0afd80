"""What a training goes on from, and what is left of it behind the ones before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from chainrule._errors import InvalidParameterError, warn
from chainrule.estimator.fitted import AbstractFitted
from chainrule.fit.build_network import optimizer_of
from chainrule.fit.dataset import TrainingSet
from chainrule.fit.fit_network import Fitted
from chainrule.network.optimizers import initial_slots
from chainrule.network.training.history import History, StopReason
from chainrule.network.training.segment import State


class AbstractContinued(AbstractFitted):
    """The parts of `fit` and `partial_fit` that know of earlier trainings."""

    @property
    def _is_untaught(self) -> bool:
        """Whether its weights are still those that `initialize` drew: it has seen no rows."""
        return not (self.t_ or self._fitted.state.step)

    def _own_validation(self, X_val: Any, y_val: Any, sample_weight_val: Any) -> TrainingSet:
        """The validation rows the user gives, their columns not yet encoded."""
        if X_val is None or y_val is None:
            raise InvalidParameterError("X_val and y_val go together: give both, or neither.")
        return self._read(X_val, y_val, sample_weight_val, reset=False)

    def _check_partial_fit(self) -> None:
        """Refuse parameters that need the whole training set; without classes there are none."""
        return

    def _weighed_validation(self, validation: TrainingSet) -> TrainingSet:
        """The rows that are only looked at, with what a class weighs where that is asked for."""
        return validation

    def _continued(self, table: TrainingSet) -> State:
        """The state to go on from, if the network still fits the table; a new optimiser starts afresh."""
        if (self._columns is not None) != self._settings().encodes_columns:
            raise InvalidParameterError(
                "training cannot continue: whether columns are encoded was decided at its start, by scale, missing and "
                "categorical_features. Set warm_start=False or keep these parameters."
            )
        architecture = self._fitted.architecture
        old = (architecture.n_columns, *architecture.widths[1:])
        new = (table.X.shape[1], *self._settings().hidden, table.Y.shape[1])
        if old != new:
            raise InvalidParameterError(
                f"training cannot continue: the layers have widths {old}, now {new} are asked for. "
                "Set warm_start=False or keep the parameters."
            )
        state, optimizer = self._fitted.state, optimizer_of(self._settings())
        if optimizer.name != self._fitted.optimizer or len(state.slots) != len(optimizer.slot_names):
            return replace(state, slots=initial_slots(optimizer, state.parameters.theta), step=0)
        return state

    def _append(self, fitted: Fitted, start: State | None) -> None:
        """Publish the training since `start`, behind the record of the one that led there."""
        rows, epochs = 0, 0
        if start is not None:
            rows, epochs, earlier = self.t_, start.epoch, self._fitted.history.columns
            later = fitted.history.columns
            fitted.history.columns = {name: earlier.get(name, []) + values for name, values in later.items()}
        self._publish(fitted)
        if hasattr(self, "calibration_residuals_"):
            del self.calibration_residuals_  # they were those of other weights
        self.t_ = rows + (fitted.state.epoch - epochs) * fitted.rows

    def _warn_of_the_end(self, history: History) -> None:
        if history.stop_reason == StopReason.MAX_ITER:
            warn(
                f"Training {history.stop_sentence} before the loss settled. Raise max_iter, or scale the inputs.",
                ConvergenceWarning,
            )
        elif history.stop_reason == StopReason.NO_IMPROVEMENT and "gradient" in history.stop_numbers:  # of L-BFGS
            warn(
                f"Training has not converged: {history.stop_sentence}. Scale the inputs, raise tol, or choose "
                "another solver: at the kinks of a loss or an activation there is no gradient to follow.",
                ConvergenceWarning,
            )
        elif history.stop_reason in (StopReason.INTERRUPTED, StopReason.DIVERGED):
            warn(f"Training stopped early: {history.stop_sentence}")
