"""The threshold of two classes: a number, or a rule that chooses it by what it would do with the validation rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np

from chainrule._errors import InvalidParameterError, TableError
from chainrule.network.types import Array
from chainrule.table import Target

_MOST = 1000  # thresholds that a model file keeps
_ROUNDING = 1e-12  # of sums of weights, relative
_RULES = "a number from 0 to 1, f1, recall=0.9, or cost=FP:FN such as cost=1:5"


class Chosen(NamedTuple):
    """A threshold, and the reason for it in words; "" for a number that was given."""

    threshold: float
    reason: str = ""


@dataclass(frozen=True)
class Thresholds:
    """What thresholds would do with the validation rows: a row is of the second class if its probability reaches it.

    Each threshold lies halfway between two probabilities that occur, so that rounding decides nothing. With more
    than 1000 of them, those are kept between which equal shares of both classes lie.

    Parameters
    ----------
    thresholds : tuple of float
        Ascending.
    true_positives, false_positives : tuple of float
        The weight of the rows of the second class and of the first that reach each threshold.
    positives, negatives : float
        The weight of all rows of the second class and of the first.
    """

    thresholds: tuple[float, ...]
    true_positives: tuple[float, ...]
    false_positives: tuple[float, ...]
    positives: float
    negatives: float

    def __post_init__(self) -> None:
        if not len(self.thresholds) == len(self.true_positives) == len(self.false_positives) > 0:
            raise TableError("every threshold needs its counts of rows of both classes.")
        if max(self.true_positives) > self.positives or max(self.false_positives) > self.negatives:
            raise TableError("more rows reach a threshold than there are.")

    @classmethod
    def measured(cls, parts: Iterable[tuple[Array, Array, Array | None]]) -> Self:
        """Measure rows that come in parts: whether each is of the second class, its probability, and weights.

        Examples
        --------
        >>> found = Thresholds.measured([(np.array([0, 1, 1]), np.array([0.25, 0.5, 0.75]), None)])
        >>> found.thresholds, found.true_positives, found.false_positives
        ((0.0, 0.375, 0.625, 0.875), (2.0, 2.0, 1.0, 0.0), (1.0, 0.0, 0.0, 0.0))
        """
        is_second, p, weights = (list(of) for of in zip(*parts, strict=True))
        second, scores = np.concatenate(is_second).astype(bool), np.concatenate(p).astype(np.float64)
        w = np.ones(len(scores)) if weights[0] is None else np.concatenate(weights)
        thresholds = _between(np.unique(scores))
        reaching = [_reaching(scores[rows], w[rows], thresholds) for rows in (second, ~second)]
        kept = _spread(*reaching)
        hits, alarms = (tuple(counts[kept].tolist()) for counts in reaching)
        totals = (float(counts[0]) for counts in reaching)  # the first threshold is 0, which all rows reach
        return cls(tuple(thresholds[kept].tolist()), hits, alarms, *totals)

    def choose(self, asked: str, target: Target) -> Chosen:
        """Return the best threshold by a rule; of several that are equally good, the largest.

        Raises
        ------
        InvalidParameterError
            If there is no such rule, or no validation row is of the second class.

        Examples
        --------
        >>> found = Thresholds.measured([(np.array([0, 1, 0, 1]), np.array([0.125, 0.25, 0.5, 0.75]), None)])
        >>> target = Target(("bought",), "classification", "", ("no", "yes"))
        >>> [found.choose(rule, target).threshold for rule in ("f1", "recall=0.5", "cost=1:5", "cost=5:1")]
        [0.1875, 0.625, 0.1875, 0.625]
        """
        rule, _, value = asked.partition("=")
        hits, alarms = np.array(self.true_positives), np.array(self.false_positives)
        misses = self.positives - hits
        if rule == "cost":
            alarm, miss = _costs(value)
            costs = alarm * alarms + miss * misses
            return self._best(-costs, f"the lowest cost on the validation rows, {costs.min():.4g}")
        if not self.positives:
            raise InvalidParameterError(
                f"no validation row is of the class {target.classes[1]!r}, so that {asked} cannot be judged: hold more "
                "rows out, or give the threshold as a number."
            )
        if rule == "recall":
            recall, least = hits / self.positives, _share(value)
            enough = np.flatnonzero(recall >= least * (1 - _ROUNDING))[-1]
            words = f"the largest with a recall of at least {least:g} on the validation rows, {recall[enough]:.4g}"
            return Chosen(self.thresholds[enough], words)
        f1 = 2 * hits / (2 * hits + alarms + misses)
        return self._best(f1, f"the highest f1 on the validation rows, {f1.max():.4g}")

    def _best(self, merits: Array, reason: str) -> Chosen:
        best = merits.max()
        return Chosen(self.thresholds[np.flatnonzero(merits >= best - _ROUNDING * abs(best))[-1]], reason)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; `from_dict` restores it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return what `to_dict` wrote."""
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data.items()
        }
        return cls(**fields)


