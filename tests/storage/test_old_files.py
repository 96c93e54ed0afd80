"""Files that earlier versions wrote are loaded and predict to the bit: those of `fixtures`, with what they predicted.

They were written at commit 85ba0df, on data that `answers.npz` holds.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chainrule import load, save
from chainrule.table import from_frame

FIXTURES = Path(__file__).with_name("fixtures")
FILES = sorted(path.stem for path in FIXTURES.glob("*.safetensors"))
ANSWERS = dict(np.load(FIXTURES / "answers.npz"))


def rows_of(name):
    X, colour = ANSWERS["X"], ANSWERS["colour"].tolist()
    if name.startswith("table"):
        return from_frame({"a": X[:, 0], "colour": colour})
    if name in ("embeddings", "calibrated"):
        return pd.DataFrame({"a": X[:, 0], "b": ANSWERS["b"], "c": X[:, 2], "colour": colour})
    if name == "linear_regressor":
        return pd.DataFrame({"a": X[:, 0], "c": X[:, 2]})
    return X.astype(np.float32) if name == "multilabel" else X


def test_there_is_one_of_each_kind():
    assert FILES == [
        "calibrated",
        "classifier",
        "embeddings",
        "ensemble",
        "linear_classifier",
        "linear_regressor",
        "multilabel",
        "quantiles",
        "table_classes",
        "table_numbers",
    ]


@pytest.mark.parametrize("name", FILES)
def test_it_predicts_to_the_bit_what_it_did(name, tmp_path):
    old = load(FIXTURES / f"{name}.safetensors")
    save(old, tmp_path / "again")
    for model in (old, load(tmp_path / "again")):
        for key in [key for key in ANSWERS if key.startswith(f"{name}.")]:
            found = np.asarray(getattr(model, key.partition(".")[2])(rows_of(name)))
            np.testing.assert_array_equal(found.astype(ANSWERS[key].dtype), ANSWERS[key], key)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["classifier", "multilabel", "quantiles"])
def test_training_goes_on_from_it(name):
    model = load(FIXTURES / f"{name}.safetensors")
    seen, epochs = model.t_, model.n_iter_
    y = {"classifier": ANSWERS["CLASSES"], "multilabel": (ANSWERS["X"] > 0) * 1, "quantiles": ANSWERS["Y"]}[name]
    model.partial_fit(rows_of(name), y)
    assert (model.t_, model.n_iter_) == (seen + 60, epochs + 1)
