"""Train with default settings on every data set, beside scikit-learn's MLP and gradient boosting with theirs.

    python bench/tables.py DATA_FOLDER OUT.md [NAME ...]

All get the same rows, the same split (official, or seed 0 with a fifth to test on) and, for regression, a standardised
target, which changes nothing for the trees. The networks of the first two columns get the same encoded matrix; the
estimator on raw columns and the trees get numbers and categories as they are, and encode them in their own way.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor

from chainrule import MLPClassifier, MLPRegressor
from chainrule.metrics import classification_figures, regression_figures
from chainrule.outofcore.rows import Block
from chainrule.table import Table, Target, read_table
from chainrule.table.batches import OneBatch
from chainrule.table.encoding.date_parts import DATE_PARTS
from chainrule.tabular.baselines import baseline_name
from chainrule.tabular.prepare import Overrides, PreparedTable, prepare
from chainrule.tabular.recipe import recipe
from chainrule.tabular.splitting.split import Shares, with_target
from chainrule.tabular.train import train

warnings.simplefilter("ignore")

Seeds = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One data set: where it is, what to predict, and a published figure to compare with."""

    table: str
    targets: list[Any]
    test_table: str | None = None
    drop: tuple[str, ...] = ()
    seeds: Seeds = (0, 1, 2, 3, 4)
    published: str = ""
    split: str = field(default="seed 0")


IMAGES: dict[str, Any] = {"targets": ["label"], "seeds": (0,), "split": "official"}
CASES = {
    "penguins": Case("penguins/penguins.csv", ["species"]),
    "pima": Case("pima/pima-indians-diabetes.csv", [9], published="76 % (ADAP, sensitivity = specificity)"),
    "wine, red": Case("wine-quality/winequality-red.csv", ["quality"], published="0.62 (random splits, copies part)"),
    "wine, white": Case("wine-quality/winequality-white.csv", ["quality"]),
    "concrete": Case("uci-regression/concrete.csv", [9], published="4.82"),
    "energy, two targets": Case("uci-regression/energy.csv", [9, 10]),
    "power plant": Case("uci-regression/power-plant.csv", [5], published="4.01"),
    "magic": Case("magic-gamma/magic04.data", [11]),
    "bike sharing": Case("bike-sharing/hour.csv", ["cnt"], drop=("casual", "registered"), published="45.7"),
    "california housing": Case("california-housing/housing.csv", ["median_house_value"], published="49,850"),
    "credit default": Case("credit-default/UCI_Credit_Card.csv", ["default.payment.next.month"]),
    "adult": Case("adult/adult.data", [15], "adult/adult.test", split="official", published="0.8522 (tuned MLP)"),
    "mnist": Case(
        "mnist/train-images-idx3-ubyte.gz", test_table="mnist/t10k-images-idx3-ubyte.gz", published="0.972", **IMAGES
    ),
    "fashion-mnist": Case(
        "fashion-mnist/train-images-idx3-ubyte.gz",
        test_table="fashion-mnist/t10k-images-idx3-ubyte.gz",
        published="0.871",
        **IMAGES,
    ),
}


@dataclass(frozen=True)
class Split:
    """One data set, split: encoded, and as data frames of numbers and categories."""

    tables: tuple[Table, Table]  # the rows to train on, and those to test on
    case: Case
    prepared: PreparedTable
    training: Block
    test: Block
    frame: pd.DataFrame
    test_frame: pd.DataFrame

    @property
    def target(self) -> Target:
        """What is predicted."""
        return self.prepared.target

    @property
    def classifies(self) -> bool:
        """Whether classes are to be predicted."""
        return self.target.task == "classification"

    def figures(self, classifier: Any, regressor: Any, X: Any, X_test: Any) -> dict[str, float]:
        """Fit whichever fits the task on X, and measure it on X_test."""
        Y, y_test = self.training.Y, self.target.from_network(self.test.Y)
        if self.classifies:
            y = self.target.from_network(Y)
            return classification_figures(y_test, classifier.fit(X, y).predict_proba(X_test))
        predicted = regressor.fit(X, Y[:, 0] if Y.shape[1] == 1 else Y).predict(X_test).reshape(len(X_test), -1)
        return regression_figures(y_test, self.target.to_units(predicted))


