"""What a fit leaves behind: losses that add up, the same bits twice, and a line per epoch."""

import re

import numpy as np
import pytest
from sklearn.metrics import mean_squared_error

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule.network.training.history import StopReason

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 4))
NUMBERS = X @ [1.0, 2.0, -1.0, 0.0] + RNG.normal(size=70)
CODES = np.arange(70) % 3


def _model(kind, **settings):
    small = {"hidden_layer_sizes": (6,)} if kind in ESTIMATORS[:2] else {}
    return kind(**({"max_iter": 6, "random_state": 0, "alpha": 0.1} | small | settings))


def _target(kind):
    return CODES if kind in (MLPClassifier, LinearClassifier) else NUMBERS


@pytest.mark.parametrize("solver", ["adam", "sgd", "gradient_descent", "lbfgs"])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d14_the_losses_add_up_at_the_fitted_weights(kind, solver):
    settings = {"dropout": 0.3} if kind in ESTIMATORS[:2] and solver != "lbfgs" else {}
    model = _model(kind, solver=solver, l1_ratio=0.3, **settings).fit(X, _target(kind))
    final = model.history_.final
    l1, l2 = (sum(term(W).sum() for W in model.coefs_) for term in (np.abs, np.square))
    assert final["loss"] == pytest.approx(model.data_loss(X, _target(kind)), rel=1e-12)
    assert final["penalty"] == pytest.approx(0.1 * (0.3 * l1 + 0.7 / 2 * l2), rel=1e-12)
    assert final["total"] == final["loss"] + final["penalty"]
    assert model.loss_ == final["total"]


def test_d14_the_data_loss_is_half_the_mean_squared_error():
    for y in (NUMBERS, np.column_stack([NUMBERS, 3 * X[:, 0]])):
        model = _model(MLPRegressor).fit(X, y)
        assert model.data_loss(X, y) == pytest.approx(mean_squared_error(y, model.predict(X)) / 2, rel=1e-12)


def test_d14_exact_losses_at_every_epoch_on_request():
    model = _model(MLPRegressor, record_loss=True, dropout=0.4, restore_best_weights=False).fit(X, NUMBERS)
    assert len(model.history_["loss"]) == 6
    assert model.history_["loss"][-1] == model.data_loss(X, NUMBERS) == model.history_.final["loss"]
    assert model.history_["loss"] != model.history_["running_loss"]
    assert "loss" not in _model(MLPRegressor).fit(X, NUMBERS).history_


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_curve_is_the_running_total(kind, solver):
    model = _model(kind, solver=solver, tol=0.0).fit(X, _target(kind))
    assert model.loss_curve_ == model.history_["running_total"]
    assert len(model.loss_curve_) == model.n_iter_ == 6
    np.testing.assert_allclose(
        np.add(model.history_["running_loss"], model.history_["penalty"]), model.loss_curve_, rtol=1e-12
    )
    assert model.history_["epoch"] == [1, 2, 3, 4, 5, 6]
    assert model.best_loss_ == min(model.loss_curve_)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["adam", "adamw", "nadam", "rmsprop", "adagrad", "sgd", "gradient_descent", "lbfgs"])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d24_the_same_seed_gives_the_same_bits(kind, solver, early_stopping):
    settings = {"dropout": 0.3} if kind in ESTIMATORS[:2] and solver != "lbfgs" else {}
    settings |= {} if solver in ("lbfgs", "gradient_descent") else {"batch_size": 8}
    twins = [_model(kind, solver=solver, early_stopping=early_stopping, **settings).fit(X, _target(kind)) for _ in "ab"]
    a, b = (np.concatenate([part.ravel() for part in (*twin.coefs_, *twin.intercepts_)]) for twin in twins)
    assert a.tobytes() == b.tobytes()
    assert twins[0].loss_curve_ == twins[1].loss_curve_
    assert twins[0].validation_scores_ == twins[1].validation_scores_
    again = twins[0].fit(X, _target(kind))
    assert again.coefs_[0].tobytes() == twins[1].coefs_[0].tobytes()


