"""A search goes on from its record after kill -9, repeats nothing, and refuses the record of another search."""

import os
import signal
import sqlite3
import subprocess
import sys
from threading import Lock
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.stats import uniform
from sklearn.exceptions import FitFailedWarning

from chainrule import MLPClassifier, MLPSearchCV
from chainrule._errors import InvalidParameterError, SearchRecordError

from ..patience import GIVE_UP, wait_until
from .conftest import LABELS, SMALL, TARGET, X, classifier, regressor
from .deeds import ROOT, Note
from .searcher import rows, search_of

GRID = {"alpha": [0.1, 1.0], "learning_rate_init": [0.001, 0.01]}


def scores(search):
    """All of `cv_results_` but the times."""
    return {name: list(map(str, v)) for name, v in search.cv_results_.items() if not name.endswith("_time")}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("halving", ["", "max_iter"])
def test_killed_and_started_again(tmp_path, marks, halving):
    record = tmp_path / "search.sqlite"
    command = [sys.executable, "-m", "tests.many.searcher", record, marks, halving]
    killed = subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "2"}, timeout=GIVE_UP, check=False)
    assert killed.returncode == -signal.SIGKILL
    finished, begun = len(rows(record)), len(list(marks.iterdir()))  # each fit leaves a mark when it begins
    assert 5 <= finished < begun

    resumed = search_of(record, marks, halving).fit(X, LABELS)
    whole = search_of(None, marks, halving)
    again = len(list(marks.iterdir())) - begun
    assert scores(resumed) == scores(whole.fit(X, LABELS))
    assert resumed.best_params_ == whole.best_params_
    assert again == len(rows(record)) - finished + 1  # and the refit


def test_a_finished_search_is_read(tmp_path, marks):
    net = classifier(callbacks=Note(marks))
    arguments = {"cv": 3, "refit": False, "scoring": ["accuracy", "neg_log_loss"], "return_train_score": True}
    first = MLPSearchCV(net, GRID, record=tmp_path / "r", **arguments).fit(X, LABELS)
    assert len(list(marks.iterdir())) == 12
    again = MLPSearchCV(net, GRID, record=tmp_path / "r", workers=1, **arguments).fit(X, LABELS)
    assert len(list(marks.iterdir())) == 12
    for name, values in first.cv_results_.items():
        assert list(again.cv_results_[name]) == list(values), name  # the times of the first, too


def test_a_time_budget_goes_on_with_the_record(tmp_path):
    path = tmp_path / "r"
    with pytest.raises(InvalidParameterError, match="time budget"):
        MLPSearchCV(classifier(), GRID, cv=2, record=path, time_budget=1e-9).fit(X, LABELS)
    whole = MLPSearchCV(classifier(), GRID, cv=2, record=path).fit(X, LABELS)
    assert whole.stop_sentence_ == ""
    spent = MLPSearchCV(classifier(), GRID, cv=2, record=path, time_budget=1e-9).fit(X, LABELS)
    assert scores(spent) == scores(whole)


def test_failures_are_remembered_as_well(tmp_path):
    grid = {"solver": ["sgd", "abacus"]}
    for _ in range(2):
        with (
            pytest.warns(FitFailedWarning, match="2 fits failed out of a total of 4"),
            pytest.warns(UserWarning, match="non-finite"),
        ):
            found = MLPSearchCV(classifier(), grid, cv=2, record=tmp_path / "r").fit(X, LABELS).cv_results_
        assert np.isnan(found["mean_test_score"]).tolist() == [False, True]


def test_numbers_keep_every_bit(tmp_path):
    """Scores that are float32, not a number, infinite and whole."""
    for _ in range(2):
        search = MLPSearchCV(
            regressor(), {"alpha": [0.0, 1.0, 2.0, 3.0]}, scoring=odd_score, cv=2, record=tmp_path / "r"
        )
        with pytest.warns(UserWarning, match="non-finite"), pytest.warns(RuntimeWarning, match="in subtract"):
            found = search.fit(X, TARGET).cv_results_["split0_test_score"]
        np.testing.assert_array_equal(found, [float(np.float32(0.1)), np.nan, -np.inf, 3.0])


def odd_score(estimator, X, y):
    return [np.float32(0.1), np.nan, -np.inf, 3][int(estimator.alpha)]


DIFFERENT = {
    "data": {"X": X + 1},
    "target": {"y": LABELS[::-1]},
    "weights": {"sample_weight": np.ones(len(X))},
    "a parameter": {"estimator": classifier(dropout=0.1)},
    "the seed": {"estimator": classifier(random_state=1)},
    "splits": {"cv": 3},
    "scoring": {"scoring": "f1_macro"},
    "training scores": {"return_train_score": True},
    "the kind of table": {"X": pd.DataFrame(X)},
}


@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT)
def test_the_record_of_another_search_is_refused(tmp_path, change):
    def run(estimator=None, param_grid=GRID, X=X, y=LABELS, sample_weight=None, **arguments):
        arguments = {"cv": 2, "refit": False, "record": tmp_path / "r"} | arguments
        search = MLPSearchCV(estimator or classifier(), param_grid, **arguments)
        search.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))

    run()
    before = (tmp_path / "r").read_bytes()
    with pytest.raises(SearchRecordError, match="is the record of another search"):
        run(**change)
    assert (tmp_path / "r").read_bytes() == before
    assert not (tmp_path / "r.lock").exists()
    run(workers="joblib", verbose=0, time_budget=1e6)


