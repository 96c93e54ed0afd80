"""One thread for the tests of the estimators: on tables this small, BLAS threads cost ten times what they save."""

from collections.abc import Iterator

import pytest
import scipy.optimize  # noqa: F401  brings SciPy's own BLAS, which must be loaded to be limited
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield
