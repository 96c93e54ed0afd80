"""What the tests share: Hypothesis' settings, and the public data sets, where a checkout has them beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SHARED_DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"

# Nothing is timed in a test, and the same examples are tried each time. Tests, imported after this, take it over.
settings.register_profile("chainrule", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("chainrule")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """The path of a file under shared/data; skips the test where it is missing."""

    def find(name: str) -> Path:
        path = (SHARED_DATA / name).resolve()
        if not path.exists():
            pytest.skip(f"needs the data set shared/data/{name}, which this checkout does not have")
        return path

    return find
