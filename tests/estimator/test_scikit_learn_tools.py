"""Inside scikit-learn: pipelines, searches over processes, routing of weights, tags."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import BaggingRegressor, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

IRIS, SPECIES = load_iris(return_X_y=True)
CLASSIFIERS = [MLPClassifier((8,), solver="lbfgs", max_iter=100, random_state=0), LinearClassifier()]
REGRESSORS = [MLPRegressor((8,), solver="lbfgs", max_iter=50, random_state=0), LinearRegressor()]
BOTH = ["mlp", "linear"]


@pytest.mark.parametrize("model", CLASSIFIERS, ids=BOTH)
def test_d42_classifiers_are_cross_validated_as_such(model):
    tags = get_tags(model)
    assert tags.estimator_type == "classifier"
    assert is_classifier(model)
    assert not is_regressor(model)
    assert tags.classifier_tags.multi_class
    assert tags.classifier_tags.multi_label
    assert tags.target_tags.required
    assert tags.input_tags.sparse
    assert not tags.input_tags.allow_nan
    scores = cross_val_score(make_pipeline(StandardScaler(), model), IRIS, SPECIES, cv=3)
    assert scores.min() > 0.9  # folds that are not stratified would each lack a class of this sorted table


@pytest.mark.parametrize("model", REGRESSORS, ids=BOTH)
def test_d42_regressors_are_cross_validated_as_such(model):
    tags = get_tags(model)
    assert tags.estimator_type == "regressor"
    assert is_regressor(model)
    assert not is_classifier(model)
    assert tags.target_tags.multi_output
    assert tags.input_tags.sparse
    X, y = load_diabetes(return_X_y=True)
    scores = cross_val_score(make_pipeline(StandardScaler(), model), X, y / 100, cv=3)
    assert scores.min() > 0.2


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor])
def test_d42_mixins_stand_left_of_base_estimator(kind):
    names = [base.__name__ for base in kind.__mro__]
    mixins = [i for i, name in enumerate(names) if name in ("ClassifierMixin", "RegressorMixin", "TransformerMixin")]
    assert max(mixins) < names.index("BaseEstimator")


def test_grid_search_in_two_processes():
    grid = {"mlpclassifier__hidden_layer_sizes": [(), (6,)], "mlpclassifier__alpha": [1e-3, 10.0]}
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(solver="lbfgs", max_iter=30, random_state=0))
    with parallel_config("loky"):
        parallel = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(IRIS, SPECIES)
    alone = GridSearchCV(pipeline, grid, cv=2).fit(IRIS, SPECIES)
    np.testing.assert_array_equal(parallel.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert parallel.best_params_["mlpclassifier__alpha"] == 1e-3
    assert parallel.best_estimator_.score(IRIS, SPECIES) > 0.95


def test_search_over_parameters_of_every_kind():
    grid = {
        "activation": ["relu", ("leaky_relu", {"negative_slope": 0.2}), ["tanh"]],
        "hidden_layer_sizes": [(3,), [4]],
    }
    search = GridSearchCV(MLPClassifier(max_iter=2, random_state=0), grid, cv=2, error_score="raise")
    assert len(search.fit(IRIS, SPECIES).cv_results_["params"]) == 6


def test_several_scorers():
    scores = cross_validate(CLASSIFIERS[1], IRIS, SPECIES, cv=2, scoring=["neg_log_loss", "roc_auc_ovr", "accuracy"])
    assert scores["test_roc_auc_ovr"].min() > 0.95
    assert scores["test_neg_log_loss"].min() > -0.3


def test_frames_with_text_columns_in_a_pipeline():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": rng.choice(["Rome", "Oslo"], 80), "size": rng.normal(size=80)})
    price = np.where(frame["city"] == "Rome", 3.0, 1.0) + frame["size"]
    encode = make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["size"]))
    model = make_pipeline(encode, LinearRegressor(0.0)).fit(frame, price)
    assert model.score(frame.iloc[::-1], price.iloc[::-1]) > 0.999


def test_ensembles_take_them():
    voting = VotingClassifier([("mlp", CLASSIFIERS[0]), ("linear", CLASSIFIERS[1])], voting="soft")
    assert voting.fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.95
    assert CalibratedClassifierCV(CLASSIFIERS[1], cv=2).fit(IRIS, SPECIES).score(IRIS, SPECIES) > 0.9
    X, y = load_diabetes(return_X_y=True)
    assert BaggingRegressor(LinearRegressor(), n_estimators=3, random_state=0).fit(X, y / 100).score(X, y / 100) > 0.2


def test_hidden_layers_feed_other_models():
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), MLPRegressor((20,), max_iter=30, random_state=0), Ridge())
    assert model.fit(X, y).score(X, y) > 0.4
    selection = SelectFromModel(Ridge()).fit(model[:-1].transform(X), y)
    assert selection.get_support().any()


class TestRouting:
    """sample_weight goes where it is asked for."""

    @pytest.fixture(autouse=True)
    def routing(self):
        with sklearn.config_context(enable_metadata_routing=True):
            yield

    @pytest.mark.parametrize("model", [*CLASSIFIERS, *REGRESSORS], ids=lambda model: type(model).__name__)
    def test_weights_reach_a_step_of_a_pipeline(self, model):
        weights = (np.arange(150) % 2).astype(float)
        model = clone(model).set_params(random_state=0)
        routed = clone(model).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), routed)
        pipeline.fit(IRIS, SPECIES, sample_weight=weights)
        direct = clone(model).fit(StandardScaler().fit_transform(IRIS), SPECIES, weights)
        assert all(np.array_equal(a, b) for a, b in zip(pipeline[-1].coefs_, direct.coefs_, strict=True))

    def test_weights_that_nobody_asked_for_are_an_error(self):
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="sample_weight"):
            make_pipeline(LinearRegressor()).fit(IRIS, SPECIES, sample_weight=np.ones(150))

    def test_weights_in_a_search_and_its_score(self):
        model = LinearClassifier().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-3, 1e-2]}, cv=2).fit(IRIS, SPECIES, sample_weight=np.ones(150))
        plain = GridSearchCV(LinearClassifier(), {"alpha": [1e-3, 1e-2]}, cv=2).fit(IRIS, SPECIES)
        np.testing.assert_array_equal(search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])

    @pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor])
    def test_partial_fit_and_score_can_be_asked(self, kind):
        model = kind(solver="adam").set_partial_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        requests = model.get_metadata_routing()
        assert requests.partial_fit.requests["sample_weight"] is True
        assert requests.score.requests["sample_weight"] is True


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor])
@pytest.mark.parametrize("attribute", ["predict", "coefs_", "intercepts_", "data_loss", "decision_function"])
def test_unfitted_models_say_so(kind, attribute):
    if attribute == "decision_function" and kind in (MLPRegressor, LinearRegressor):
        attribute = "predict"
    arguments = (IRIS, SPECIES) if attribute == "data_loss" else (IRIS,)
    with pytest.raises(NotFittedError, match=f"This {kind.__name__} instance is not fitted yet"):
        getattr(kind(), attribute)(*arguments)
