"""What all ready-made callbacks have in common: they survive clone, pickle and a search, and come when asked for."""

import pickle

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from chainrule import MLPRegressor, callbacks

from .conftest import X, Y

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def all_of_them(folder):
    return [
        callbacks.ModelCheckpoint(folder / "model"),
        callbacks.CSVLogger(folder / "log.csv"),
        callbacks.TensorBoard(folder / "logs"),
        callbacks.TimeBudget(3600.0),
    ]


def test_d41_they_survive_clone_and_pickle_before_and_after_training(tmp_path):
    given = all_of_them(tmp_path)
    reg = MLPRegressor((3,), max_iter=2, random_state=0, callbacks=given)
    for _ in range(2):
        assert reg.callbacks is given
        assert given == all_of_them(tmp_path)
        assert clone(reg).callbacks == given
        assert pickle.loads(pickle.dumps(reg)).callbacks == given
        reg.fit(X, Y)


def test_in_a_search_with_two_processes(tmp_path):
    reg = MLPRegressor((3,), max_iter=2, random_state=0, callbacks=callbacks.TensorBoard(tmp_path))
    GridSearchCV(reg, {"alpha": [1e-4, 1e-2]}, cv=2, n_jobs=2).fit(X, Y)
    assert len(list(tmp_path.iterdir())) == 2 * 2 + 1


def test_the_public_names():
    assert set(dir(callbacks)) >= {"CSVLogger", "Context", "LearningRateFinder", "ModelCheckpoint", "TensorBoard"}
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        callbacks.Nothing  # noqa: B018 - the access is the test