def test_other_seeds_give_other_weights():
    fits = [_model(MLPRegressor, random_state=seed).fit(X, NUMBERS).coefs_[0] for seed in (0, 1, None, None)]
    assert len({fit.tobytes() for fit in fits}) == 4
    state = np.random.RandomState(0)
    shared = [_model(MLPRegressor, random_state=state).fit(X, NUMBERS).coefs_[0] for _ in "ab"]
    assert not np.array_equal(*shared)


def test_fitting_leaves_numpys_global_generator_alone():
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.get_state()[1].tolist()  # noqa: NPY002
    _model(MLPRegressor, dropout=0.3, early_stopping=True).fit(X, NUMBERS)
    assert np.random.get_state()[1].tolist() == expected  # noqa: NPY002


def test_dropout_of_zero_is_no_dropout_bit_for_bit():
    plain = _model(MLPRegressor).fit(X, NUMBERS)
    zero = _model(MLPRegressor, dropout=[0.0], dropout_input=0.0).fit(X, NUMBERS)
    assert all(np.array_equal(a, b) for a, b in zip(plain.coefs_, zero.coefs_, strict=True))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_d31_verbose_prints_a_line_per_epoch(solver, early_stopping, capsys):
    model = _model(MLPRegressor, solver=solver, verbose=True, early_stopping=early_stopping).fit(X, NUMBERS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == model.n_iter_
    for line, epoch, total in zip(lines, model.history_["epoch"], model.loss_curve_, strict=True):
        found = re.fullmatch(r"Iteration (\d+), loss = ([\d.]+)(, validation loss = [\d.]+)?", line)
        assert (int(found[1]), float(found[2])) == (epoch, pytest.approx(total, abs=1e-8))
        assert (found[3] is not None) == early_stopping


def test_silence_by_default(capsys):
    _model(MLPRegressor).fit(X, NUMBERS)
    assert capsys.readouterr() == ("", "")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_reaching_max_iter_warns_in_scikit_learns_class_at_the_callers_line(kind):
    from sklearn.exceptions import ConvergenceWarning

    for solver in ("adam", "lbfgs"):
        with pytest.warns(ConvergenceWarning, match="max_iter|iterations") as caught:
            model = _model(kind, solver=solver, max_iter=2).fit(X, _target(kind))
        assert [warning.filename for warning in caught] == [__file__]
        assert model.stop_reason_ is StopReason.MAX_ITER


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_converged_models_warn_of_nothing(kind):
    smooth = {"activation": "tanh"} if kind in ESTIMATORS[:2] else {}
    model = _model(kind, solver="lbfgs", max_iter=2000, tol=1e-3, **smooth).fit(X, _target(kind))
    assert model.stop_reason_ is StopReason.CONVERGED
    assert "converged after" in model.history_.stop_sentence


def test_weights_are_textbook_views():
    model = _model(MLPRegressor).fit(X, NUMBERS)
    A1 = np.maximum(0, X @ model.coefs_[0] + model.intercepts_[0])
    np.testing.assert_allclose(model.predict(X), (A1 @ model.coefs_[1] + model.intercepts_[1])[:, 0], rtol=1e-12)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_predictions_of_counts_are_positive(loss):
    model = _model(MLPRegressor, loss=loss).fit(X, np.arange(70.0) + 1)
    Z = np.maximum(0, X @ model.coefs_[0] + model.intercepts_[0]) @ model.coefs_[1] + model.intercepts_[1]
    np.testing.assert_allclose(model.predict(X), np.exp(Z[:, 0]), rtol=1e-12)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_cosh", "quantile"])
def test_other_losses_for_numbers_learn(loss):
    model = _model(MLPRegressor, loss=loss, solver="sgd", learning_rate_init=0.05, max_iter=60, alpha=0.0)
    assert model.fit(X, NUMBERS).score(X, NUMBERS) > 0.6
