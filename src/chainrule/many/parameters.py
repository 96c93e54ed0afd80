"""Constraints on the parameters of ensembles and searches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.fit.parameters import _FLAG, Test, _or_none, _real, _whole, check_parameters


def _or_word(word: str) -> Test:
    holds, words = _whole(1)
    return lambda v: v == word if isinstance(v, str) else holds(v), f"{word!r} or {words}"


_TESTS: dict[str, Test] = {
    "n_estimators": _whole(1),
    "bootstrap": _FLAG,
    "oob_score": _FLAG,
    "n_iter": _or_none(_whole(1)),
    "factor": _real(1, open_low=True),
    "min_resources": _or_word("exhaust"),
    "max_resources": _or_word("auto"),
    "time_budget": _or_none(_real(0, open_low=True)),
    "return_train_score": _or_none(_FLAG),
}


def check_many(estimator: Any, names: Sequence[str], **further: Test) -> None:
    """Check the named attributes against these constraints and those of the estimators' parameters.

    Raises
    ------
    InvalidParameterError
    """
    check_parameters(estimator, names, **_TESTS, **further)
