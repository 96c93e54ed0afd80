"""See it, check it, derive it: trace, gradient check, derivation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule._lazy import on_first_use

if TYPE_CHECKING:
    from chainrule.derivation.checks.gradient_check import gradcheck as gradcheck
    from chainrule.derivation.deriving.derivation import derive as derive
    from chainrule.derivation.judge.gradient_judge import check_gradients as check_gradients
    from chainrule.derivation.tracing.trace import trace as trace
    from chainrule.slopes.derivative_check import check_derivative as check_derivative

# Imported on first use: a trace needs no SymPy, a derivation no estimator.
_HOMES = {
    "trace": "chainrule.derivation.tracing.trace",
    "gradcheck": "chainrule.derivation.checks.gradient_check",
    "check_gradients": "chainrule.derivation.judge.gradient_judge",
    "check_derivative": "chainrule.slopes.derivative_check",
    "derive": "chainrule.derivation.deriving.derivation",
}

__all__ = [*_HOMES]

__getattr__, __dir__ = on_first_use(__name__, _HOMES)
