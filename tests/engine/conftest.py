"""The compiled engine for every test that needs it, one BLAS thread for the reference, and processes of one's own."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import scipy.optimize  # noqa: F401  brings SciPy's own BLAS, which must be loaded to be limited
from threadpoolctl import threadpool_limits

from ..patience import GIVE_UP

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ("OMP_NUM_THREADS", "CHAINRULE_INSTRUCTIONS")  # what a test sets, or wants unset
MISSING = "needs the compiled engine, which this installation does not have"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(scope="session")
def Native() -> Any:
    """The class of the native engine; without the compiled module its tests skip, or fail where it is required."""
    try:
        importlib.import_module("chainrule.engine._native")
    except ModuleNotFoundError:
        (pytest.fail if os.environ.get("CHAINRULE_REQUIRE_NATIVE") == "1" else pytest.skip)(MISSING)
    return importlib.import_module("chainrule.engine.native").Native


@pytest.fixture(scope="session")
def engine(Native: Any) -> Any:
    return Native(n_threads=2)


Child = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def child(Native: Any) -> Child:
    """Run Python code in a process of its own, from the repository's root."""

    def run(code: str, *, before: Callable[[], None] | None = None, **environment: str) -> Any:
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=GIVE_UP,
            cwd=ROOT,
            env=inherited | environment,
            preexec_fn=before,
        )
        assert result.returncode == 0, f"exit code {result.returncode}\n{result.stdout}\n{result.stderr}"
        return result

    return run
