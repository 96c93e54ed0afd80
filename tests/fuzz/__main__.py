"""`python -m tests.fuzz formulas 2000 --seed 1` tries so many cases; each is drawn from seed and number alone.

It is a process of its own, so that a crash is seen and the limit on memory holds. What fails is printed with its number
and its traceback, and belongs in the corpus of its kind, which is tried first. The exit code is 1 if anything failed.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import traceback
import warnings
from types import ModuleType

from . import formulas, models, tables

KINDS: dict[str, ModuleType] = {"formulas": formulas, "models": models, "tables": tables}
LIMIT = 5_000_000 << 10  # bytes
_SHOWN = 10  # failures, and hundreds of characters of each case


def fuzz(kind: str, count: int, seed: int) -> dict[str, int]:
    """Try the corpus, then cases that are drawn; how many were tried, were taken for what they are, and failed."""
    module, taken, failed = KINDS[kind], 0, 0
    known = module.corpus()[:count]
    for number in range(count):
        drawn = number - len(known)
        case = known[number] if drawn < 0 else module.case(random.Random(f"{kind} {seed} {drawn}"))
        try:
            taken += module.tried(case, max(drawn, 0))
        except Exception:  # noqa: BLE001 - whatever it is, it is the finding
            failed += 1
            if failed <= _SHOWN:
                where = f"number {drawn} of seed {seed}" if drawn >= 0 else f"number {number} of the corpus"
                print(f"{where}: {repr(case)[: 100 * _SHOWN]}\n{traceback.format_exc()}", file=sys.stderr)
    return {"cases": count, "taken": taken, "failed": failed}


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    warnings.simplefilter("ignore")
    found = fuzz(asked.kind, asked.count, asked.seed)
    print(json.dumps(found))
    sys.exit(found["failed"] > 0)


if __name__ == "__main__":
    main()
