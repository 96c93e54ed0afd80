"""The two array types of this package; `docs/notation.md` names the letters and their shapes."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Float: TypeAlias = "float | np.floating[Any]"
