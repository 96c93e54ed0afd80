"""Training in pieces, and carrying a model from place to place in the middle of it."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import TargetError
from chainrule.network.schedules import SCHEDULES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
CODES = np.arange(60) % 3
NUMBERS = X @ [1.0, 2.0, -1.0, 0.0]
KINDS = {
    "classifier": (MLPClassifier((6,), batch_size=7, random_state=0), CODES),
    "dropout": (MLPRegressor((6, 5), batch_size=7, dropout=0.3, dropout_input=0.1, random_state=0), NUMBERS),
    "nadam": (MLPRegressor((6,), solver="nadam", random_state=0), NUMBERS),
    "momentum": (LinearClassifier(solver="sgd", batch_size=11, random_state=0), CODES),
    "full batch": (LinearRegressor(solver="gradient_descent", random_state=0), NUMBERS),
}


def _weights(model):
    return model.coefs_ + model.intercepts_


def _same_bits(a, b):
    return all(np.array_equal(u, v) for u, v in zip(_weights(a), _weights(b), strict=True))


@pytest.mark.parametrize(("model", "y"), KINDS.values(), ids=KINDS)
def test_d13_calls_continue_the_epochs_of_fit(model, y):
    """Orders, masks and the optimiser's memory go on: n calls are n epochs of `fit`."""
    whole = clone(model).set_params(max_iter=5)
    if isinstance(model, MLPClassifier | MLPRegressor):
        whole.set_params(restore_best_weights=False)
    else:
        whole.set_params(tol=0.0)
    whole.fit(X, y)
    pieces = clone(model)
    for _ in range(5):
        pieces.partial_fit(X, y)
    assert pieces.n_iter_ == whole.n_iter_ == 5
    assert pieces.t_ == whole.t_ == 300
    np.testing.assert_allclose(pieces.loss_curve_, whole.loss_curve_, rtol=1e-12)
    if isinstance(model, MLPClassifier | MLPRegressor):
        assert _same_bits(pieces, whole)


def test_d13_every_call_has_its_own_order_and_masks():
    """At a rate too small to move the weights: which rows end an epoch is the order's doing, its loss is the masks'."""
    settings = {"solver": "sgd", "learning_rate_init": 1e-300, "random_state": 0}
    orders = MLPRegressor((6,), batch_size=7, **settings)
    masks = MLPRegressor((6,), batch_size=60, dropout=0.5, **settings)
    for _ in range(4):
        orders.partial_fit(X, NUMBERS)
        masks.partial_fit(X, NUMBERS)
    assert len(np.unique(orders.history_["gradient_norm"])) == 4  # of the last batch
    assert len(np.unique(masks.loss_curve_)) == 4


def test_partial_fit_neither_holds_out_nor_stops():
    model = MLPClassifier((3,), early_stopping=True, tol=1e9, n_iter_no_change=1, random_state=0)
    for _ in range(4):
        model.partial_fit(X, CODES)
    assert (model.n_iter_, model.t_) == (4, 240)
    assert model.validation_scores_ is None


