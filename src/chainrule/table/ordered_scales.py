"""Scales of words that have an order, such as low, medium, high."""

from __future__ import annotations

from collections.abc import Sequence

# Each from least to most; words of one entry mean the same step.
_SCALES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("very low",), ("low",), ("medium", "moderate", "mid", "average", "normal"), ("high",), ("very high",)),
    (("tiny",), ("very small",), ("small",), ("medium", "mid"), ("large", "big"), ("very large",), ("huge",)),
    (("xxs",), ("xs",), ("s",), ("m",), ("l",), ("xl",), ("xxl",), ("xxxl",)),
    (("very poor", "very bad"), ("poor", "bad"), ("fair", "average", "ok"), ("good",), ("very good",), ("excellent",)),
    (("fair",), ("good",), ("very good",), ("premium",), ("ideal",)),  # of cut diamonds
    (("poor",), ("below average",), ("average",), ("above average",), ("excellent",)),
    (("strongly disagree",), ("disagree",), ("neutral", "neither"), ("agree",), ("strongly agree",)),
    (("very dissatisfied",), ("dissatisfied",), ("neutral",), ("satisfied",), ("very satisfied",)),
    (("never",), ("rarely", "seldom"), ("sometimes",), ("often", "frequently"), ("always",)),
    (("none", "no"), ("minimal",), ("mild", "minor", "slight"), ("moderate",), ("severe", "major"), ("extreme",)),
    (("novice", "beginner"), ("intermediate",), ("advanced",), ("expert",)),
    (("cold",), ("cool",), ("mild",), ("warm",), ("hot",)),
    (("bronze",), ("silver",), ("gold",), ("platinum",), ("diamond",)),
)
_LEAST = 3  # words: of two the order says nothing


def order_of(levels: Sequence[str]) -> tuple[str, ...]:
    """Return the levels from least to most, if all of them are words of one scale; else nothing.

    Examples
    --------
    >>> order_of(["High", "Low", "Medium"])
    ('Low', 'Medium', 'High')
    >>> order_of(["high", "low", "blue"]), order_of(["high", "low"])
    ((), ())
    """
    if len(levels) < _LEAST:
        return ()
    for scale in _SCALES:
        step = {word: place for place, words in enumerate(scale) for word in words}
        steps = [step.get(_plain(level)) for level in levels]
        if None not in steps and len(set(steps)) == len(levels):
            return tuple(sorted(levels, key=lambda level: step[_plain(level)]))
    return ()


def _plain(level: str) -> str:
    return " ".join(level.casefold().replace("_", " ").replace("-", " ").split())
