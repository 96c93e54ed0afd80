"""Model files of every kind, changed in places that mean something, under a right digest.

Loading one either raises ModelFileError or gives a model that predicts or raises an error of the package; with little
memory (see `LIMIT` in `__main__.py`) and in little time.
"""

from __future__ import annotations

import contextlib
import math
import random
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner

from chainrule import (
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPEnsembleClassifier,
    MLPEnsembleRegressor,
    MLPRegressor,
    load,
    save,
)
from chainrule._errors import ChainruleError, ModelFileError
from chainrule.cli import main
from chainrule.fit.objective import Objective
from chainrule.table import from_frame
from chainrule.table.batches import OneBatch
from chainrule.tabular.prepare import prepare
from chainrule.tabular.recipe import recipe
from chainrule.tabular.train import train

from ..storage.conftest import read_raw, write_raw

SECONDS = 20  # for loading a file of a few kilobytes and predicting a few rows

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(60, 3))
LABELS = np.where(X[:, 0] > 0.5, "big", np.where(X[:, 0] > 0, "mid", "low"))
CODED = np.hstack([X, DRAW.integers(0, 3, size=(60, 1))])
FRAME = {"size": X[:, 0], "colour": DRAW.choice(["red", "blue", None], 60).tolist(), "when": X[:, 1], "kind": LABELS}


def models() -> list[Any]:
    """A small fitted model of each kind, and of each way to have columns, targets and outputs."""
    few = {"max_iter": 2, "random_state": 0}
    columns = {"categorical_features": [3], "scale": True, "embedding_size": 2}
    bags = {"bootstrap": True, "oob_score": True, "random_state": 0}
    frame = FRAME | {"twice": 2 * X[:, 0], "yes": X[:, 0] > 0}
    settings = recipe(60, hidden_layer_sizes=(3,), max_iter=2)
    tables = [
        train(prepare(OneBatch.of(from_frame(frame)), names), settings).model
        for names in (["kind"], ["yes"], ["twice", "when"])
    ]
    numbers = prepare(
        OneBatch.of(from_frame(frame | {"big": np.exp(X)[:, 0]})), ["big"], objective=Objective(log_target=True)
    )
    return [
        *tables,
        train(numbers, settings, intervals=0.5).model,
        MLPClassifier((4, 3), activation=["z * sigmoid(z)", ("elu", {"alpha": 0.5})], **few).fit(X, LABELS),
        MLPClassifier((4,), class_weight=[{0: 1, 1: 2}] * 3, **few).fit(X, (X > 0).astype(int)),
        LinearClassifier(loss="hinge", class_weight={0: 1.0, 1: 2.0}, **few).fit(X, (X[:, 0] > 0).astype(int)),
        MLPClassifier((4,), **columns, **few).fit(CODED, LABELS),
        MLPRegressor((4,), loss="quantile", quantile=[0.1, 0.9], **few).fit(X, X[:, 0], X_cal=X[:9], y_cal=X[:9, 0]),
        MLPRegressor((4,), **columns, **few).fit(CODED, 1e3 * X[:, :2]),
        LinearRegressor(loss="huber", **few).fit(X.astype(np.float32), 1e3 * X[:, 0]),
        MLPEnsembleClassifier(LinearClassifier(**few), 2, random_state=0).fit(X, LABELS),
        MLPEnsembleRegressor(MLPRegressor((2,), **few), 6, **bags).fit(X.astype(np.float32), X[:, 0]),
    ]


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Any:
    """The path of every value inside a JSON value."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places_in(child, (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    changed = value.copy()
    changed[path[0]] = replaced(value[path[0]], path[1:], new)
    return changed


NUMBERS = [-1, 0, 1, 2, 3, 7, 10**9, 2**31, 2**53, 2**53 + 1, 2**63, 10**30, 10**400, True, False, 1.5, -0.0, 5e-324]
NUMBERS += [1e-300, 1e300, -1e308, math.nan, math.inf, -math.inf]
WORDS = ["", "x", "softmax", "ascending", "identity", "relu", "formula", "poisson", "quantiles", "hinge", "lbfgs", "U9"]
WORDS += ["O", "<U8000000", "M8[ns]", "V8", "impute", "rank", "days", "from_dtype", "regression", "text", "NaN"]
WORDS += ["z" * 10_000, "max(z, " * 60 + "0" + ")" * 60, "z*" * 120 + "z", "9**9**9**9*z", "-" * 400 + "z", "z.real"]


def chosen(draw: random.Random, record: Any) -> tuple[Any, ...]:
    """The path of a value, every part of a record as likely as the others, however much is in them."""
    path: tuple[Any, ...] = ()
    value = record
    while isinstance(value, dict | list) and value and (not path or draw.randrange(5)):
        key = draw.choice(sorted(value) if isinstance(value, dict) else range(len(value)))
        path, value = (*path, key), value[key]
    return path


def mutated(draw: random.Random, record: Any) -> Any:
    """The record with something else in one of its places."""
    where = list(places_in(record))[1:]
    path = chosen(draw, {name: part for name, part in record.items() if name not in ("format", "sha256", "chainrule")})
    value, key = at(record, path), path[-1]
    how = draw.choice(["number", "word", "other", "nothing", "wrapped", "less", "more"])
    if how == "less":
        parent = at(record, path[:-1]).copy()
        del parent[key]
        return replaced(record, path[:-1], parent)
    if how == "more" and isinstance(value, list):
        return replaced(record, path, value * draw.choice([2, 50]) if value else [1])
    new = {
        "number": lambda: draw.choice(NUMBERS),
        "word": lambda: draw.choice(WORDS),
        "other": lambda: at(record, draw.choice(where)),
        "nothing": lambda: draw.choice([None, [], {}]),
        "wrapped": lambda: draw.choice([[value], {"a": value}, [[value]] * 3]),
        "more": lambda: draw.choice([value, str(value), [value, value]]),
    }[how]()
    return replaced(record, path, new)


def retensored(draw: random.Random, tensors: dict[str, Any]) -> dict[str, Any]:
    """The tensors with one that is another, of another shape or type, or absent."""
    name = draw.choice(sorted(tensors))
    tensor, more = tensors[name], dict(tensors)
    new = draw.choice(
        [
            lambda: tensor.T.copy(),
            lambda: tensor.ravel(),
            lambda: np.atleast_1d(tensor)[..., :0],
            lambda: np.zeros((0, 10**12), tensor.dtype),
            lambda: np.zeros((), tensor.dtype),
            lambda: np.full_like(tensor, np.nan),
            lambda: np.full_like(tensor, 1e38),
            lambda: tensor.astype(np.float32 if tensor.dtype == np.float64 else np.float64),
            lambda: tensor.astype(np.int64),
            lambda: np.concatenate([np.atleast_1d(tensor)] * 2),
            lambda: tensors[draw.choice(sorted(tensors))],
            lambda: None,
        ]
    )()
    more[name] = new
    return {name: tensor for name, tensor in more.items() if tensor is not None}


def used(model: Any) -> None:
    """Do with a loaded model what people do."""
    repr(model)
    if hasattr(model, "model_"):
        model.get_params()
        model.predict(from_frame(FRAME | {"twice": X[:, 0], "yes": X[:, 0] > 0}))
        return
    rows = np.ones((4, model.n_features_in_))
    calls = [model.predict, *(getattr(model, n) for n in ("predict_proba", "predict_interval") if hasattr(model, n))]
    for call in calls:
        with contextlib.suppress(ChainruleError):
            assert len(call(rows)) == 4
    np.asarray(getattr(model, "loss_curve_", 0)).sum()


def checked(path: Path) -> bool:
    """Load the file and use the model; whether it could be loaded."""
    began = time.monotonic()
    try:
        model = load(path)
    except ModelFileError:
        return False
    with contextlib.suppress(ChainruleError):
        used(model)
    shown = CliRunner().invoke(main, ["summary", str(path)])
    assert isinstance(shown.exception, SystemExit | None), shown.exception
    save(model, path)  # what can be loaded can be saved
    assert time.monotonic() - began < SECONDS
    return True


@cache
def contents() -> list[Any]:
    """The record and the tensors of a model of each kind."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for place, model in enumerate(models()):
            path = Path(folder, str(place))
            save(model, path)
            found.append(read_raw(path))
            assert checked(path), model
    return found


