"""The parameter `callbacks`: who is called when, with what, and what an answer does."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, load, save
from chainrule._errors import InvalidParameterError
from chainrule.fit.callback_protocol import HOOKS
from chainrule.network.training.feed import InMemory
from chainrule.network.training.history import StopReason

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 4))
Y = (X @ [1.0, 2.0, -1.0, 0.0] > 0).astype(int)
ENGINES = ["auto", "reference"]
PAIRS = [
    (solver, hook) for solver in ("adam", "lbfgs") for hook in HOOKS if (solver, hook) != ("lbfgs", "on_batch_end")
]


class Watcher:
    """Notes every call, and answers as it is told."""

    def __init__(self, answer=lambda hook, ctx: None):
        self.calls, self.answer = [], answer

    def _note(self, hook, ctx):
        self.calls.append((hook, ctx.epoch, ctx.examples_done))
        return self.answer(hook, ctx)

    def on_fit_begin(self, ctx):
        return self._note("on_fit_begin", ctx)

    def on_epoch_begin(self, ctx):
        return self._note("on_epoch_begin", ctx)

    def on_batch_end(self, ctx):
        return self._note("on_batch_end", ctx)

    def on_epoch_end(self, ctx):
        return self._note("on_epoch_end", ctx)

    def on_fit_end(self, ctx):
        return self._note("on_fit_end", ctx)


class EveryBatch(Watcher):
    every_batch = True


def stopper(at, epoch=2):
    return lambda hook, ctx: hook == at and ctx.epoch == epoch


def model(kind=MLPRegressor, **settings):
    small = {"hidden_layer_sizes": (6,)} if kind in ESTIMATORS[:2] else {}
    return kind(**({"solver": "adam", "max_iter": 3, "random_state": 0, "batch_size": 35} | small | settings))


def theta(estimator):
    return np.concatenate([part.ravel() for part in (*estimator.coefs_, *estimator.intercepts_)])


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_hook_is_called_in_its_turn(kind):
    watcher = EveryBatch()
    model(kind, callbacks=[watcher], max_iter=2).fit(X, Y)
    epoch = [("on_epoch_begin", 0), ("on_batch_end", 35), ("on_batch_end", 70), ("on_epoch_end", 70)]
    epochs = [(hook, number, done) for number in (1, 2) for hook, done in epoch]
    assert watcher.calls == [("on_fit_begin", 0, 0), *epochs, ("on_fit_end", 2, 70)]


def test_iterations_of_lbfgs_are_epochs_without_batches():
    watcher = EveryBatch()
    model(solver="lbfgs", batch_size="auto", callbacks=watcher).fit(X, Y)
    hooks = [hook for hook, _, _ in watcher.calls]
    assert hooks == ["on_fit_begin", *["on_epoch_begin", "on_epoch_end"] * 3, "on_fit_end"]


def test_batches_are_told_of_when_a_slice_of_time_ends(monkeypatch):
    monkeypatch.setattr(InMemory, "segment_seconds", 1e9)
    watcher = Watcher()
    model(callbacks=watcher, batch_size=7).fit(X, Y)
    assert [done for hook, _, done in watcher.calls if hook == "on_batch_end"] == [70] * 3


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_looking_changes_no_bit(engine, solver):
    def look(ctx):
        ctx.fitted_estimator().predict(X)
        return ctx.coefs, ctx.intercepts, ctx.history["running_loss"]

    settings = {"solver": solver, "engine": engine, "batch_size": "auto" if solver == "lbfgs" else 8}
    settings |= {} if solver == "lbfgs" else {"dropout": 0.2}
    alone = model(**settings).fit(X, Y)
    watched = model(**settings, callbacks=[look, EveryBatch()]).fit(X, Y)
    assert theta(alone).tobytes() == theta(watched).tobytes()
    assert alone.loss_curve_ == watched.loss_curve_


def test_the_context_says_where_training_is():
    seen = []

    def look(ctx):
        seen.append((ctx.epoch, ctx.max_epochs, ctx.examples, ctx.learning_rate, ctx.loss, dict(ctx.history)))
        assert ctx.estimator is reg

    reg = model(callbacks=look, learning_rate="cosine")
    reg.fit(X, Y)
    assert [entry[:3] for entry in seen] == [(1, 3, 70), (2, 3, 70), (3, 3, 70)]
    for i, name in ((3, "learning_rate"), (4, "running_loss")):
        assert [entry[i] for entry in seen] == reg.history_[name]
    assert seen[-1][5] == {name: tuple(values) for name, values in reg.history_.items()}


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_in_the_context_are_those_of_the_moment_and_cannot_be_written(engine):
    seen = []

    def look(ctx):
        seen.append((ctx.coefs, ctx.intercepts, [W.copy() for W in ctx.coefs]))
        with pytest.raises(ValueError, match="read-only"):
            ctx.coefs[0][0, 0] = 7
        with pytest.raises(ValueError, match="read-only"):
            ctx.fitted_estimator().intercepts_[0][0] = 7
        with pytest.raises(AttributeError):
            ctx.epoch = 7
        assert not hasattr(ctx.history, "append")

    reg = model(engine=engine, callbacks=look, restore_best_weights=False).fit(X, Y)
    for coefs, _, then in seen:
        assert all(np.array_equal(a, b) for a, b in zip(coefs, then, strict=True))
    last_coefs, last_intercepts, _ = seen[-1]
    assert all(np.array_equal(a, b) for a, b in zip(last_coefs, reg.coefs_, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(last_intercepts, reg.intercepts_, strict=True))
    assert not np.array_equal(seen[0][0][0], last_coefs[0])
    reg.coefs_[0][0, 0] = 7  # the fitted model is the user's


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_fitted_copy_is_what_a_shorter_training_leaves(kind, early_stopping):
    copies = []
    settings = {"restore_best_weights": False} if kind in ESTIMATORS[:2] else {}
    settings |= {"early_stopping": early_stopping}
    model(kind, callbacks=lambda ctx: copies.append(ctx.fitted_estimator()), **settings).fit(X, Y)
    for epochs, twin in enumerate(copies, start=1):
        shorter = model(kind, max_iter=epochs, **settings).fit(X, Y)
        if epochs == shorter.history_.best_epoch or settings.get("restore_best_weights") is False:
            assert theta(twin).tobytes() == theta(shorter).tobytes()
            assert twin.history_.final == shorter.history_.final
        assert (twin.n_iter_, twin.t_) == (shorter.n_iter_, shorter.t_)
        assert twin.loss_curve_ == shorter.loss_curve_
        assert twin.stop_reason_ is None
        assert not hasattr(twin.callbacks, "fit")


def test_the_fitted_copy_of_a_warm_start_goes_on_from_the_first_training():
    reg = model(warm_start=True).fit(X, Y)
    copies = []
    reg.set_params(callbacks=lambda ctx: copies.append(ctx.fitted_estimator())).fit(X, Y)
    assert [twin.n_iter_ for twin in copies] == [4, 5, 6]
    assert [len(twin.loss_curve_) for twin in copies] == [4, 5, 6]
    assert copies[-1].t_ == reg.t_
    assert copies[-1].loss_curve_ == reg.loss_curve_


def test_the_estimator_is_fitted_when_fit_ends():
    class Score:
        def on_fit_end(self, ctx):
            self.score = ctx.estimator.score(X, Y)
            self.same = ctx.fitted_estimator() is ctx.estimator

    score = Score()
    reg = model(callbacks=score).fit(X, Y)
    assert score.same
    assert score.score == reg.score(X, Y)


@pytest.mark.parametrize(("solver", "at"), [pair for pair in PAIRS if pair[1] not in ("on_fit_begin", "on_fit_end")])
def test_true_stops_training_and_the_sentence_names_who_said_it(at, solver):
    settings = {} if solver == "adam" else {"batch_size": "auto"}
    reg = model(solver=solver, callbacks=EveryBatch(stopper(at)), max_iter=50, **settings).fit(X, Y)
    assert reg.stop_reason_ is StopReason.CALLBACK
    assert reg.history_.stop_sentence == "EveryBatch stopped training in epoch 2"
    assert reg.history_.stop_numbers == {"epoch": 2}
    assert reg.n_iter_ == (2 if at == "on_epoch_end" else 1)


def test_the_best_weights_are_kept_when_a_callback_stops():
    held = {"early_stopping": True, "max_iter": 12, "n_iter_no_change": np.inf}
    copies = {}

    def watch(ctx):
        copies[ctx.epoch] = np.concatenate([W.ravel() for W in ctx.coefs])
        if ctx.epoch == 6:
            ctx.set_learning_rate(100.0)  # from here on it gets worse
        return ctx.epoch == 10

    reg = model(**held, activation="identity", callbacks=watch).fit(X, Y)
    best = 1 + int(np.argmin(reg.history_["val_loss"]))
    assert best == reg.best_epoch_ < 10 == reg.n_iter_
    assert np.array_equal(np.concatenate([W.ravel() for W in reg.coefs_]), copies[best])


@pytest.mark.parametrize("answer", [None, False, 1, "yes", [True], 0.5])
def test_only_true_stops(answer):
    assert model(callbacks=lambda ctx: answer).fit(X, Y).stop_reason_ is StopReason.MAX_ITER
    assert model(callbacks=Watcher(lambda hook, ctx: hook in ("on_fit_begin", "on_fit_end"))).fit(X, Y).n_iter_ == 3


@pytest.mark.parametrize("yes", [True, np.True_])
def test_numpys_true_is_true(yes):
    assert model(callbacks=lambda ctx: yes).fit(X, Y).n_iter_ == 1


def test_of_several_the_first_who_stops_is_named_and_all_are_called():
    watcher = Watcher()

    def first(ctx):
        return ctx.epoch == 2

    reg = model(callbacks=[watcher, first, Watcher(stopper("on_epoch_end")), watcher]).fit(X, Y)
    assert reg.history_.stop_sentence == "first stopped training in epoch 2"
    assert watcher.calls.count(("on_epoch_end", 2, 70)) == 2


def test_the_callbacks_and_the_patience_may_agree():
    reg = model(callbacks=lambda ctx: ctx.epoch == 3, n_iter_no_change=2, tol=1e9, max_iter=9).fit(X, Y)
    assert (reg.n_iter_, reg.stop_reason_) == (3, StopReason.CALLBACK)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_learning_rate_that_is_set_is_used(engine):
    class Halve:
        def on_epoch_begin(self, ctx):
            ctx.set_learning_rate(0.1 / 2 ** (ctx.epoch - 1))

    reg = model(callbacks=Halve(), engine=engine, restore_best_weights=False).fit(X, Y)
    assert reg.history_["learning_rate"] == [0.1, 0.05, 0.025]
    steps = model(learning_rate_init=0.1, warm_start=True, max_iter=1, engine=engine)
    for rate in (0.1, 0.05, 0.025):
        steps.set_params(learning_rate_init=rate).fit(X, Y)
    assert theta(reg).tobytes() == theta(steps).tobytes()


@pytest.mark.parametrize("rate", [0, -0.1, np.inf, np.nan, "0.1", True, 1j, [0.1]])
def test_learning_rates_must_be_positive_numbers(rate):
    with pytest.raises(InvalidParameterError, match="must be a positive number or None, got"):
        model(callbacks=lambda ctx: ctx.set_learning_rate(rate)).fit(X, Y)


def test_lbfgs_has_no_learning_rate():
    with pytest.raises(InvalidParameterError, match="solver='lbfgs' has no learning rate"):
        model(solver="lbfgs", batch_size="auto", callbacks=lambda ctx: ctx.set_learning_rate(0.1)).fit(X, Y)


def test_partial_fit_is_a_training_of_one_epoch():
    watcher = EveryBatch()
    reg = model(callbacks=[watcher])
    reg.partial_fit(X, Y).partial_fit(X, Y)
    one = ["on_fit_begin", "on_epoch_begin", "on_batch_end", "on_batch_end", "on_epoch_end", "on_fit_end"]
    assert [hook for hook, _, _ in watcher.calls] == one * 2
    assert [number for _, number, _ in watcher.calls] == [0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]


class Misspelt:
    def on_epoch_ended(self, ctx):
        """Nobody calls this."""


class FromKeras:
    def on_train_begin(self, logs=None):
        """Keras would call this."""

    def on_epoch_end(self, epoch, logs=None):
        """So it would this."""


class ForScikitLearn:
    def on_fit_task_end(self, estimator, context):
        """scikit-learn calls this."""


WRONG = [
    (Misspelt(), r"callback Misspelt has a hook 'on_epoch_ended', which nobody calls. Did you mean 'on_epoch_end'\?"),
    (FromKeras(), "FromKeras has a hook 'on_train_begin'"),
    (ForScikitLearn(), "follows scikit-learn's protocol: give it to set_callbacks"),
    (Watcher, "got the class Watcher: call it"),
    (object(), "'callbacks' parameter of MLPRegressor must be a callback, a list of callbacks, or None"),
]


@pytest.mark.parametrize(("callback", "words"), WRONG, ids=["misspelt", "keras", "sklearn", "class", "object"])
def test_what_is_no_callback_is_refused_before_training(callback, words):
    watcher = Watcher()
    for callbacks in (callback, [watcher, callback]):
        with pytest.raises(InvalidParameterError, match=words):
            model(callbacks=callbacks).fit(X, Y)
        with pytest.raises(InvalidParameterError, match=words):
            model(callbacks=callbacks).partial_fit(X, Y)
    assert watcher.calls == []


@pytest.mark.parametrize(("solver", "at"), PAIRS)
def test_an_error_of_a_callback_ends_training_as_it_is(at, solver):
    class MyError(Exception):
        pass

    def fail(hook, ctx):
        if hook == at:
            raise MyError("mine")

    reg = model(solver=solver, batch_size="auto").fit(X, Y)
    before = theta(reg)
    with pytest.raises(MyError, match=r"^mine$"):
        reg.set_params(callbacks=Watcher(fail), random_state=1).fit(X, Y)
    assert theta(reg).tobytes() == before.tobytes()


def test_ctrl_c_in_a_callback_is_ctrl_c():
    def press(ctx):
        if ctx.epoch == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        reg = model(callbacks=press).fit(X, Y)
    assert reg.stop_reason_ is StopReason.INTERRUPTED


def stop_at_two(ctx):
    return ctx.epoch == 2


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d41_callbacks_are_kept_as_given_and_survive_clone_and_pickle(kind):
    callbacks = [Watcher(), stop_at_two]
    callbacks[0].answer = None
    fresh = model(kind, callbacks=callbacks)
    assert fresh.callbacks is callbacks
    assert fresh.get_params()["callbacks"] is callbacks
    for twin in (clone(fresh), pickle.loads(pickle.dumps(fresh))):
        assert [type(entry) for entry in twin.callbacks] == [Watcher, type(stop_at_two)]
        assert twin.set_params(callbacks=twin.callbacks[1]).fit(X, Y).n_iter_ == 2
    fitted = model(kind, callbacks=stop_at_two).fit(X, Y)
    assert fitted.callbacks is stop_at_two
    assert pickle.loads(pickle.dumps(fitted)).history_.to_dict() == fitted.history_.to_dict()
    assert fitted.history_.stop_numbers == {"epoch": 2}


def test_saving_leaves_callbacks_out(tmp_path):
    fitted = model(callbacks=stop_at_two).fit(X, Y)
    save(fitted, tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.callbacks is None
    assert again.history_ == fitted.history_
    assert theta(again).tobytes() == theta(fitted).tobytes()


def test_d25_frames_keep_their_names_in_fitted_copies():
    """Predicting with a copy on the frame it is trained on must not warn of names; warnings are errors here."""
    frame = pd.DataFrame(X, columns=list("abcd"))
    scores = []
    model(
        MLPClassifier, early_stopping=True, callbacks=lambda ctx: scores.append(ctx.fitted_estimator().score(frame, Y))
    ).fit(frame, Y)
    assert len(scores) == 3


def test_verbose_and_callbacks_go_together(capsys):
    model(verbose=True, callbacks=lambda ctx: print("after", ctx.epoch)).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "Iteration 1", "after 1", "Iteration 2", "after 2", "Iteration 3", "after 3"
    ]  # fmt: skip


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("hook", ["on_fit_begin", "on_epoch_begin", "on_epoch_end", "on_fit_end"])
def test_an_exhausted_iterator_in_a_callback_is_an_error_with_every_solver(solver, hook):
    def exhausted(*_):
        next(iter([]))

    callback = type("Callback", (), {hook: exhausted})()
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = MLPRegressor((3,), solver=solver, callbacks=callback, random_state=0)
    before = dict(vars(model))
    with pytest.raises(StopIteration):
        model.fit(X, X[:, 0])
    assert vars(model) == before


def test_an_exhausted_iterator_in_a_score_is_an_error_with_lbfgs():
    def exhausted(estimator, X, y):
        return next(iter([]))

    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(StopIteration):
        MLPRegressor((3,), solver="lbfgs", early_stopping=True, scoring=exhausted).fit(X, X[:, 0])
