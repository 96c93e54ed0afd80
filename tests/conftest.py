"""What the tests share: the public data sets, where a checkout has them beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """The path of a file under shared/data; skips the test where it is missing."""

    def find(name: str) -> Path:
        path = (SHARED_DATA / name).resolve()
        if not path.exists():
            pytest.skip(f"needs the data set shared/data/{name}, which this checkout does not have")
        return path

    return find
