"""How well each class is predicted, as text and as data: a table, the confusion matrix, and remarks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from chainrule.cli.display import WIDTH, aligned, number
from chainrule.cli.terminal import one_line
from chainrule.metrics import ByClass, Figures
from chainrule.network.types import Array

MOST = 12  # classes shown
LONGEST, LONGEST_SAID = 20, 40  # letters of a class shown in a table and in a sentence
CERTAIN = 30  # rows of a class from which on its figures are not said to be uncertain
_LISTED = 5  # classes named in a sentence

Classes = tuple[Any, ...]


def class_text(by_class: ByClass, classes: Classes, rows: str = "test rows") -> str:
    """Return the table of the classes and the confusion matrix."""
    return f"{_means(classes)}\n\n{_table(by_class, classes, rows)}\n\n{_confusion(by_class, classes)}"


def class_record(by_class: ByClass | None, classes: Classes) -> dict[str, Any]:
    """Return the same as data, for JSON, of the network; nothing of numbers."""
    if by_class is None:
        return {}
    return {"classes": classes, "per_class": by_class.records(classes), "confusion": by_class.confusion}


def remarks(
    figures: Figures,
    by_class: ByClass | None,
    classes: Classes,
    rows: str = "test rows",
    advice: str = "",
) -> list[str]:
    """Say in sentences which classes are never predicted, which have few rows or none, and what is undefined."""
    if by_class is None:
        return []
    names, counts = [_said(label) for label in classes], by_class.rows
    counted = [f"{name} ({_count(count)})" for name, count in zip(names, counts, strict=True)]
    said = []
    if len(never := by_class.never_predicted):
        one = f"class {names[never[0]]} is" if len(never) == 1 else ""
        these = one or f"classes {_listed(counted[k] for k in never)} are"
        share = f"{_count(counts[never].sum())} of {_count(counts.sum())} {rows}"
        said.append(f"{these} never predicted ({share}){f'; {advice}' if advice else ''}")
    if len(few := np.flatnonzero((counts > 0) & (counts < CERTAIN))):
        said.append(f"fewer than {CERTAIN} {rows} of {_listed(counted[k] for k in few)}: their figures are uncertain")
    if len(none := np.flatnonzero(counts == 0)):
        said.append(f"no {rows} of {_listed(names[k] for k in none)}: nothing can be said of how they are predicted")
    if figures.get("roc_auc") is None:
        said.append(f"ROC AUC and average precision are undefined: all {rows} are of one class")
    return said


def advice(training: Mapping[str, Any]) -> str:
    """Return what may help where classes are never predicted, by the record of a training."""
    weighted = training.get("objective", {}).get("class_weight")
    return "" if weighted else "trained with --class-weight balanced, rare classes count more"


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else "")


def _means(classes: Classes) -> str:
    """Say of which classes the figures are that rank rows."""
    if len(classes) == 2:
        return f"average precision: of class {_said(classes[1])}"
    return "ROC AUC, average precision: means over the classes, each against the rest"


def _table(by_class: ByClass, classes: Classes, rows: str) -> str:
    shown = _largest(by_class, MOST)
    columns = (by_class.precision, by_class.recall, by_class.f1)
    cells = [["class", "precision", "recall", "F1", rows]]
    cells += [[_name(classes[k]), *(_share(column[k]) for column in columns), _count(by_class.rows[k])] for k in shown]
    cells.append(["macro mean", *map(number, by_class.macro().values()), _count(by_class.rows.sum())])
    table = aligned(cells, right=range(1, 5))
    return table + _left_out(len(shown), len(classes), rows)


def _confusion(by_class: ByClass, classes: Classes) -> str:
    """Return the confusion matrix of as many classes as fit into a line."""
    if by_class.confusion is None:
        return f"no confusion matrix: there are {len(classes):,} classes"
    names = [_name(label) for label in classes]
    for most in range(min(MOST, len(names)), 0, -1):
        matrix = _matrix(by_class.confusion, names, _largest(by_class, most))
        if most == 1 or max(map(len, matrix.splitlines())) <= WIDTH:
            break
    title = "confusion matrix: a row for each true class, a column for each predicted class"
    if not np.array_equal(by_class.rows, by_class.support):
        title = "confusion matrix by weight: a row for each true class, a column for each predicted"
    return f"{title}\n{matrix}{_left_out(most, len(names), 'rows')}"


def _matrix(confusion: Array, names: list[str], shown: list[int]) -> str:
    """Return the confusion matrix of some classes, and what is predicted as any other of them."""
    others = ["other"] * (len(shown) < len(names))
    side = max(len(names[k]) for k in shown)
    room = max(5, (WIDTH - side) // (len(shown) + len(others)) - 2)
    cells = [["", *(_shortened(names[k], room) for k in shown), *others]]
    for k in shown:
        row = confusion[k]
        rest = [_count(row.sum() - row[shown].sum()) for _ in others]
        cells.append([names[k], *map(_count, row[shown]), *rest])
    return aligned(cells, right=range(1, len(cells[0])))


def _largest(by_class: ByClass, most: int) -> list[int]:
    """Return the classes with the most rows, in their own order."""
    return sorted(np.argsort(-by_class.rows, kind="stable")[:most].tolist())


def _left_out(shown: int, of: int, rows: str) -> str:
    return f"\nthe {shown} of {of:,} classes with the most {rows}; --json has all" if shown < of else ""


def _name(label: Any, most: int = LONGEST) -> str:
    """Return a class in one line."""
    return _shortened(one_line(" ".join(str(label).split())), most)


def _said(label: Any) -> str:
    return repr(_name(label, LONGEST_SAID)) if isinstance(label, str) else str(label)


def _share(value: float) -> str:
    return "-" if math.isnan(value) else number(value)


def _shortened(name: str, most: int) -> str:
    """Leave out the middle: names that begin alike often end differently."""
    if len(name) <= most:
        return name
    end = (most - 1) // 2
    return f"{name[: most - 1 - end]}…{name[-end:]}"


def _count(count: float) -> str:
    """Write a number of rows, or a sum of weights that is not whole."""
    return f"{int(count):,}" if count == int(count) else number(float(count))
