"""scikit-learn's own callbacks (1.9 and later): alone, in a Pipeline, in a search with processes."""

import importlib.util
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule.network.training.history import StopReason

if importlib.util.find_spec("sklearn.callback") is None:
    pytest.skip("scikit-learn has callbacks since 1.9", allow_module_level=True)

from sklearn.callback import ProgressBar, ScoringMonitor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def model(kind=MLPClassifier, **settings):
    return kind(**({"max_iter": 4, "random_state": 0, "solver": "adam"} | settings))


class Recorder:
    """Follows scikit-learn's protocol; stops at the end of the epoch it is given."""

    def __init__(self, last=None):
        self.last, self.events = last, []

    def setup(self, estimator, context):
        self.events.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.events.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        self.events.append(("begin", context.task_name, context.task_id, context.max_subtasks))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        score = None if fitted_estimator is None else fitted_estimator.score(X, y)
        self.events.append(("end", context.task_name, context.task_id, score, metadata))
        return context.task_name == "epoch" and context.task_id == self.last


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_the_tasks_are_fit_and_its_epochs(kind):
    recorder = Recorder()
    fitted = model(kind).set_callbacks(recorder).fit(X, Y)
    names = [event[:2] for event in recorder.events]
    epochs = [("begin", "epoch"), ("end", "epoch")] * 4
    assert names == [("setup", "fit"), ("begin", "fit"), *epochs, ("end", "fit"), ("teardown", "fit")]
    assert recorder.events[1] == ("begin", "fit", 0, 4)
    assert [event[2] for event in recorder.events if event[:2] == ("end", "epoch")] == [0, 1, 2, 3]
    assert recorder.events[-2][3] == fitted.score(X, Y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_true_stops_training(solver):
    recorder = Recorder(last=1)
    fitted = model(solver=solver, max_iter=50).set_callbacks(recorder).fit(X, Y)
    assert (fitted.n_iter_, fitted.stop_reason_) == (2, StopReason.CALLBACK)
    assert fitted.history_.stop_sentence == "a callback of set_callbacks stopped training in epoch 2"
    assert recorder.events[-1] == ("teardown", "fit")


def test_an_epoch_left_in_its_middle_is_ended_without_a_result():
    class Leave:
        every_batch = True

        def on_batch_end(self, ctx):
            return ctx.epoch == 2

    recorder = Recorder()
    model(callbacks=Leave(), batch_size=20).set_callbacks(recorder).fit(X, Y)
    epochs = [event for event in recorder.events if event[:2] == ("end", "epoch")]
    assert [event[3] is None for event in epochs] == [False, True]


def test_callbacks_are_torn_down_when_training_fails():
    recorder = Recorder()

    def fail(ctx):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        model(callbacks=fail).set_callbacks(recorder).fit(X, Y)
    assert recorder.events[-1] == ("teardown", "fit")


def test_weights_of_rows_are_handed_on():
    recorder = Recorder()
    model().set_callbacks(recorder).fit(X, Y, sample_weight=np.arange(60.0))
    assert all(np.array_equal(e[4]["sample_weight"], np.arange(60.0)) for e in recorder.events if e[0] == "end")


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_scoring_monitor_scores_what_a_shorter_training_leaves(kind, solver):
    metric = "accuracy" if kind in (MLPClassifier, LinearClassifier) else "r2"
    monitor = ScoringMonitor(scoring=metric)
    settings = {"restore_best_weights": False} if kind in ESTIMATORS[:2] else {}
    model(kind, solver=solver, **settings).set_callbacks(monitor).fit(X, Y)
    scores = [row[metric] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 4
    shorter = [model(kind, solver=solver, max_iter=epochs, **settings).fit(X, Y) for epochs in (1, 2, 3, 4)]
    kept = [i for i, each in enumerate(shorter) if settings or each.best_epoch_ in (None, i + 1)]
    assert [scores[i] for i in kept] == [shorter[i].score(X, Y) for i in kept]
    assert len(kept) >= 2


def test_scoring_monitor_with_frames_weights_and_several_scores():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    model(early_stopping=True).set_callbacks(monitor).fit(frame, Y, sample_weight=np.ones(60))
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 4
    assert {"accuracy", "neg_log_loss"} <= set(rows[0])


def test_scoring_monitor_on_the_last_step_of_a_pipeline():
    monitor = ScoringMonitor(scoring="accuracy")
    make_pipeline(StandardScaler(), model().set_callbacks(monitor)).fit(X, Y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 4


def test_progress_bar_alone_and_in_a_pipeline(capsys):
    model().set_callbacks(ProgressBar()).fit(X, Y)
    assert re.search(r"MLPClassifier - fit .*100%", capsys.readouterr().out)
    make_pipeline(StandardScaler(), model()).set_callbacks(ProgressBar()).fit(X, Y)
    shown = capsys.readouterr().out
    assert re.search(r"Pipeline - fit .*100%", shown)
    assert re.search(r"MLPClassifier - fit .*100%", shown)


def test_in_a_search_with_two_processes(capsys):
    monitor = ScoringMonitor(scoring="accuracy")
    search = GridSearchCV(model().set_callbacks(monitor), {"alpha": [1e-4, 1e-2]}, cv=2, n_jobs=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, Y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 4 * (2 * 2 + 1)
    assert re.search(r"GridSearchCV - fit .*100%", capsys.readouterr().out)


def test_set_callbacks_survives_clone_and_pickle():
    recorder = Recorder()
    fresh = model().set_callbacks(recorder)
    clone(fresh).fit(X, Y)
    assert len(recorder.events) == 12
    twin = pickle.loads(pickle.dumps(fresh.fit(X, Y)))
    assert twin.fit(X, Y).n_iter_ == 4
    assert fresh.set_callbacks().fit(X, Y).n_iter_ == 4
    assert len(recorder.events) == 24


def test_what_does_not_follow_the_protocol_is_refused():
    with pytest.raises(TypeError, match="FitCallback protocol"):
        model().set_callbacks(print)


def test_copies_of_a_moment_hold_no_task():
    """A fitted copy can be trained and pickled on its own."""
    copies = []
    model(callbacks=lambda ctx: copies.append(ctx.fitted_estimator())).set_callbacks(Recorder()).fit(X, Y)
    twin = copies[0].set_params(callbacks=None)
    assert pickle.loads(pickle.dumps(twin)).n_iter_ == 1
    assert twin.fit(X, Y).n_iter_ == 4