def test_random_candidates_without_a_seed_are_another_search_each_time(tmp_path):
    search = MLPSearchCV(classifier(), {"alpha": uniform()}, n_iter=2, cv=2, record=tmp_path / "r")
    with pytest.raises(InvalidParameterError, match="Set random_state"):
        search.fit(X, LABELS)
    assert not (tmp_path / "r").exists()


def test_a_record_grows(tmp_path, marks):
    """Values given later are evaluated; those that were there are read, wherever they stand now."""
    net = classifier(callbacks=Note(marks))

    def found(alphas, **changes):
        arguments = {"cv": 3, "refit": False, "record": tmp_path / "r"} | changes
        return MLPSearchCV(net, {"alpha": alphas}, **arguments).fit(X, LABELS)

    found([0.1, 1.0])
    grown = found([3.0, 1.0, 0.1])
    assert len(list(marks.iterdir())) == 9
    assert scores(grown) == scores(found([3.0, 1.0, 0.1], record=None))


SCORER = """
LEAST = 0.5

def weight(y):
    return 1.0

def score(estimator, X, y):
    return weight(y) * (estimator.predict_proba(X).max(axis=1) > LEAST).mean()

class Scaled:
    factor = 2.0

    def __call__(self, estimator, X, y):
        return self.factor * score(estimator, X, y)
"""
EDITS = {"itself": ("weight(y) *", "2 * weight(y) *"), "what it calls": ("1.0", "3.0"), "a constant": ("0.5", "0.9")}


@pytest.fixture
def scorer(monkeypatch):
    """Import the scorer as its file is after an edit."""

    def imported(*edit):
        module = ModuleType("scorer_of_a_user")
        exec(SCORER.replace(*edit) if edit else SCORER, vars(module))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return module

    return imported


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("scoring", [lambda m: m.score, lambda m: m.Scaled(), lambda m: lambda *a: m.score(*a)])
def test_edited_code_is_another_search(tmp_path, scorer, edit, scoring):
    def run(*edit):
        given = scoring(scorer(*edit))
        return MLPSearchCV(classifier(), GRID, cv=2, refit=False, scoring=given, record=tmp_path / "r").fit(X, LABELS)

    assert scores(run()) == scores(run())
    with pytest.raises(SearchRecordError, match="what differs is the scoring or its code"):
        run(*edit)


def test_an_edited_method_of_an_estimator_is_another_search(tmp_path):
    def run(power):
        class Powered(MLPClassifier):
            def predict(self, X):
                return super().predict(X**power)

        net = Powered((5,), **SMALL, random_state=0)
        MLPSearchCV(net, {"alpha": [1.0]}, cv=2, refit=False, record=tmp_path / "r").fit(X, LABELS)

    run(1)
    run(1)
    with pytest.raises(SearchRecordError, match="the estimator, its parameters or its code"):
        run(2)


def test_a_record_in_use_is_refused(tmp_path, marks):
    """A second process is refused while the first searches; when that is killed, the record is free."""
    command = [sys.executable, "-m", "tests.many.searcher", tmp_path / "r", marks, ""]
    with subprocess.Popen([*command, "wait"], cwd=ROOT) as first:
        wait_until(lambda: (tmp_path / "r").exists() and rows(tmp_path / "r"), first)
        with pytest.raises(SearchRecordError, match=f"in use by process {first.pid} on"):
            search_of(tmp_path / "r", marks, "").fit(X, LABELS)
        first.kill()
    search_of(tmp_path / "r", marks, "").fit(X, LABELS)
    assert not (tmp_path / "r.lock").exists()


def test_files_that_are_no_record(tmp_path):
    (tmp_path / "text").write_text("alpha, score\n" * 100)
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE people (name TEXT)").connection.close()
    for name, words in (("text", "not a database"), ("other", "not the record of a search"), ("no/where", "cannot be")):
        with pytest.raises(SearchRecordError, match=words):
            MLPSearchCV(classifier(), GRID, cv=2, record=tmp_path / name).fit(X, LABELS)
    assert (tmp_path / "text").read_text() == "alpha, score\n" * 100


def test_what_cannot_be_pickled_has_no_fingerprint(tmp_path):
    lock = Lock()
    search = MLPSearchCV(classifier(), GRID, cv=2, scoring=lambda *_: lock.locked(), record=tmp_path / "r")
    with pytest.raises(InvalidParameterError, match="record=None"):
        search.fit(X, LABELS)
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    "outcome", ["", "{", "[]", "null", "7", '{"test_scores": "best"}', '{"fit_time": {}}', "[" * 10_000, b"\xff", None]
)
def test_outcomes_that_are_none(tmp_path, outcome):
    search = MLPSearchCV(classifier(), GRID, cv=2, refit=False, record=tmp_path / "r").fit(X, LABELS)
    with sqlite3.connect(tmp_path / "r") as connection:
        connection.execute("UPDATE evaluation SET outcome = ? WHERE split = 1", (outcome,))
    connection.close()
    with pytest.raises(SearchRecordError, match="damaged"):
        search.fit(X, LABELS)


@pytest.mark.parametrize(
    "addition",
    [
        "CREATE TRIGGER t AFTER INSERT ON evaluation BEGIN DELETE FROM evaluation; END",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE evaluation ADD COLUMN more AS (hex(zeroblob(500000000)))",
        "CREATE TABLE more (name TEXT)",
    ],
)
def test_a_record_with_more_in_it_is_none(tmp_path, addition):
    search = MLPSearchCV(classifier(), GRID, cv=2, refit=False, record=tmp_path / "r").fit(X, LABELS)
    with sqlite3.connect(tmp_path / "r") as connection:
        connection.execute(addition)
    connection.close()
    with pytest.raises(SearchRecordError, match="not the record of a search"):
        search.fit(X, LABELS)
