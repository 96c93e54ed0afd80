"""LearningRateFinder: its sweep, its smoothing, and a suggestion that trains."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from chainrule import LinearRegressor, MLPClassifier
from chainrule._errors import ChainruleError, ChainruleWarning, InvalidParameterError
from chainrule.callbacks import LearningRateFinder
from chainrule.network.training.history import StopReason

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PATIENT = {"max_iter": 100, "n_iter_no_change": np.inf}


def test_the_rates_grow_by_one_factor_from_step_to_step(fitted):
    finder = LearningRateFinder(min_lr=1e-6, max_lr=1e-1, num_training=40)
    reg = fitted(finder, **PATIENT)
    np.testing.assert_allclose(finder.learning_rates_, np.geomspace(1e-6, 1e-1, 40), rtol=1e-12)
    assert reg.stop_reason_ is StopReason.CALLBACK
    assert reg.history_.stop_sentence.startswith("LearningRateFinder(min_lr=1e-06, max_lr=0.1, num_training=40")


def test_the_losses_are_a_moving_average_without_bias(fitted):
    class Batches:
        every_batch = True

        def __init__(self):
            self.losses = []

        def on_batch_end(self, ctx):
            self.losses.append(ctx.loss)

    batches, finder = Batches(), LearningRateFinder(num_training=30)
    fitted([batches, finder], **PATIENT)
    assert len(finder.losses_) > 20
    for t in range(len(finder.losses_)):
        weights = 0.98 ** np.arange(t, -1, -1.0)
        assert finder.losses_[t] == pytest.approx(np.average(batches.losses[: t + 1], weights=weights), rel=1e-12)


def test_the_sweep_ends_where_the_loss_blows_up(fitted):
    finder = LearningRateFinder(max_lr=1e3, num_training=200)
    fitted(finder, **PATIENT, solver="sgd")
    assert len(finder.losses_) < 200
    assert finder.losses_[-1] > 4 * min(finder.losses_)
    assert all(loss <= 4 * min(finder.losses_) for loss in finder.losses_[:-1])


def test_the_suggestion_is_below_what_a_quadratic_can_bear():
    """Gradient descent on a quadratic cost blows up beyond 2 / (largest eigenvalue of the Hessian)."""
    X = np.random.default_rng(0).normal(size=(100, 3)) * [1, 2, 3]
    inputs = np.column_stack([X, np.ones(100)])
    limit = 2 / np.linalg.eigvalsh(inputs.T @ inputs / 100)[-1]
    finder = LearningRateFinder(min_lr=1e-5, max_lr=100.0, num_training=150)
    trial = LinearRegressor(solver="gradient_descent", alpha=0.0, **PATIENT | {"max_iter": 150}, callbacks=finder)
    trial.fit(X, X @ [1.0, -1.0, 2.0] + 3)
    assert limit / 100 < finder.suggestion_ < limit
    assert finder.suggestion_ == finder.learning_rates_[int(np.argmin(finder.losses_))] / 10


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_model_with_the_suggested_rate_learns(solver):
    X, y = load_digits(return_X_y=True)
    finder = LearningRateFinder()
    clf = MLPClassifier((32,), solver=solver, batch_size=64, random_state=0, n_iter_no_change=np.inf)
    clf.set_params(callbacks=finder).fit(X / 16, y)
    clf.set_params(callbacks=None, learning_rate_init=finder.suggestion_, max_iter=10).fit(X / 16, y)
    assert clf.score(X / 16, y) > 0.95


def test_a_sweep_cut_short_by_the_training_warns(fitted):
    with pytest.warns(ChainruleWarning, match="ended after 12 of 100 steps"):
        fitted(LearningRateFinder())


def test_there_is_no_suggestion_without_a_sweep_or_where_the_loss_never_fell(fitted):
    finder = LearningRateFinder(min_lr=1e3, max_lr=1e4, num_training=5)
    with pytest.raises(ChainruleError, match="no suggestion before the sweep"):
        finder.suggestion_  # noqa: B018 - the access is the test
    fitted(finder, **PATIENT, solver="sgd", clipnorm=1.0)
    with pytest.raises(ChainruleError, match="choose a lower min_lr"):
        finder.suggestion_  # noqa: B018 - the access is the test


@pytest.mark.parametrize(
    "settings",
    [
        {"min_lr": 0},
        {"min_lr": 1.0, "max_lr": 0.1},
        {"max_lr": np.inf},
        {"num_training": 1},
        {"early_stop_threshold": 1},
    ],
    ids=str,
)
def test_impossible_sweeps_are_refused(fitted, settings):
    with pytest.raises(InvalidParameterError, match="must have 0 < min_lr < max_lr"):
        fitted(LearningRateFinder(**settings))


def test_lbfgs_has_no_rate_to_find(fitted):
    with pytest.raises(InvalidParameterError, match="has no learning rate"):
        fitted(LearningRateFinder(), solver="lbfgs", batch_size="auto")
