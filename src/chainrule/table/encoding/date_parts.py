"""Parts of a date as features: days elapsed, year, and the position in the year, the week and the day."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.network.types import Array


def _whole(dates: Array, unit: str, within: str) -> Array:
    """Count whole units since the start of the enclosing one; NaN for NaT."""
    start = dates.astype(f"datetime64[{within}]")
    count = (dates.astype(f"datetime64[{unit}]") - start.astype(f"datetime64[{unit}]")).astype(np.float64)
    return np.where(np.isnat(dates), np.nan, count)


def _days(dates: Array) -> Array:
    days = (dates - np.datetime64("1970-01-01", "us")) / np.timedelta64(1, "D")
    return np.where(np.isnat(dates), np.nan, days)


def _month(dates: Array) -> Array:
    return _whole(dates, "M", "Y") + 1


def _weekday(dates: Array) -> Array:
    return (np.floor(_days(dates)) + 3) % 7  # 1970-01-01 was a Thursday; 0 is Monday


def _hour(dates: Array) -> Array:
    return (_days(dates) % 1) * 24


def _turn(count: Callable[[Array], Array], period: int, wave: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Return a date part as a coordinate on the circle, where the end of the period meets its start.

    Rounded, so that the sines of noon and of midnight are equal instead of differing by 1e-16.
    """
    return lambda dates: wave(count(dates) * (2 * np.pi / period)).round(12)


# The parts that a date is expanded to; a part that is constant in training is left out.
DATE_PARTS: dict[str, Callable[[Array], Array]] = {
    "days": _days,
    "year": lambda dates: np.where(np.isnat(dates), np.nan, dates.astype("datetime64[Y]").astype(np.float64) + 1970),
    "month": _month,
    "month_sin": _turn(_month, 12, np.sin),
    "month_cos": _turn(_month, 12, np.cos),
    "day": lambda dates: _whole(dates, "D", "M") + 1,
    "weekday": _weekday,
    "weekday_sin": _turn(_weekday, 7, np.sin),
    "weekday_cos": _turn(_weekday, 7, np.cos),
    "hour": _hour,
    "hour_sin": _turn(_hour, 24, np.sin),
    "hour_cos": _turn(_hour, 24, np.cos),
}