def chosen(asked: str | float, target: Target, measured: Thresholds | None) -> Chosen:
    """Return the threshold for the probability of the second class: a number as it is, or chosen by a rule.

    Raises
    ------
    InvalidParameterError
        If there are not two classes, it is neither a number from 0 to 1 nor a rule, or there is nothing to choose by.
    """
    if len(target.classes) != 2:
        has = f"has {len(target.classes)}" if target.classes else "is a number"
        raise InvalidParameterError(f"a threshold is for two classes, and {', '.join(target.names)} {has}. Drop it.")
    number = _number(asked)
    if number is not None and 0 <= number <= 1:
        return Chosen(number)
    rule, equals, value = str(asked).partition("=")
    if (rule, bool(equals)) not in (("f1", False), ("recall", True), ("cost", True)):
        raise InvalidParameterError(f"a threshold is {_RULES}; got {asked!r}.")
    (_share if rule == "recall" else _costs if rule == "cost" else str)(value)
    if measured is None:
        raise InvalidParameterError(
            f"{asked} chooses a threshold by the validation rows, and this model has none: train it again, not with "
            "--validation 0 (early_stopping=False), or give the threshold as a number."
        )
    return measured.choose(str(asked), target)


def _number(asked: Any) -> float | None:
    try:
        return None if isinstance(asked, bool) else float(asked)
    except (TypeError, ValueError):
        return None


def _share(text: str) -> float:
    value = _number(text)
    if value is None or not 0 < value <= 1:
        raise InvalidParameterError(f"recall= takes a share above 0 and at most 1, such as recall=0.9; got {text!r}.")
    return value


def _costs(text: str) -> tuple[float, float]:
    """Return the cost of a false positive and of a false negative."""
    costs = [_number(part) for part in text.split(":")]
    if len(costs) != 2 or not all(cost is not None and 0 <= cost <= 1e100 for cost in costs) or not any(costs):
        raise InvalidParameterError(
            "cost= takes the costs of a false positive and of a false negative, not both 0, such as cost=1:5; got "
            f"{text!r}."
        )
    return float(costs[0] or 0), float(costs[1] or 0)


def _between(scores: Array) -> Array:
    """Return 0, the middles between ascending scores, and if there is room a threshold above all."""
    above = (scores[-1] + 1) / 2
    return np.unique([0.0, *((scores[:-1] + scores[1:]) / 2), *([above] if scores[-1] < above <= 1 else [])])


def _reaching(scores: Array, weights: Array, thresholds: Array) -> Array:
    """Return the weight of the rows whose score reaches each threshold."""
    order = np.argsort(scores, kind="stable")
    upto = np.concatenate([[0.0], np.cumsum(weights[order])])
    counts: Array = upto[-1] - upto[np.searchsorted(scores[order], thresholds, side="left")]
    return counts


def _spread(hits: Array, alarms: Array) -> Array:
    """Return the places of at most 1000 thresholds, between which equal shares of both classes lie."""
    if len(hits) <= _MOST:
        return np.arange(len(hits))
    way = (1 - hits / max(hits[0], 1e-300)) + (1 - alarms / max(alarms[0], 1e-300))
    return np.unique(np.searchsorted(way, np.linspace(0, way[-1], _MOST)).clip(0, len(hits) - 1))
