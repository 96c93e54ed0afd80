"""The array type of this package; `docs/notation.md` names the letters and their shapes."""

from __future__ import annotations

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
