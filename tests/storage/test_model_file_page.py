"""docs/model-file.md says what the code does: its example runs, and the keys it names are those of a file."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from chainrule import LinearRegressor, MLPClassifier, load, save

from .conftest import read_raw

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "model-file.md").read_text()


@pytest.mark.filterwarnings("ignore:.*max_iter")
def test_the_example_predicts_what_chainrule_predicts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(60, 4))
    save(MLPClassifier((6, 5), max_iter=5, random_state=0).fit(X, np.arange(60) % 3), "model.safetensors")
    found: dict = {}
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL).group(1)
    exec(code, found)
    expected = load("model.safetensors").predict_proba(np.ones((5, 4)))
    np.testing.assert_allclose(found["probabilities"], expected, rtol=1e-12)


def test_the_page_names_every_key(tmp_path, table_models, estimators):
    for model in (*table_models, *estimators):
        save(model, tmp_path / "m")
        record, tensors = read_raw(tmp_path / "m")
        sections = [record, record["architecture"], record["architecture"]["loss"], record["architecture"]["penalty"]]
        sections += [record[name] for name in ("target", "training", "encoder") if name in record]
        sections += record.get("encoder", {}).get("blocks", [])
        missing = {key for section in sections for key in section if not re.search(rf"[`.]{key}[`.]", PAGE)}
        assert missing == set()
        layers, embeddings = len(record["architecture"]["widths"]), len(record["architecture"]["embeddings"])
        names = [f"{letter}{l}" for letter in "Wb" for l in range(1, layers)] + [f"E{j}" for j in range(embeddings)]
        extra = ["calibration"] if hasattr(model, "calibration_residuals_") else []
        assert sorted(tensors) == sorted(names + extra)
        assert next(iter(record)) == "format"
        assert list(record)[1] == "sha256"


def test_several_quantiles_are_those_of_the_page(tmp_path):
    """Rebuild the outputs from Z[L] by the page's rule, and the interval from the tensor `calibration`."""
    draw = np.random.default_rng(0)
    X, y = draw.normal(size=(50, 2)), draw.normal(size=50)
    model = LinearRegressor(loss="quantile", quantile=[0.1, 0.4, 0.5, 0.9], solver="adam", max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y, X_cal=X[:20], y_cal=y[:20])
    save(model, tmp_path / "m")
    record, tensors = read_raw(tmp_path / "m")
    assert record["architecture"]["loss"]["parameters"]["quantiles"] == [0.1, 0.4, 0.5, 0.9]
    gap = np.log1p(np.exp(Z := tensors["W1"] @ X.T + tensors["b1"]))
    A = np.stack([Z[1] - gap[0], Z[1], Z[1] + gap[2], Z[1] + gap[2] + gap[3]])
    np.testing.assert_allclose(A.T, model.predict(X), rtol=1e-12)
    np.testing.assert_allclose(tensors["calibration"], y[:20, None] - A.T[:20], rtol=1e-9)


def test_a_table_model_s_features_are_those_of_the_page(tmp_path, table_model, frame):
    """Encode and predict a row by the page's rules alone."""
    save(table_model, tmp_path / "m")
    record, tensors = read_raw(tmp_path / "m")
    row = {"size": frame["size"][0], "colour": "blue"}
    A = np.array([value for block in record["encoder"]["blocks"] for value in features(block, row[block["column"]])])
    for l in range(1, len(tensors) // 2 + 1):
        Z = tensors[f"W{l}"] @ A + tensors[f"b{l}"][:, 0]
        A = np.maximum(Z, 0)
    expected = table_model.predict_proba({"size": [row["size"]], "colour": [row["colour"]]})[0]
    np.testing.assert_allclose(np.exp(Z) / np.exp(Z).sum(), expected, rtol=1e-5)


def features(block: dict, value) -> list[float]:
    if block["kind"] == "one_hot":
        buckets = [value not in block["levels"]] * block["other"] + [False] * block["missing"]
        ones = [*(float(level == value) for level in block["levels"]), *map(float, buckets)]
        return ones if len(ones) != 2 else ones[1:] if any(ones) else [0.5]
    x = (value - block["centre"]) / block["scale"]
    return [x / np.sqrt(1 + (x / 4) ** 2)] if block["clip"] else [x]