def trained(split: Split, seed: int) -> dict[str, dict[str, float]]:
    """Train as `chainrule train` does, which also measures the linear model and the baseline."""
    rows, tested = map(OneBatch.of, split.tables)
    held_out = Shares(test=0.0, validation=0.1, seed=seed)  # to stop early
    asked = Overrides(drop=split.case.drop)
    prepared = prepare(rows, split.case.targets, overrides=asked, shares=held_out, test_batches=tested)
    figures = train(prepared, recipe(prepared.m), seed=seed).figures
    baseline = figures.pop(baseline_name(split.target))
    return {"chainrule train": figures.pop("network"), "baseline": baseline} | figures


def drop_in(split: Split, seed: int) -> dict[str, float]:
    """Train our estimators where the import is all that changes."""
    X, X_test = split.training.X, split.test.X
    return split.figures(MLPClassifier(random_state=seed), MLPRegressor(random_state=seed), X, X_test)


def on_columns(split: Split, seed: int) -> dict[str, float]:
    """Train our estimators on the raw columns, stopping early."""
    settings: dict[str, Any] = {"scale": True, "missing": "impute", "early_stopping": True, "random_state": seed}
    if any(isinstance(dtype, pd.CategoricalDtype) for dtype in split.frame.dtypes):
        settings["categorical_features"] = "from_dtype"
    return split.figures(MLPClassifier(**settings), MLPRegressor(**settings), split.frame, split.test_frame)


def their_mlp(split: Split, seed: int) -> dict[str, float]:
    """Train scikit-learn's MLP."""
    X, X_test = split.training.X, split.test.X
    return split.figures(TheirClassifier(random_state=seed), TheirRegressor(random_state=seed), X, X_test)


def trees(split: Split, seed: int) -> dict[str, float]:
    """Train scikit-learn's gradient boosting, one model for each target."""
    models = HistGradientBoostingClassifier(random_state=seed), HistGradientBoostingRegressor(random_state=seed)
    if split.classifies or split.training.Y.shape[1] == 1:
        return split.figures(*models, split.frame, split.test_frame)
    from sklearn.multioutput import MultiOutputRegressor

    return split.figures(None, MultiOutputRegressor(models[1]), split.frame, split.test_frame)


MODELS: dict[str, Callable[[Split, int], Any]] = {
    "chainrule train": trained,
    "ours, import changed": drop_in,
    "ours, raw columns": on_columns,
    "scikit-learn MLP": their_mlp,
    "gradient boosting": trees,
}
OURS = ("chainrule train", "ours, import changed", "ours, raw columns")
NEEDS_COLUMNS = ("ours, raw columns", "gradient boosting")  # not for images, where a column is a pixel


def frame_of(table: Table, prepared: PreparedTable, rows: Any, categories: dict[str, Any]) -> pd.DataFrame:
    """The used columns of given rows: numbers, dates in parts, texts as categories of the training rows."""
    columns: dict[str, Any] = {}
    for plan in prepared.schema.used:
        column = table[plan.name]
        if column.kind == "date":
            columns |= {f"{plan.name}.{part}": take(column.values[rows]) for part, take in DATE_PARTS.items()}
        elif column.kind == "text":
            levels = np.array([*column.levels, None], object)[column.values[rows]]
            known = categories.setdefault(plan.name, pd.CategoricalDtype(sorted({*levels} - {None})))
            columns[plan.name] = pd.Categorical(levels, dtype=known)
        else:
            columns[plan.name] = column.values[rows].astype(float)
    return pd.DataFrame(columns)


def split_of(folder: Path, case: Case) -> Split:
    """Read, split and encode."""
    table = read_table(folder / case.table)
    test_table = read_table(folder / case.test_table) if case.test_table else None

    prepared = prepare(
        OneBatch.of(table),
        case.targets,
        overrides=Overrides(drop=case.drop),
        shares=Shares(validation=0.0),
        test_batches=test_table and OneBatch.of(test_table),
    )
    training, test = (prepared.rows[part].read(0, prepared.rows[part].m) for part in ("training", "test"))
    tested = prepared.split.rows("test") if test_table is None else with_target(test_table, prepared.target)
    tables = table.take(prepared.split.rows("training")), (test_table or table).take(tested)
    if case.seeds == IMAGES["seeds"]:
        return Split(tables, case, prepared, training, test, pd.DataFrame(), pd.DataFrame())
    categories: dict[str, Any] = {}
    frames = [frame_of(part, prepared, slice(None), categories) for part in tables]
    return Split(tables, case, prepared, training, test, *frames)


