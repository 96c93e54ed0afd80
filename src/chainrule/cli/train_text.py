"""The output of `chainrule train`: before training, after it, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.cli.class_text import advice, class_record, class_text, remarks
from chainrule.cli.display import aligned, coverage_line, figures_table, shown_name, wrapped
from chainrule.cli.display import number as cell
from chainrule.cli.terminal import one_line

if TYPE_CHECKING:
    from chainrule.fit.parameters import Settings
    from chainrule.tabular.cross_validation import Fold
    from chainrule.tabular.prepare import PreparedTable
    from chainrule.tabular.train import Trained

_FIGURES_OF_A_FOLD = 3  # shown as soon as it is done


def before(prepared: PreparedTable, settings: Settings) -> str:
    """Describe the table and the network, for the user to check before training."""
    from chainrule.fit.parameters import FULL_BATCH
    from chainrule.network.parameters import n_parameters
    from chainrule.tabular.findings.finding import shown
    from chainrule.tabular.train import network_of

    target, table = prepared.target, prepared.about
    lines = [f"{one_line(table.source)}: {table.n_rows:,} rows, {len(table.names):,} columns"]
    learned = {"log": ", learned as its logarithm", "log1p": ", learned as log(1 + y), since it has zeros"}
    names = ", ".join(map(one_line, target.names))
    lines.append(f"target {names}: {target.task}, {target.reason}{learned.get(target.transform, '')}")
    if prepared.suggests_log:
        lines.append(f"{names}: positive and highly skewed; with --log-target errors count relative to its values")
    lines += [*table.notes, *prepared.notes]
    is_said = any(finding.kind == "order" for finding in prepared.findings)
    if prepared.in_order_of and not is_said and (prepared.shares.test or prepared.shares.fold):
        name = one_line(prepared.in_order_of[0])
        lines.append(f"the rows are in the order of {name}: --split-time {name} would test on the last ones")
    if prepared.dropped_rows:
        lines.append(f"{prepared.dropped_rows:,} rows lack a target value and are left out")
    if prepared.zero_rows:
        lines.append(f"{prepared.zero_rows:,} rows have weight 0 and are left out")
    lines += ["", aligned([("column", "role", "note"), *prepared.schema.rows()]), ""]
    if prepared.findings:
        lines += [*shown(prepared.findings), ""]
    fold = prepared.shares.fold
    first = f"fold {fold[0] + 1} of {fold[1]}: " if fold else ""
    lines += [first + note for note in prepared.split_notes]
    lines.append(f"{first}{prepared.m:,} rows to train on{_held(prepared, settings)}; {prepared.m_test:,} to test on")
    if prepared.class_weights is not None:
        weights = zip(target.classes, prepared.class_weights, strict=True)
        lines.append(
            f"weights of the classes: {', '.join(f'{one_line(name)} {cell(weight)}' for name, weight in weights)}"
        )
    if prepared.asked.weight is not None:
        lines.append(f"all figures, also those on the test rows, are weighted by {one_line(prepared.asked.weight)}")
    net = network_of(prepared, settings)
    widths = "-".join(str(n) for n in net.widths)
    steps = "all rows a step" if settings.solver in FULL_BATCH else f"batches of {settings.batch_size}"
    gs = ", ".join(dict.fromkeys(g.name for g in net.hidden))
    count = n_parameters(net.widths, net.embeddings)
    lines.append(
        f"network {widths}{f', {gs}' if gs else ''}, {net.loss.pair}; {count:,} parameters; {settings.solver}, {steps}"
    )
    return "\n".join([*lines, ""])


def _held(prepared: PreparedTable, settings: Settings) -> str:
    if not settings.early_stopping:
        return ""
    is_share = prepared.shares.by is None and prepared.shares.time is None  # else as near as groups and times allow
    held = f"{settings.validation_fraction:.0%}" if is_share else f"{prepared.rows['validation'].m:,}"
    return f", {held} of them held out to stop early"


def of_fold(number: int, folds: int, fold: Fold) -> str:
    """Say what came of a fold: its first figures, of which the table has all."""
    first = list(fold.figures["network"].items())[:_FIGURES_OF_A_FOLD]
    figures = ", ".join(f"{shown_name(name)} {cell(value)}" for name, value in first)
    return f"fold {number + 1} of {folds}: {fold.rows:,} rows to train on, {fold.test_rows:,} to test on: {figures}"


def of_model(prepared: PreparedTable, settings: Settings) -> str:
    """Say what the model itself is trained on, after the folds."""
    return "\n".join(
        [*prepared.split_notes, f"the model: {prepared.m:,} rows to train on{_held(prepared, settings)}", ""]
    )


def folds_table(training: dict[str, Any]) -> str:
    """Return a text table of the figures over all folds, a row per figure and a column per model."""
    found, split = training["cross_validation"], training["split"]
    mean, std = found["mean"], found["std"]
    way = f" by {split['by']}" if split["by"] else f" in order of {split['time']}" if split["time"] else ""
    rows = [[f"{len(found['folds'])} folds{way}: mean ± deviation", *(name.partition(":")[0] for name in mean)]]
    names = list(next(iter(mean.values())))
    for name in names:
        cells = [f"{cell(mean[model][name])} ± {cell(std[model][name])}" for model in mean]
        rows.append([shown_name(name), *cells])
    lacking = {name: sum(fold["figures"]["network"][name] is None for fold in found["folds"]) for name in names}
    said = [
        f"{shown_name(name)} is undefined in {n} of {len(found['folds'])} folds, whose rows are of one class"
        for name, n in lacking.items()
        if n
    ]
    return "\n".join([aligned(rows, right=range(1, len(mean) + 1)), *said])


def uncertainty(trained: Trained, prepared: PreparedTable) -> str:
    """Say how uncertain the test of a small table is, or return ""."""
    record = trained.model.training
    if "standard_error" not in record or not prepared.m_test:
        return ""
    (name, error), rows = next(iter(record["standard_error"].items())), prepared.m_test
    least = " or more" if prepared.shares.by else ""  # the rows of a group are alike, and count as fewer
    more = "; --cv 5 tests all rows" if prepared.shares.test else ""
    figure = cell(trained.figures["network"][name])
    return wrapped(f"{shown_name(name)} {figure} ± {cell(error)}{least}: standard error of {rows:,} test rows{more}")


def after(trained: Trained, prepared: PreparedTable, path: str, checkpoint: str | None) -> str:
    """Describe the result."""
    from chainrule.network.training.history import StopReason
    from chainrule.tabular.findings.finding import shown

    history = trained.model.network.history
    lines = [f"stopped: {history.stop_sentence}"]
    if checkpoint and history.stop_reason == StopReason.INTERRUPTED:
        lines.append(f"the same command goes on from {checkpoint}")
    if "cross_validation" in trained.model.training:
        lines += ["", folds_table(trained.model.training), ""]
    elif trained.figures:
        lines += ["", figures_table(trained.figures), *filter(None, [uncertainty(trained, prepared)])]
        if trained.by_class is not None:
            lines += [class_text(trained.by_class, trained.model.target.classes)]
        lines += [""]
    if said := _remarks(trained):
        lines += [*map(wrapped, said), ""]
    if trained.figures:
        lines += shown(finding for finding in trained.model.findings if finding.kind == "leak")
    if trained.covered:
        lines += [coverage_line(trained.model, trained.covered, "the test rows"), ""]
    lines.append(f"model saved: {one_line(path)}")
    return "\n".join(lines)


def _remarks(trained: Trained) -> list[str]:
    model, figures = trained.model, trained.figures.get("network", {})
    return remarks(figures, trained.by_class, model.target.classes, advice=advice(model.training))


def summary(trained: Trained, prepared: PreparedTable, path: str) -> dict[str, Any]:
    """Return the result as data, for `--json`."""
    history, record = trained.model.network.history, trained.model.training
    figures = dict(trained.figures)
    names = ("standard_error", "cross_validation")
    zeros = {} if prepared.asked.weight is None else {"weight_0": prepared.zero_rows}
    asked = trained.model.intervals
    intervals = {"intervals": {"coverage": asked.coverage, "covered": list(trained.covered)}} if asked else {}
    return {
        "model": path,
        "target": list(prepared.target.names),
        "task": prepared.target.task,
        "columns": trained.model.training["schema"],
        "findings": trained.model.training["findings"],
        "rows": {"train": prepared.m, "test": prepared.m_test, "without_target": prepared.dropped_rows, **zeros},
        "split": record["split"],
        "figures": figures.pop("network", {}),
        "baselines": figures,
        **class_record(trained.by_class, prepared.target.classes),
        "remarks": _remarks(trained),
        **intervals,
        "stop_reason": history.stop_reason,
        "stop_sentence": history.stop_sentence,
        "epochs": len(history["epoch"]) if "epoch" in history else 0,
        "best_epoch": history.best_epoch,
        "final": history.final,
        "seconds": record["seconds"],
        **{name: record[name] for name in names if name in record},
    }
