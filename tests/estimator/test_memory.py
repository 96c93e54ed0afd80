"""Memory (S19, trap D27): predictions in bounded parts, and what is left of a compacted model."""

import pickle
import tracemalloc

import numpy as np
import pytest
import sklearn

from chainrule import LinearClassifier, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore:.*max_iter")

X = np.random.default_rng(0).normal(size=(400, 30))
NUMBERS = X @ np.arange(30.0)
LABELS = np.digitize(NUMBERS, [-50, 50])


def fitted(kind=MLPRegressor, **parameters):
    y = NUMBERS if kind is MLPRegressor else LABELS
    return kind((300, 100), max_iter=3, random_state=0, **parameters).fit(X, y)


def size_of_parameters(model):
    return sum(array.nbytes for array in (*model.coefs_, *model.intercepts_))


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_predictions_do_not_depend_on_the_working_memory(engine):
    model = fitted(MLPClassifier, engine=engine)
    whole, features = model.predict_proba(X), model.transform(X)
    with sklearn.config_context(working_memory=0.02):
        assert model.network_.rows_at_a_time(0.02 * 2**20) < 10
        np.testing.assert_allclose(model.predict_proba(X), whole, rtol=1e-12)
        np.testing.assert_allclose(model.transform(X), features, rtol=1e-12, atol=1e-14)
        if engine == "native":  # a row's bits do not depend on its neighbours
            np.testing.assert_array_equal(model.predict_proba(X), whole)


def test_the_working_memory_bounds_the_reference():
    model = fitted(engine="reference")
    rows = np.random.default_rng(1).normal(size=(20_000, 30))
    peaks = []
    for working_memory in (1, 1024):
        with sklearn.config_context(working_memory=working_memory):
            tracemalloc.start()
            model.predict(rows)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    answer = 20_000 * 8
    assert peaks[0] < 2 * 2**20 + 4 * answer
    assert peaks[1] > 3 * peaks[0]


def test_one_row_is_always_predicted():
    with sklearn.config_context(working_memory=0):
        assert fitted().predict(X[:3]).shape == (3,)


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "sgd"])
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_d27_a_compacted_pickle_is_little_more_than_the_parameters(kind, solver):
    model = fitted(kind, solver=solver, early_stopping=True)
    expected = model.predict(X)
    assert len(pickle.dumps(model.compact())) <= 1.05 * size_of_parameters(model)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    assert model.loss_curve_ == []
    assert model.history_.final["total"] == model.loss_
    assert model.stop_reason_ == "max_iter"


def test_d27_partial_fit_of_a_compacted_model_does_not_grow_beyond_its_optimiser():
    model = fitted().compact()
    sizes = [len(pickle.dumps(model.partial_fit(X, NUMBERS).compact())) for _ in range(50)]
    assert sizes[-1] <= 1.05 * size_of_parameters(model)
    assert sizes[-1] - sizes[0] < 50  # the numbers of epochs and rows take a byte or two more
    assert np.isfinite(model.predict(X)).all()


def test_training_goes_on_from_a_compacted_model():
    model = fitted(warm_start=True).compact()
    before = model.data_loss(X, NUMBERS)
    model.fit(X, NUMBERS)
    assert model.data_loss(X, NUMBERS) < before
    assert model.n_iter_ == 6


def test_a_linear_model_is_compacted_too():
    model = LinearClassifier().fit(X, LABELS)
    expected = model.predict_proba(X)
    np.testing.assert_array_equal(model.compact().predict_proba(X), expected)
