"""`chainrule evaluate`: evaluate a saved model on another table."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from chainrule.cli.guard import guarded
from chainrule.cli.predict import THRESHOLD
from chainrule.cli.terminal import one_line, say

if TYPE_CHECKING:
    from chainrule.tabular.evaluation import Evaluation
    from chainrule.tabular.model import TableModel


@click.command()
@click.argument("model")
@click.argument("table")
@click.option("--threshold", help=THRESHOLD)
@click.option("--memory", help="Memory limit, such as 2GB; by default a quarter of the machine's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@guarded
def evaluate(model: str, table: str, threshold: str | None, memory: str | None, as_json: bool) -> None:
    """Test the saved MODEL on TABLE, which has the target column, and name columns that differ much from training.

    TABLE may be -, standard input.
    """
    from chainrule.cli.display import strict_json
    from chainrule.cli.predict import said_threshold, table_model
    from chainrule.cli.reading import opened
    from chainrule.table.reading.foreign.standard_input import NAME, stored_input

    loaded = table_model(model)
    limit = None if threshold is None else said_threshold(loaded, threshold)
    with stored_input(table) as stored, opened(stored, memory, "testing", loaded.format) as batches:
        found = loaded.judge(batches, limit)
    if table == "-":
        found = replace(found, source=NAME)
    say(strict_json(_data(loaded, found, limit)) if as_json else _text(loaded, found, limit))


def _data(model: TableModel, found: Evaluation, limit: float | None) -> dict[str, Any]:
    from chainrule.cli.class_text import class_record

    return {
        "figures": found.figures,
        **class_record(found.by_class, model.target.classes),
        "rows": found.rows,
        "without_target": found.without_target,
        **({} if found.weight is None else {"weight": found.weight, "weight_0": found.zero_rows}),
        **({"covered": list(found.covered)} if found.covered else {}),
        **({} if limit is None else {"threshold": limit, "decisions": found.decisions}),
        "remarks": _remarks(model, found),
        "findings": [finding.to_dict() for finding in found.findings],
    }


def _text(model: TableModel, found: Evaluation, limit: float | None) -> str:
    from chainrule.cli.class_text import class_text
    from chainrule.cli.display import coverage_line, figures_table, number, wrapped
    from chainrule.tabular.findings.finding import shown

    classes, lines = model.target.classes, [*found.notes, *shown(found.findings)]
    if found.without_target:
        lines.append(f"{found.without_target:,} rows lack a target value and are left out")
    if found.zero_rows:
        lines.append(f"{found.zero_rows:,} rows have weight 0 and are left out")
    if model.weight is not None and found.weight is None:
        lines.append(
            f"all rows count the same: there is no column {one_line(model.weight)}, which held the weights in training"
        )
    by = "" if found.weight is None else f", weighted by {one_line(found.weight)}"
    lines += [
        f"{found.rows:,} rows of {one_line(found.source)}{by}",
        figures_table({"network": found.figures}, "on these rows"),
    ]
    if limit is not None:
        figures = ", ".join(f"{name} {number(value)}" for name, value in found.decisions.items())
        second = one_line(classes[1])
        lines.append(f"{second} where p_{second} >= {limit:.4g}: {figures}")
    if found.by_class is not None:
        lines.append(class_text(found.by_class, classes, "rows"))
    if found.covered:
        lines.append(coverage_line(model, found.covered, "these rows"))
    if said := _remarks(model, found):
        lines += ["", *map(wrapped, said)]
    return "\n".join(lines)


def _remarks(model: TableModel, found: Evaluation) -> list[str]:
    from chainrule.cli.class_text import advice, remarks

    return remarks(found.figures, found.by_class, model.target.classes, "rows", advice(model.training))
