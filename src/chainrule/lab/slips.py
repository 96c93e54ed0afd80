"""Find the known mistakes that give a wrong line of a worksheet, from the numbers above it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.derivation.judge.error_variations import DA, DZ, OUTPUT, OUTPUT_DA
from chainrule.derivation.judge.mistakes import KINDS
from chainrule.derivation.judge.parameter_variations import DB, DW
from chainrule.derivation.judge.places import Place, Site, alternatives
from chainrule.derivation.tracing.trace import Trace
from chainrule.lab.quantities import Quantity, Written, computed
from chainrule.network.propagate import Forward
from chainrule.network.types import Array


def slips(quantity: Quantity, trace: Trace, written: Written, answer: Array, tolerance: float) -> tuple[str, ...]:
    """Return the ids of the mistakes that give an answer; there are several if these numbers cannot tell them apart."""
    found = (id_ for id_, wrong in _wrong(quantity, trace, written) if _agrees(answer, wrong, tolerance))
    return tuple(dict.fromkeys(found))


def _agrees(answer: Array, wrong: Array, tolerance: float) -> bool:
    return answer.shape == np.shape(wrong) and bool((np.abs(answer - wrong) <= tolerance).all())


def _wrong(quantity: Quantity, trace: Trace, written: Written) -> Iterator[tuple[str, Array]]:
    l = quantity.step.layer
    if quantity.step.row.id == "linear":
        yield "missing_bias", trace.W[l] @ _column(trace.A, "A", written)[l - 1]
    if quantity.step.part != "backward":
        return
    yield "sign", -computed(quantity, trace, written)
    place, site = _place(quantity.name, l == trace.L), _site(quantity.name, l, trace, written)
    for id_ in KINDS:
        for made, wrong in alternatives(place, site, frozenset({id_})):
            if made:
                yield id_, wrong


def _place(name: str, last: bool) -> Place:
    places = {"dW": DW, "db": DB, "dZ": OUTPUT if last else DZ, "dA": OUTPUT_DA if last else DA}
    return places[name.partition("[")[0]]


def _site(name: str, l: int, trace: Trace, written: Written) -> Site:
    """Return the site of the line, with the forward pass and the errors on the sheet."""
    pass_ = Forward(_column(trace.Z, "Z", written), _column(trace.A, "A", written), None)
    layer = l + 1 if name.startswith("dA") else l
    return Site(trace.problem, pass_, l, dZ=written.get(f"dZ[{layer}]"), dA=written.get(f"dA[{l}]"))


def _column(right: list[Any], letter: str, written: Written) -> list[Any]:
    """Return a letter of every layer, as on the sheet; layer 0 is given."""
    return [right[0], *(written[f"{letter}[{l}]"] for l in range(1, len(right)))]
