"""Models to save, and a writer of model files that follows docs/model-file.md and not the code."""

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from chainrule import LinearRegressor, MLPClassifier, MLPRegressor
from chainrule.table import from_frame
from chainrule.table.batches import OneBatch
from chainrule.tabular.prepare import prepare
from chainrule.tabular.recipe import recipe
from chainrule.tabular.train import train


def read_raw(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The record and the tensors of a model file, unchecked."""
    with safe_open(path, framework="numpy") as file:
        return json.loads(file.metadata()["chainrule"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write_raw(path: Path, record: Any, tensors: dict[str, Any]) -> Path:
    """Write any record with any tensors as a file whose digest is right."""
    text = json.dumps(record | {"sha256": "0" * 64} if isinstance(record, dict) else record)
    content = save(tensors, {"chainrule": text})
    path.write_bytes(content.replace(b"0" * 64, hashlib.sha256(content).hexdigest().encode(), 1))
    return path


@pytest.fixture(scope="session")
def frame() -> dict[str, Any]:
    draw = np.random.default_rng(0)
    size = draw.normal(size=60)
    colour = draw.choice(["red", "blue", None], 60).tolist()
    return {"size": size, "colour": colour, "kind": np.where(size > 0.5, "big", np.where(size > 0, "mid", "low"))}


@pytest.fixture(scope="session")
def table_model(frame):
    """A small classifier of rows of `frame`."""
    table = from_frame(frame)
    return train(prepare(OneBatch.of(table), ["kind"]), recipe(60, hidden_layer_sizes=(3,), max_iter=2)).model


@pytest.fixture(scope="session")
def table_models(frame, table_model):
    """Small models of three classes, two classes and two numbers."""
    frame = frame | {"big": frame["kind"] == "big", "twice": 2 * frame["size"]}
    table = from_frame(frame)
    settings = recipe(60, hidden_layer_sizes=(3,), max_iter=2)
    return [
        table_model,
        *(train(prepare(OneBatch.of(table), target), settings).model for target in (["big"], ["size", "twice"])),
    ]


@pytest.fixture(scope="session")
def estimators() -> list[Any]:
    """A small fitted estimator of each task."""
    draw = np.random.default_rng(1)
    X = draw.normal(size=(40, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two epochs do not settle
        return [
            MLPClassifier((4,), max_iter=2, random_state=0).fit(X, X[:, 0] > 0),
            LinearRegressor(max_iter=2, random_state=0).fit(X, X[:, 0]),
            MLPRegressor((4,), loss="quantile", quantile=[0.1, 0.9], max_iter=2, random_state=0).fit(
                X, X[:, 0], X_cal=X[:9], y_cal=X[:9, 0]
            ),
        ]
