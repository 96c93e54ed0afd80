"""How many files a call passes, and how often it changes from one to another: `python -m bench.walk`.

Counted with a profile hook over Python functions of the package, in this thread, after one call that imports all.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = str(Path(__file__).resolve().parents[1] / "src" / "chainrule")


def walk(call: Callable[[], Any], package: str = PACKAGE) -> tuple[int, int, int]:
    """Return the calls of functions of the package, the files they are in, and the changes of file."""
    call()
    visited: list[str] = []

    def hook(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(package):
            visited.append(frame.f_code.co_filename)

    sys.setprofile(hook)
    try:
        call()
    finally:
        sys.setprofile(None)
    changes = sum(one != other for one, other in pairwise(visited))
    return len(visited), len({*visited}), changes


def walks() -> dict[str, Callable[[], Any]]:
    """The calls that are measured: 300 rows, one epoch."""
    from sklearn.neural_network import MLPClassifier as Theirs

    from chainrule import MLPClassifier, trace
    from chainrule.cli import main

    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    y = X[:, 0] > 0
    small = {"hidden_layer_sizes": (4,), "max_iter": 1}
    folder = Path(tempfile.mkdtemp(prefix="chainrule-walk-"))
    table, model = folder / "t.csv", folder / "m.safetensors"
    table.write_text("a,b,y\n" + "".join(f"{a:.4f},{b:.4f},{'no' if a < 0 else 'yes'}\n" for a, b in X[:, :2]))
    fitted = MLPClassifier(**small).fit(X, y)

    def train(*options: str) -> None:
        arguments = ["train", str(table), "-t", "y", "-m", str(model), "--quiet", "--hidden", "4", "--epochs", "1"]
        main([*arguments, *options], standalone_mode=False)

    return {
        "fit(X, y)": lambda: MLPClassifier(**small).fit(X, y),
        "fit with dropout, early stopping": lambda: MLPClassifier(**small, dropout=0.1, early_stopping=True).fit(X, y),
        "predict(X)": lambda: fitted.predict(X),
        "fit(path)": lambda: MLPClassifier(**small).fit(str(table), "y"),
        "chainrule train": train,
        "chainrule train --memory": lambda: train("--memory", "1GB"),
        "fit(distributed='local')": lambda: MLPClassifier(**small).fit(X, y, distributed="local"),
        "trace(model, X, y)": lambda: trace(fitted, X[:2], y[:2]),
        "trace(...).to_html()": lambda: trace(fitted, X[:2], y[:2]).to_html(),
        "scikit-learn's MLPClassifier.fit": lambda: Theirs((4,), max_iter=1).fit(X, y),
    }


def main() -> None:
    """Print a table of all walks."""
    import warnings

    import sklearn

    warnings.simplefilter("ignore")
    print("| walk | calls | files | changes of file |\n|---|---|---|---|")
    for name, call in walks().items():
        package = str(Path(sklearn.__file__).parent) if name.startswith("scikit-learn") else PACKAGE
        print(f"| `{name}` | " + " | ".join(f"{count:,}" for count in walk(call, package)) + " |")


if __name__ == "__main__":
    main()
