"""Rows held out, patience, best weights, and going on from them."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import ChainruleWarning
from chainrule.network.training.history import StopReason

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
CODES = np.repeat([0, 1, 2], [140, 40, 20])
NUMBERS = X @ [1.0, 2.0, -1.0, 0.0] + RNG.normal(size=200)


def _target(kind):
    return CODES if kind in (MLPClassifier, LinearClassifier) else NUMBERS


def _spy(kind, monkeypatch):
    """Collect the targets that the validation score sees: Y of shape (n[L], m)."""
    seen = []
    original = kind._validation_score

    def score(self, Z, Y, weights):
        seen.append((Z.copy(), Y.copy()))
        return original(self, Z, Y, weights)

    monkeypatch.setattr(kind, "_validation_score", score)
    return seen


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_d7_the_split_keeps_the_proportions_of_three_classes(kind, solver, fraction, monkeypatch):
    seen = _spy(kind, monkeypatch)
    kind(solver=solver, early_stopping=True, validation_fraction=fraction, max_iter=1, random_state=3).fit(X, CODES)
    held_out = seen[0][1].sum(axis=1)
    assert np.abs(held_out - fraction * np.array([140, 40, 20])).max() <= 1


def test_d7_a_class_of_one_row_stays_in_training(monkeypatch):
    y = CODES.copy()
    y[0] = 9
    for seed in range(8):
        with monkeypatch.context() as patch:
            seen = _spy(MLPClassifier, patch)
            MLPClassifier((3,), early_stopping=True, max_iter=1, random_state=seed).fit(X, y)
            assert seen[0][1].sum(axis=1)[3] == 0


def test_copies_of_a_row_stay_on_one_side_where_most_rows_are_distinct(monkeypatch):
    """Else early stopping would be judged by rows it was trained on."""
    seen = _spy(MLPRegressor, monkeypatch)
    places = np.r_[np.arange(100), np.arange(20)]
    settings = {"early_stopping": True, "validation_fraction": 0.5, "standardize_target": False, "max_iter": 1}
    MLPRegressor((3,), **settings).fit(X[places], places.astype(float))
    held_out, copies = np.unique(seen[0][1], return_counts=True)
    assert (copies[held_out < 20] == 2).all()
    assert (held_out < 20).any()
    assert copies.sum() == pytest.approx(60, abs=2)


def test_copies_stay_together_whatever_their_target(monkeypatch):
    """Copies are told by their features alone, else the target would decide what is held out."""
    seen = _spy(MLPRegressor, monkeypatch)
    places, y = np.r_[np.arange(100), np.arange(20)], np.arange(120.0)
    settings = {"early_stopping": True, "validation_fraction": 0.5, "standardize_target": False, "max_iter": 1}
    MLPRegressor((3,), **settings).fit(X[places], y)
    held_out = set(seen[0][1].ravel())
    assert {k for k in range(20) if k in held_out} == {k for k in range(20) if k + 100 in held_out}


def test_copies_part_in_a_table_of_few_distinct_rows(monkeypatch):
    """Each of three rows is trained on as often as it should be, whatever is held out."""
    seen = _spy(MLPRegressor, monkeypatch)
    levels = np.arange(900) % 3
    MLPRegressor((3,), early_stopping=True, max_iter=1).fit(np.eye(3)[levels], 5.0 * levels)
    assert np.unique(seen[0][1], return_counts=True)[1].tolist() == [30, 30, 30]


@pytest.mark.parametrize("patience", [1, 5, 10])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d8_patience_is_exact(kind, early_stopping, patience):
    """No epoch after the first improves by tol=1e9: one epoch, and then `patience` more."""
    model = kind(solver="adam", early_stopping=early_stopping, tol=1e9, n_iter_no_change=patience, random_state=0)
    model.fit(X, _target(kind))
    assert model.n_iter_ == 1 + patience
    assert model.stop_reason_ is StopReason.NO_IMPROVEMENT


def test_d8_infinite_patience_never_stops():
    model = MLPRegressor((3,), tol=1e9, n_iter_no_change=np.inf, max_iter=20).fit(X, NUMBERS)
    assert (model.n_iter_, model.stop_reason_) == (20, StopReason.MAX_ITER)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_validation_scores_are_accuracy_or_r2(kind, solver, monkeypatch):
    seen = _spy(kind, monkeypatch)
    model = kind(solver=solver, early_stopping=True, max_iter=5, random_state=0).fit(X, _target(kind))
    for (Z, Y), score in zip(seen, model.validation_scores_, strict=True):
        if kind in (MLPClassifier, LinearClassifier):
            assert score == pytest.approx(accuracy_score(Y.argmax(axis=0), Z.argmax(axis=0)))
        else:
            assert score == pytest.approx(r2_score(Y[0], Z[0]))
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert len(model.history_["val_loss"]) == model.n_iter_


def test_validation_r2_of_several_outputs_and_weights(monkeypatch):
    seen = _spy(MLPRegressor, monkeypatch)
    y, weights = np.column_stack([NUMBERS, 10 * X[:, 0]]), RNG.uniform(1, 2, 200)
    model = MLPRegressor((5,), early_stopping=True, max_iter=1, random_state=0).fit(X, y, weights)
    Z, Y = seen[0]
    places = [np.flatnonzero((y == row).all(axis=1))[0] for row in Y.T]
    assert model.validation_scores_[0] == pytest.approx(r2_score(Y.T, Z.T, sample_weight=weights[places]))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_d31_lbfgs_stops_early_too(kind):
    settings = {"hidden_layer_sizes": (30,), "alpha": 0.0}
    model = kind(solver="lbfgs", early_stopping=True, max_iter=300, n_iter_no_change=5, tol=1e-4, random_state=0,
                 **settings).fit(X, RNG.permutation(_target(kind)))  # fmt: skip
    assert model.stop_reason_ is StopReason.NO_IMPROVEMENT
    assert model.n_iter_ < 300
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("max_iter", [4, 60])
def test_d11_the_best_weights_are_kept_for_every_reason_to_stop(solver, max_iter):
    """At max_iter as well as by patience, the model has the lowest validation loss seen."""
    rate = {} if solver == "lbfgs" else {"learning_rate_init": 0.1}
    model = MLPRegressor((20,), solver=solver, early_stopping=True, max_iter=max_iter, random_state=0, **rate)
    model.fit(X, NUMBERS)
    losses = model.history_["val_loss"]
    assert model.history_.final["val_loss"] == pytest.approx(min(losses), rel=1e-12)
    assert model.best_epoch_ == np.argmin(losses) + 1


def test_d11_the_last_weights_on_request():
    settings = {"early_stopping": True, "max_iter": 40, "learning_rate_init": 0.1, "random_state": 0}
    model = MLPRegressor((20,), restore_best_weights=False, **settings).fit(X, NUMBERS)
    losses = model.history_["val_loss"]
    assert model.history_.final["val_loss"] == pytest.approx(losses[-1], rel=1e-12)
    assert losses[-1] > min(losses)
    assert model.best_epoch_ is None


def test_d11_ctrl_c_leaves_the_best_model_so_far(monkeypatch):
    model = MLPRegressor((20,), early_stopping=True, max_iter=100, random_state=0)
    score, calls = MLPRegressor._validation_score, []

    def interrupted(self, *arguments):
        calls.append(1)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return score(self, *arguments)

    monkeypatch.setattr(MLPRegressor, "_validation_score", interrupted)
    with pytest.warns(ChainruleWarning, match="stopped early: interrupted in epoch"):
        model.fit(X, NUMBERS)
    assert model.stop_reason_ is StopReason.INTERRUPTED
    assert model.history_.final["val_loss"] == pytest.approx(min(model.history_["val_loss"]), rel=1e-12)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("random_state", [None, 0, np.random.RandomState(0)], ids=["None", "int", "RandomState"])
def test_d12_warm_start_keeps_the_split(random_state, monkeypatch):
    seen = _spy(MLPRegressor, monkeypatch)
    model = MLPRegressor((5,), early_stopping=True, warm_start=True, max_iter=3, random_state=random_state)
    model.fit(X, NUMBERS)
    model.fit(X, NUMBERS)
    assert len(seen) == 6
    assert all(np.array_equal(seen[0][1], Y) for _, Y in seen)


@pytest.mark.parametrize("solver", ["adam", "sgd", "gradient_descent"])
def test_d12_warm_start_goes_on_as_if_never_stopped(solver):
    """Optimiser state and orders continue, so three epochs twice are six at once."""
    settings = {"solver": solver, "random_state": 0, "restore_best_weights": False, "dropout": 0.2}
    at_once = MLPRegressor((5,), max_iter=6, **settings).fit(X, NUMBERS)
    twice = MLPRegressor((5,), max_iter=3, warm_start=True, **settings).fit(X, NUMBERS).fit(X, NUMBERS)
    assert all(np.array_equal(a, b) for a, b in zip(at_once.coefs_, twice.coefs_, strict=True))
    assert twice.loss_curve_ == at_once.loss_curve_


@pytest.mark.parametrize("later", ["sgd", "rmsprop", "lbfgs", "nadam", "adam"])
@pytest.mark.parametrize("earlier", ["adam", "sgd", "lbfgs"])
def test_warm_start_with_another_solver_starts_its_memory_afresh(earlier, later):
    model = MLPRegressor((5,), solver=earlier, warm_start=True, max_iter=5, random_state=0).fit(X, NUMBERS)
    before = model.loss_
    model.set_params(solver=later, max_iter=30).fit(X, NUMBERS)
    assert model.loss_ < before


def test_warm_start_with_another_shape_is_refused():
    model = MLPClassifier((5,), warm_start=True, max_iter=2).fit(X, CODES)
    with pytest.raises(ValueError, match=r"training cannot continue: the layers have widths .* Set warm_start=False"):
        model.set_params(hidden_layer_sizes=(4,)).fit(X, CODES)
    with pytest.raises(ValueError, match=r"not among the classes \[0, 1, 2\]: \[3\]"):
        model.set_params(hidden_layer_sizes=(5,)).fit(X, CODES + 1)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("rows", [1, 2])
def test_d44_too_few_rows_to_hold_any_out(kind, rows):
    with pytest.raises(ValueError, match="The validation set is too small"):
        kind(early_stopping=True).fit(X[:rows], np.arange(rows))


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d44_weight_zero_rows_cannot_be_held_out(kind):
    with pytest.raises(ValueError, match="The validation set is too small"):
        kind(early_stopping=True).fit(X, _target(kind), np.eye(1, 200)[0])


def test_d30_adaptive_ends_at_the_smallest_rate():
    model = MLPRegressor((5,), solver="sgd", learning_rate="adaptive", learning_rate_init=1e-3, tol=1e9, random_state=0,
                         n_iter_no_change=2).fit(X, NUMBERS)  # fmt: skip
    assert model.stop_reason_ is StopReason.SMALLEST_RATE
    rates = np.unique(model.history_["learning_rate"])[::-1]
    np.testing.assert_allclose(rates, 1e-3 / 5.0 ** np.arange(5))


def test_d10_the_loss_decides_and_not_the_score():
    """Twenty validation rows give few different accuracies, whose ties say nothing; the lowest loss decides."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 3))
    y = X[:, 0] + rng.normal(size=200) > 0
    model = MLPClassifier((8,), early_stopping=True, random_state=0, max_iter=60, n_iter_no_change=60, tol=0.0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    losses, scores = model.history_["val_loss"], model.validation_scores_
    assert len(set(scores)) < len(set(losses))
    assert model.best_epoch_ == 1 + int(np.argmin(losses))
    assert losses[model.best_epoch_ - 1] == model.history_.final["val_loss"]
