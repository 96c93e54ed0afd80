"""An epoch of plain SGD in float32: the five networks of the bar, and how much of the machine they use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.peers import OURS
from bench.plan import Plan
from bench.rounds import Comparison, compare_training
from chainrule import engine

# The factor to reach and the one aimed at, by network and peer.
BARS: dict[str, dict[str, list[float]]] = {
    name: {"torch": torch, "torch-compiled": torch, "jax": jax, "sklearn": sklearn}
    for name, torch, jax, sklearn in (
        ("2-16-1", [150.0, 300.0], [3.5, 6.0], [60.0, 120.0]),
        ("20-64-32-1", [30.0, 70.0], [1.8, 4.0], [15.0, 40.0]),
        ("784-256-128-10", [1.8, 3.0], [1.4, 2.5], [3.5, 5.0]),
        ("100-256-256-256-1", [1.8, 3.0], [1.4, 2.5], [3.5, 5.0]),
        ("1024-1024-1024-10", [1.1, 1.5], [1.1, 1.5], [1.6, 2.2]),
    )
}


def peak() -> float | None:
    """Measure FLOP/s of the native engine's micro-kernel on data in L1, all threads together."""
    info = engine.info()
    if info["engine"] != "native":
        return None
    from chainrule.engine.native import peak_flops

    return peak_flops("float32", info["threads"])


def measure(plan: Plan) -> Iterator[Comparison]:
    """Yield a comparison for each network."""
    for work in plan.works:
        result = compare_training(work, plan)
        flops, most = 1e3 * work.flops / result.measured[OURS].median, peak()
        notes = {"GFLOP/s": flops / 1e9} | ({"of peak": flops / most} if most else {}) | result.notes
        yield replace(result, bars=BARS[work.name], notes=notes)