def test_partial_fit_goes_on_after_fit():
    model = MLPRegressor((6,), max_iter=3, random_state=0).fit(X, NUMBERS)
    before, step = [W.copy() for W in model.coefs_], model.loss_
    model.partial_fit(X, NUMBERS)
    assert (model.n_iter_, len(model.loss_curve_)) == (4, 4)
    assert not np.array_equal(before[0], model.coefs_[0])
    assert abs(model.loss_ - step) < 0.5 * step


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor])
def test_lbfgs_has_no_partial_fit(kind):
    assert not hasattr(kind(solver="lbfgs"), "partial_fit")
    assert hasattr(kind(solver="adam"), "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as caught:
        kind(solver="lbfgs").partial_fit(X, CODES)
    assert "only available for stochastic solvers" in str(caught.value.__cause__)


@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
class TestClasses:
    """D20: which classes `partial_fit` knows, and when."""

    def test_d20_classes_at_the_first_call_may_come_later(self, kind):
        model = kind(solver="adam", random_state=0).partial_fit(X[CODES < 2], CODES[CODES < 2], classes=[2, 1, 0])
        assert model.classes_.tolist() == [0, 1, 2]
        model.partial_fit(X, CODES).partial_fit(X, CODES, classes=[0, 1, 2])
        assert model.predict_proba(X).shape == (60, 3)

    def test_d20_without_classes_y_must_hold_them_all(self, kind):
        model = kind(solver="adam", random_state=0).partial_fit(X[CODES < 2], CODES[CODES < 2])
        assert model.classes_.tolist() == [0, 1]
        with pytest.raises(TargetError, match=r"not among the classes \[0, 1\]: \[2\].*all classes at the first call"):
            model.partial_fit(X, CODES)

    def test_d20_labels_outside_the_classes(self, kind):
        with pytest.raises(TargetError, match=r"not among the classes \[0, 1\]: \[2\]"):
            kind(solver="adam").partial_fit(X, CODES, classes=[0, 1])

    def test_d20_classes_must_not_change(self, kind):
        model = kind(solver="adam").partial_fit(X, CODES, classes=[0, 1, 2])
        with pytest.raises(TargetError, match=r"classes must stay \[0, 1, 2\], got \[0, 1, 2, 3\]"):
            model.partial_fit(X, CODES, classes=[0, 1, 2, 3])

    def test_d20_a_call_with_one_class_only(self, kind):
        model = kind(solver="adam", random_state=0).partial_fit(X[:1], CODES[:1], classes=[0, 1, 2])
        assert model.predict_proba(X).shape == (60, 3)

    def test_d20_string_classes(self, kind):
        names = np.array(["a", "bb", "ccc"])
        model = kind(solver="adam", random_state=0).partial_fit(X[:2], names[CODES[:2]], classes=names)
        assert set(model.partial_fit(X, names[CODES]).predict(X)) <= set(names)

    def test_d20_multilabel(self, kind):
        y = np.column_stack([CODES == 0, CODES == 1, X[:, 0] > 0]).astype(int)
        model = kind(solver="adam", random_state=0)
        model.partial_fit(X[:9], y[:9], classes=[0, 1, 2]).partial_fit(X, y)
        assert model.predict(X).shape == (60, 3)
        with pytest.raises(TargetError, match="y must have 3 label columns as before, got shape"):
            model.partial_fit(X, y[:, :2])
        with pytest.raises(TargetError, match="y must have 3 label columns"):
            model.partial_fit(X, CODES)

    def test_d20_no_multilabel_after_labels(self, kind):
        model = kind(solver="adam").partial_fit(X, CODES)
        with pytest.raises(TargetError, match="several columns"):
            model.partial_fit(X, np.eye(3, dtype=int)[CODES])


def test_partial_fit_needs_the_same_columns_and_outputs():
    model = MLPRegressor((3,)).partial_fit(X, NUMBERS)
    with pytest.raises(ValueError, match="X has 3 features, but MLPRegressor is expecting 4"):
        model.partial_fit(X[:, :3], NUMBERS)
    with pytest.raises(ValueError, match="training cannot continue"):
        model.partial_fit(X, np.column_stack([NUMBERS, NUMBERS]))


def test_partial_fit_on_sparse_batches_of_any_size():
    a, b = MLPRegressor((3,), random_state=0), MLPRegressor((3,), random_state=0)
    for size in (1, 17, 60):
        a.partial_fit(X[:size], NUMBERS[:size])
        b.partial_fit(sparse.csr_array(X[:size]), NUMBERS[:size])
    assert a.t_ == b.t_ == 78
    assert all(np.allclose(u, v) for u, v in zip(_weights(a), _weights(b), strict=True))


def _joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def _joblib_mapped(model, folder):
    """Mapped weights are read-only, and training must not write into them."""
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib", mmap_mode="r")


CARRIES = {
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "joblib": _joblib,
    "joblib, read-only": _joblib_mapped,
    "deepcopy": lambda model, _: copy.deepcopy(model),
    "copy": lambda model, _: copy.copy(model),
}


@pytest.mark.filterwarnings("ignore:mmap_mode")
@pytest.mark.parametrize("carry", CARRIES.values(), ids=CARRIES)
@pytest.mark.parametrize(("model", "y"), KINDS.values(), ids=KINDS)
def test_d26_a_carried_model_learns_on_to_the_bit(model, y, carry, tmp_path):
    stayed = clone(model)
    for _ in range(3):
        stayed.partial_fit(X, y)
    travelled = carry(stayed, tmp_path)
    assert (travelled.predict(X) == stayed.predict(X)).all()
    before = [part.copy() for part in _weights(travelled)]
    for _ in range(2):
        stayed.partial_fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(before, _weights(travelled), strict=True))  # nothing is shared
    for _ in range(2):
        travelled.partial_fit(X, y)
    assert _same_bits(stayed, travelled)
    assert not np.array_equal(before[0], travelled.coefs_[0])
    assert (travelled.t_, travelled.n_iter_, travelled.loss_curve_) == (stayed.t_, stayed.n_iter_, stayed.loss_curve_)


def test_a_pickle_without_random_state_still_continues_as_it_would_have():
    model = MLPRegressor((5,), batch_size=7, dropout=0.2).partial_fit(X, NUMBERS)
    travelled = pickle.loads(pickle.dumps(model))
    assert _same_bits(model.partial_fit(X, NUMBERS), travelled.partial_fit(X, NUMBERS))


def test_a_pickle_keeps_every_fitted_attribute():
    model = MLPClassifier((4,), early_stopping=True, max_iter=3, random_state=0).fit(X, CODES)
    travelled = pickle.loads(pickle.dumps(model))
    for name in ("classes_", "loss_", "loss_curve_", "validation_scores_", "stop_reason_", "t_", "n_features_in_"):
        assert np.array_equal(getattr(travelled, name), getattr(model, name)), name
    assert travelled.history_.to_dict() == model.history_.to_dict()
    assert travelled.get_params() == model.get_params()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_goes_on_in_partial_fit(schedule):
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = MLPRegressor((4,), learning_rate=schedule, n_iter_no_change=1, random_state=0)
    for _ in range(3):
        model.partial_fit(X, X[:, 0])
    assert model.n_iter_ == 3
