"""What is held out says what is true: tables of few distinct rows, where p(y|x) is known, through every door."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss

from chainrule import MLPClassifier, MLPEnsembleClassifier, MLPRegressor
from chainrule.table import from_frame
from chainrule.table.batches import OneBatch
from chainrule.tabular.pipeline import Task, train_table
from chainrule.tabular.prepare import prepare
from chainrule.tabular.splitting.split import Shares

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::chainrule._errors.ChainruleWarning"
)

SEEDS = range(20)


def table(levels, m=2000, seed=0):
    """Two columns of text that tell so many rows apart, classes drawn by a known probability of each, and those."""
    p, rng = np.random.default_rng(levels).random(levels), np.random.default_rng(seed)
    z = rng.integers(0, levels, m)
    frame = pd.DataFrame({"a": [f"a{k % 4}" for k in z], "b": [f"b{k // 4}" for k in z]})
    return frame.assign(y=np.where(rng.random(m) < p[z], "yes", "no")), np.clip(p[z], 1e-6, 1 - 1e-6)


def rows_for_the_test(frame, seed):
    """The rows that are for the test."""
    return prepare(OneBatch.of(from_frame(frame)), ["y"], shares=Shares(seed=seed)).split.rows("test")


@pytest.mark.parametrize("levels", [4, 16, 64, 512])
def test_the_truth_has_the_same_figure_on_the_test_rows_as_on_all(levels):
    """The log loss of the true probabilities, over 20 splits: within four standard errors of that on all rows."""
    frame, p = table(levels)
    losses = -np.log(np.where(frame.y == "yes", p, 1 - p))
    tested = np.array([losses[rows_for_the_test(frame, seed)].mean() for seed in SEEDS])
    error = losses.std() / np.sqrt(400) / np.sqrt(len(SEEDS))
    assert tested.mean() == pytest.approx(losses.mean(), abs=4 * error)
    assert np.abs(tested - losses.mean()).max() < 4 * losses.std() / np.sqrt(400)


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("levels", [4, 64])
def test_a_trained_table_says_what_is_true_and_learns_it(levels, memory):
    """No model beats the truth on the test rows but by chance, and none is much worse on new rows of the same kind."""
    (frame, _), (new, p) = table(levels), table(levels, m=20_000, seed=1)
    true = log_loss(new.y == "yes", p)
    settings = {"hidden_layer_sizes": (16,), "max_iter": 60, "dropout": 0.0}
    for seed in (0, 1):
        source = _arrow(frame) if memory else frame
        trained, _ = train_table(Task(source, ["y"]), settings, seed=seed, memory="1GB" if memory else None)
        found = trained.model.predict_proba(new[["a", "b"]])[:, 1]
        assert log_loss(new.y == "yes", found) < true + (0.02 if levels == 4 else 0.06)
        assert trained.figures["network"]["log_loss"] == pytest.approx(log_loss(new.y == "yes", found), abs=0.08)


def _arrow(frame):
    import pyarrow

    return pyarrow.Table.from_pandas(frame)


def test_the_levels_of_a_discrete_feature_are_all_learned():
    """y = 5 x on a one-hot of three levels: [0, 0.07, 0.02] where copies of a row were held out together."""
    levels = np.arange(900) % 3
    model = MLPRegressor((20,), early_stopping=True, random_state=0, learning_rate_init=0.01)
    model.fit(np.eye(3)[levels], 5.0 * levels)
    np.testing.assert_allclose(model.predict(np.eye(3)), [0, 5, 10], atol=0.1)


@pytest.mark.parametrize("kind", ["one network", "ensemble"])
def test_early_stopping_costs_nothing_beside_validation_rows_of_ones_own(kind):
    """Twenty levels with known probabilities: the expected log loss above the least possible one, in nats."""
    rng = np.random.default_rng(1)
    true, z = 1 / (1 + np.exp(-3 * rng.normal(size=20))), rng.integers(0, 20, 6000)
    X, y = np.eye(20)[z], rng.random(6000) < true[z]

    def excess(model, **own):
        p = model.fit(X[:3000], y[:3000], **own).predict_proba(np.eye(20))[:, 1]
        return np.mean(true * np.log(true / p) + (1 - true) * np.log((1 - true) / (1 - p)))

    net = MLPClassifier((32,), early_stopping=True, random_state=0, max_iter=60)
    model = net if kind == "one network" else MLPEnsembleClassifier(net, n_estimators=3, random_state=0)
    assert excess(clone(net), X_val=X[3000:], y_val=y[3000:]) < 0.01
    assert excess(model) < 0.01
