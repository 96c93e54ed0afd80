"""Train on every data set with the defaults of `chainrule train`, beside scikit-learn's MLP with its own defaults.

    python bench/tables.py DATA_FOLDER OUT.md [NAME ...]

Both get the same encoded rows, the same split (official, or seed 0 with a fifth to test on) and the same standardised
regression target; the training seeds are 0, 1, 2 (0 alone for the images). Figures are means; ± is their spread.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from chainrule.estimator.recipe import recipe
from chainrule.estimator.table_training import Overrides, Prepared, prepare, train
from chainrule.report import classification_figures, regression_figures
from chainrule.table import read_table

warnings.simplefilter("ignore")


@dataclass(frozen=True)
class Case:
    """One data set: where it is, what to predict, and a published figure to compare with."""

    table: str
    targets: list[Any]
    test_table: str | None = None
    drop: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    published: str = ""
    split: str = field(default="seed 0")


IMAGES = {"targets": ["label"], "seeds": (0,), "split": "official"}
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


def ours(prepared: Prepared, seed: int) -> dict[str, dict[str, float]]:
    """Train as `chainrule train` does."""
    return train(prepared, recipe(len(prepared.y)), seed=seed).figures


def theirs(prepared: Prepared, seed: int) -> dict[str, float]:
    """Train scikit-learn's MLP with its defaults on the same rows."""
    if prepared.target.task == "classification":
        classifier = MLPClassifier(random_state=seed).fit(prepared.X, prepared.y)
        return classification_figures(prepared.y_test, classifier.predict_proba(prepared.X_test))
    y = prepared.target.standardise(prepared.y)
    regressor = MLPRegressor(random_state=seed).fit(prepared.X, y[:, 0] if y.shape[1] == 1 else y)
    predicted = regressor.predict(prepared.X_test).reshape(len(prepared.X_test), -1)
    return regression_figures(prepared.y_test, prepared.target.to_units(predicted))


def run(folder: Path, case: Case) -> dict[str, Any]:
    """Measure one data set."""
    test_table = read_table(folder / case.test_table) if case.test_table else None
    table = read_table(folder / case.table)
    prepared = prepare(table, case.targets, overrides=Overrides(drop=case.drop), test_table=test_table)
    figure = "accuracy" if prepared.target.task == "classification" else "rmse"
    result: dict[str, Any] = {"figure": figure, "rows": [len(prepared.y), len(prepared.y_test)]}
    rows: dict[str, list[float]] = {"network": [], "linear model": [], "trivial answer": [], "scikit-learn": []}
    seconds: dict[str, list[float]] = {"chainrule": [], "scikit-learn": []}
    for seed in case.seeds:
        began = time.perf_counter()
        for name, figures in ours(prepared, seed).items():
            rows[name].append(figures[figure])
        middle = time.perf_counter()
        rows["scikit-learn"].append(theirs(prepared, seed)[figure])
        seconds["chainrule"].append(middle - began)
        seconds["scikit-learn"].append(time.perf_counter() - middle)
    result |= {name: [float(np.mean(values)), float(np.std(values))] for name, values in rows.items()}
    return result | {"seconds": {name: float(np.median(values)) for name, values in seconds.items()}}


def cell(value: list[float], figure: str) -> str:
    """A mean and its spread."""
    mean, spread = value
    digits = 4 if figure == "accuracy" else (0 if mean > 1000 else 2 if mean > 1 else 4)
    return f"{mean:,.{digits}f} ± {spread:,.{digits}f}"


def page(results: dict[str, dict[str, Any]]) -> str:
    """The results as a Markdown page."""
    lines = [
        "# Results on real tables",
        "",
        "Written by `make results`: `chainrule train` with its defaults on every data set, beside scikit-learn's "
        "`MLPClassifier` and `MLPRegressor` with theirs on the same encoded rows and the same split. Accuracy (higher "
        "is better) or RMSE in the target's units (lower is better) on the test rows, mean ± spread over training "
        "seeds 0, 1, 2 (seed 0 alone for the images). Published figures are of other splits and pipelines, quoted for "
        "orientation. Seconds are for training and testing; ours include the linear baseline.",
        "",
        "| data | rows train / test, split | figure | chainrule | linear model | trivial | scikit-learn MLP | "
        "published | seconds, ours / theirs |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, result in results.items():
        case, figure, seconds = CASES[name], result["figure"], result["seconds"]
        cells = [cell(result[k], figure) for k in ("network", "linear model", "trivial answer", "scikit-learn")]
        counts = f"{result['rows'][0]:,} / {result['rows'][1]:,}, {case.split}"
        times = f"{seconds['chainrule']:.1f} / {seconds['scikit-learn']:.1f}"
        lines.append(f"| {name} | {counts} | {figure} | {' | '.join(cells)} | {case.published} | {times} |")
    return "\n".join([*lines, ""])


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
