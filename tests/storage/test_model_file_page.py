"""docs/model-file.md says what the code does: its example runs, and the keys it names are those of a file."""

import re
from pathlib import Path

import numpy as np
import pytest

from chainrule import MLPClassifier, load, save

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
        assert sorted(tensors) == sorted(names)
        assert next(iter(record)) == "format"
        assert list(record)[1] == "sha256"


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
        assert len(block["levels"]) > 2
        return [float(level == value) for level in block["levels"]]
    x = (value - block["centre"]) / block["scale"]
    return [x / np.sqrt(1 + (x / 4) ** 2)] if block["clip"] else [x]
