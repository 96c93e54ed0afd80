"""Ensembles are saved and loaded; files whose members do not go together are refused."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from sklearn.exceptions import NotFittedError

from chainrule import LinearClassifier, MLPEnsembleClassifier, MLPEnsembleRegressor, load, save
from chainrule._errors import ModelFileError

from ..storage.conftest import write_raw
from .conftest import LABELS, TARGET, X, classifier, regressor

FRAME = pd.DataFrame(X, columns=list("wxyz"))


@pytest.mark.parametrize(
    ("ensemble", "y"),
    [
        (MLPEnsembleClassifier(classifier(), 3, random_state=0, bootstrap=True), LABELS),
        (
            MLPEnsembleClassifier(classifier(), 2, workers=1),
            np.column_stack([LABELS == "a", LABELS == "b"]).astype(int),
        ),
        (MLPEnsembleRegressor(regressor(standardize_target=True), 2, random_state=0), 100 * TARGET),
    ],
)
def test_there_and_back(tmp_path, ensemble, y):
    save(ensemble.fit(FRAME, y), tmp_path / "m")
    again = load(tmp_path / "m")
    assert type(again) is type(ensemble)
    assert (again.predict(FRAME) == ensemble.predict(FRAME)).all()
    assert again.feature_names_in_.tolist() == list("wxyz")
    assert again.n_estimators == ensemble.n_estimators
    assert again.bootstrap == ensemble.bootstrap
    if isinstance(ensemble, MLPEnsembleClassifier):
        assert (again.predict_uncertainty(FRAME).model == ensemble.predict_uncertainty(FRAME).model).all()
    retrained = again.fit(FRAME, y)
    assert len(retrained.estimators_) == ensemble.n_estimators


def parts(path):
    with safe_open(path, framework="numpy") as file:
        return json.loads(file.metadata()["chainrule"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_files_that_do_not_hold_an_ensemble(tmp_path):
    save(MLPEnsembleClassifier(classifier(), 2, random_state=0).fit(X, LABELS), tmp_path / "m")
    record, tensors = parts(tmp_path / "m")
    save(LinearClassifier(solver="adam", max_iter=300, tol=1.0).fit(X[:, :2], LABELS), tmp_path / "other")
    other, _ = parts(tmp_path / "other")
    narrow = tensors | {"member1.W1": np.zeros((3, 2)), "member1.b1": np.zeros((3, 1))}
    narrow = {name: tensor for name, tensor in narrow.items() if not name.startswith("member1.") or name.endswith("1")}
    hostile = [
        (record | {"members": []}, tensors, "at least 1 entries"),
        (record | {"members": [record["members"][0]]}, tensors, "1 members"),
        (
            record | {"members": [record["members"][0] | {"kind": "os.system"}] * 2},
            tensors,
            "'kind' is one of MLPClassifier, LinearClassifier",
        ),
        (record | {"members": [record["members"][0], other]}, narrow, "different inputs"),
        (record, {name: tensor for name, tensor in tensors.items() if "member0" in name}, "damaged"),
        ({name: value for name, value in record.items() if name != "members"}, tensors, "members"),
    ]
    for changed, kept, words in hostile:
        with pytest.raises(ModelFileError, match=words):
            load(write_raw(tmp_path / "hostile", changed, kept))


def test_an_ensemble_that_is_not_fitted(tmp_path):
    with pytest.raises(NotFittedError):
        save(MLPEnsembleRegressor(), tmp_path / "m")
