"""What the tests share: Hypothesis' settings, marks, and the public data sets, where a checkout has them beside it."""

import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SHARED_DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"

# Nothing is timed in a test, and the same examples are tried each time. Tests, imported after this, take it over.
settings.register_profile("chainrule", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("chainrule")

# A shell has what it runs in the background ignore Ctrl-C, and so would do the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before the marks are looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Make all cases of a test marked `one_in(n)` slow but every n-th (n divides no number of its values)."""
    seen: Counter[str] = Counter()
    for item in items:
        thinned = item.get_closest_marker("one_in")
        test = item.nodeid.partition("[")[0]
        if thinned is not None and seen[test] % thinned.args[0]:
            item.add_marker(pytest.mark.slow)
        seen[test] += 1


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """The path of a file under shared/data; skips the test where it is missing."""

    def find(name: str) -> Path:
        path = (SHARED_DATA / name).resolve()
        if not path.exists():
            pytest.skip(f"needs the data set shared/data/{name}, which this checkout does not have")
        return path

    return find