def corpus() -> list[Any]:
    """What once took all memory, crashed, or ended in an error of another type."""
    first = {record["kind"]: (record, tensors) for record, tensors in reversed(contents())}
    return [(changed(first[kind][0], path, new), first[kind][1]) for kind, path, new in _HOSTILE]


_HOSTILE: list[tuple[str, tuple[Any, ...], Any]] = [
    ("LinearRegressor", ("architecture", "widths", 0), 10**9),
    ("LinearRegressor", ("architecture", "widths", 0), 10**30),
    ("LinearRegressor", ("fitted", "n_features_in_"), 10**9),
    ("LinearRegressor", ("parameters", "n_threads"), {"a": 1}),
    ("LinearRegressor", ("history", "epochs"), {"running_total": [10**400]}),
    ("MLPRegressor", ("architecture", "widths", 1), 0),
    ("MLPRegressor", ("architecture", "activations", 0), ["formula", {"g": "*".join(["z"] * 120)}]),
    ("MLPRegressor", ("architecture", "activations", 0), ["formula", {"g": "max(0, z if z < 1 else 1)"}]),
    ("MLPRegressor", ("architecture", "activations", 0), ["formula", {"g": "max(z, z > 1)"}]),
    ("MLPClassifier", ("arrays", "classes_", "dtype"), "<U8000000"),
    ("MLPClassifier", ("fitted",), {}),
    ("TableModel", ("encoder", "blocks", 0, "levels"), [str(k) for k in range(20_000)]),
    ("TableModel", ("encoder", "blocks", 1, "size"), 10**9),
    ("TableModel", ("training", "history"), {"epochs": 3}),
]


def changed(record: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The record with a value at a path, which may be new in the last of its parts."""
    parent = at(record, path[:-1]).copy()
    parent[path[-1]] = new
    return replaced(record, path[:-1], parent)


def case(draw: random.Random) -> Any:
    """The record and the tensors of a file with one or two changes."""
    record, tensors = draw.choice(contents())
    for _ in range(draw.randint(1, 2)):
        if isinstance(record, dict) and draw.randrange(5):
            record = mutated(draw, record)
        elif tensors:
            tensors = retensored(draw, tensors)
    return record, tensors


def tried(content: Any, number: int) -> bool:
    """Write the file, load it and use the model; whether it could be loaded."""
    record, tensors = content
    with tempfile.TemporaryDirectory() as folder:
        return checked(write_raw(Path(folder, "mutated"), record, tensors))