def run(folder: Path, case: Case) -> dict[str, Any]:
    """Measure one data set with every model and seed."""
    split = split_of(folder, case)
    figure = "accuracy" if split.classifies else "rmse"
    rows: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    for seed in case.seeds:
        for name, model in MODELS.items():
            if not len(split.frame) and name in NEEDS_COLUMNS:
                continue
            began = time.perf_counter()
            figures = model(split, seed)
            seconds.setdefault(name, []).append(time.perf_counter() - began)
            for part, values in (figures if name == "chainrule train" else {name: figures}).items():
                rows.setdefault(part, []).append(values[figure])
    return {
        "figure": figure,
        "rows": [len(split.training), len(split.test)],
        "models": {name: [float(np.mean(values)), float(np.std(values))] for name, values in rows.items()},
        "seconds": {name: float(np.median(values)) for name, values in seconds.items()},
    }


def cell(result: dict[str, Any], name: str) -> str:
    """A mean and its spread; under it, the seconds."""
    if name not in result["models"]:
        return "–"
    mean, spread = result["models"][name]
    digits = 4 if result["figure"] == "accuracy" else (0 if mean > 1000 else 2 if mean > 1 else 4)
    text = f"{mean:,.{digits}f} ± {spread:,.{digits}f}"
    return text + (f"<br>{result['seconds'][name]:.1f} s" if name in result["seconds"] else "")


INTRODUCTION = """\
# Results on real tables

Written by `make results`. Accuracy (higher is better) or RMSE in the target's units (lower is better) on the test rows:
mean ± spread over the training seeds 0 to 4 (seed 0 alone for the images); seconds are the median for training and
testing. Everybody has default settings:

* **chainrule train**: what the command line and `TabularClassifier` and `TabularRegressor` do; its seconds include the
  linear model's.
* **ours, import changed**: `MLPClassifier()` and `MLPRegressor()` where scikit-learn's stood, on the same matrix.
* **ours, raw columns**: the same with `categorical_features="from_dtype", scale=True, missing="impute",
  early_stopping=True` on a data frame as it was read.
* **scikit-learn MLP** gets the matrix that `chainrule train` encodes, since it takes neither texts nor gaps.
* **baseline** predicts the most frequent class, or the mean.
* **gradient boosting** is scikit-learn's `HistGradientBoosting`, on the data frame.

Regression targets are standardised for all. Published figures are of other splits and pipelines, for orientation.
"""


def page(results: dict[str, dict[str, Any]]) -> str:
    """The results as a Markdown page."""
    columns = [*MODELS, "linear model", "baseline"]
    head = ["data", "rows train / test, split", "figure", *columns, "published"]
    lines = [INTRODUCTION, f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, result in results.items():
        case = CASES[name]
        counts = f"{result['rows'][0]:,} / {result['rows'][1]:,}, {case.split}"
        cells = [name, counts, result["figure"], *(cell(result, column) for column in columns), case.published]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *verdict(results), ""])


def verdict(results: dict[str, dict[str, Any]]) -> list[str]:
    """Say on which tables the best of our networks wins, loses or ties, by more than both spreads."""
    lines = []
    for peer in ("scikit-learn MLP", "gradient boosting"):
        counts: dict[str, list[str]] = {"better": [], "within the spread": [], "worse": []}
        for name, result in results.items():
            models, sign = result["models"], 1 if result["figure"] == "accuracy" else -1
            if peer not in models:
                continue
            ours = max((models[k] for k in OURS if k in models), key=lambda value: sign * value[0])
            ahead, noise = sign * (ours[0] - models[peer][0]), ours[1] + models[peer][1]
            counts["better" if ahead > noise else "worse" if ahead < -noise else "within the spread"].append(name)
        lines += ["", f"The best of the three against {peer}, where a difference counts that exceeds both spreads:", ""]
        lines += [f"* {word} on {len(names)}: {'; '.join(names)}" for word, names in counts.items() if names]
    return lines


def main() -> None:
    """Run the named cases, or all; keep the figures of earlier runs for the others."""
    folder, out, *names = sys.argv[1:]
    record = Path(out).with_suffix(".json")
    results = json.loads(record.read_text(encoding="utf-8")) if names and record.exists() else {}
    for name in names or CASES:
        results[name] = run(Path(folder), CASES[name])
        print(name, json.dumps(results[name]), flush=True)
        ordered = {key: results[key] for key in CASES if key in results}
        record.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
        Path(out).write_text(page(ordered), encoding="utf-8")


if __name__ == "__main__":
    main()
