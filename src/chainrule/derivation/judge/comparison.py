"""Compare the user's arrays with the right ones, before mistakes are searched: right, undecided, or wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule._errors import ChainruleError
from chainrule.derivation.judge.agreement import DOUBLE, SINGLE, Agreement, Given, Key
from chainrule.derivation.judge.search import Search
from chainrule.derivation.judge.sides import conventions, nearest, settled
from chainrule.derivation.judge.verdict import NOT_FINITE, RIGHT, GradientVerdict, VerdictRow, verdict_rows
from chainrule.derivation.tracing.trace import Trace

Precision = Mapping[Key, float]


def check_finite(trace: Trace, given: Given) -> None:
    """Raise ChainruleError if the right arrays are not finite."""
    for name, l in given:
        if not np.isfinite(getattr(trace, name)[l]).all():
            raise ChainruleError(
                f"the network's own {name}[{l}] is not finite at these weights and examples, so there is nothing to "
                "compare with; look at the weights, or scale the inputs."
            )


def not_finite(trace: Trace, given: Given, precision: Precision) -> GradientVerdict:
    """Return the verdict for arrays with NaN or infinity: it names the entry, and no mistake is searched."""
    rows = verdict_rows(Search(Agreement(trace, precision), given))
    first = next(row for row in rows if row.verdict.startswith(NOT_FINITE))
    return GradientVerdict(False, (), rows, note=f"{first.tensor} is {first.verdict.removeprefix('wrong: ')}.")


def compared(trace: Trace, given: Given, precision: Precision) -> tuple[GradientVerdict, list[Agreement]]:
    """Return the verdict, right, undecided or wrong, and all right traces, the nearest first."""
    agreements = [Agreement(right, precision) for right in conventions(trace)]
    best = nearest(agreements, given)
    rows = verdict_rows(Search(best, given))
    if any(row.verdict != RIGHT for row in rows):
        best = settled(best, given)
        rows = verdict_rows(Search(best, given))
    ok = all(row.verdict == RIGHT for row in rows)
    verdict = GradientVerdict(ok, (), rows, note=_note(ok, rows, max(precision.values()) > DOUBLE))
    return verdict, [best, *(other for other in agreements if other is not best)]


def _note(ok: bool, rows: tuple[VerdictRow, ...], coarse: bool) -> str:
    """Return a note: to how many digits arrays agree, or how a clear verdict can be reached."""
    if ok and coarse:
        digits = int(-np.log10(max(SINGLE, *(row.residual for row in rows))))
        return f"They agree to {digits} digits, as far as rounding allows."
    if ok:
        return ""
    if coarse:
        return "Compute the gradients in float64, and give those."
    return "Units are saturated or sums cancel, so that few digits are left; try other weights or examples."


def coarser(agreements: list[Agreement]) -> list[Agreement]:
    """Return the agreements with float32's precision instead of float64's; empty if all are float32."""
    finer = [one for one in agreements if min(one.precision.values()) < SINGLE]
    return [Agreement(one.trace, dict.fromkeys(one.precision, SINGLE)) for one in finer]


def nearly(agreement: Agreement, given: Given) -> str:
    """Return advice if float64 arrays are as far off as float32 would be, else ""."""
    if not any(Search(one, given).explain(frozenset()) for one in coarser([agreement])):
        return ""
    return (
        "They are as far from right as float32, or rough differences of the cost, would be: compute them in "
        "float64, or hand float32 arrays over as float32."
    )
