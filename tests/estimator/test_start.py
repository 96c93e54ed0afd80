"""Weights to start from, and estimators that predict before they are trained."""

import numpy as np
import pandas as pd
import pytest

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, gradcheck, load, save
from chainrule._errors import InvalidParameterError, ShapeError, TargetError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X[:, 0] ** 2 - X[:, 1]
LABELS = np.array(["a", "b", "c"])[np.digitize(X[:, 0], [-0.5, 0.5])]
SETTINGS = {
    "bias_initializer": "zeros",
    "hidden_layer_sizes": (5, 4),
    "random_state": 3,
    "max_iter": 6,
    "restore_best_weights": False,
}


@pytest.mark.parametrize("solver", ["adam", "lbfgs", "sgd", "gradient_descent"])
def test_drawn_weights_given_back_change_nothing(solver):
    drawn = MLPRegressor(solver=solver, **SETTINGS).initialize(3)
    plain = MLPRegressor(solver=solver, **SETTINGS).fit(X, Y)
    for given in ({"coef_init": drawn.coefs_, "intercept_init": drawn.intercepts_}, {"coef_init": drawn.coefs_}):
        model = MLPRegressor(solver=solver, **SETTINGS).fit(X, Y, **given)
        assert np.array_equal(model.predict(X), plain.predict(X))
        assert model.n_iter_ == plain.n_iter_
        assert model.t_ == plain.t_


def test_training_starts_where_it_is_told():
    far = MLPRegressor(**SETTINGS | {"random_state": 9}).initialize(3)
    model = MLPRegressor(learning_rate_init=1e-12, **SETTINGS)
    model.fit(X, Y, coef_init=far.coefs_, intercept_init=[b + 0.5 for b in far.intercepts_])
    for got, start in zip(model.coefs_, far.coefs_, strict=True):
        np.testing.assert_allclose(got, start, atol=1e-9)
    for b in model.intercepts_:
        np.testing.assert_allclose(b, 0.5, atol=1e-9)


def test_given_weights_come_before_a_warm_start():
    start = MLPRegressor(**SETTINGS).initialize(3).coefs_
    model = MLPRegressor(warm_start=True, **SETTINGS).fit(X, Y)
    first = model.predict(X)
    assert np.array_equal(model.fit(X, Y, coef_init=start).predict(X), first)
    assert model.n_iter_ == 6
    assert not np.array_equal(model.fit(X, Y).predict(X), first)
    assert model.n_iter_ == 12


def test_given_weights_are_not_written_to_and_take_the_type_of_x():
    coefs = [coef.copy() for coef in MLPRegressor(**SETTINGS).initialize(3).coefs_]
    before = [coef.copy() for coef in coefs]
    model = MLPRegressor(**SETTINGS).fit(X.astype(np.float32), Y, coef_init=coefs)
    assert all(map(np.array_equal, coefs, before))
    assert model.coefs_[0].dtype == np.float32


def test_linear_models_take_them_too():
    model = LinearRegressor(solver="adam", learning_rate_init=1e-12, max_iter=1)
    model.fit(X, Y, coef_init=[[[1.0], [2.0], [3.0]]], intercept_init=[[4.0]])
    np.testing.assert_allclose(model.predict(X), X @ [1, 2, 3] + 4)


SHAPES = [(3, 5), (5, 4), (4, 1)]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        (
            {"coef_init": [np.ones(s) for s in SHAPES[:2]]},
            ShapeError,
            "one array for each of the 3 layers, got 2 of them",
        ),
        (
            {"coef_init": np.ones((3, 5))},
            ShapeError,
            "must be a list of one array for each of the 3 layers, got ndarray",
        ),
        (
            {"coef_init": [np.ones((3, 5)), np.ones((4, 5)), np.ones((4, 1))]},
            ShapeError,
            r"coef_init of layer 2 must have shape \(5, 4\), got \(4, 5\)",
        ),
        (
            {"intercept_init": [np.ones(5), np.ones(4), np.ones((1, 1))]},
            ShapeError,
            r"intercept_init of layer 3 must have shape \(1,\), got \(1, 1\)",
        ),
        (
            {"coef_init": [np.full(s, np.nan) for s in SHAPES]},
            InvalidParameterError,
            "coef_init of layer 1 must be finite",
        ),
        (
            {"intercept_init": [["a"] * 5, [0] * 4, [0]]},
            InvalidParameterError,
            "intercept_init of layer 1 must be numbers",
        ),
    ],
    ids=["too few", "no list", "turned", "a matrix", "not finite", "text"],
)
def test_weights_that_do_not_fit_name_the_layer(given, error, words):
    with pytest.raises(error, match=words):
        MLPRegressor(**SETTINGS).fit(X, Y, **given)


@pytest.mark.parametrize("solver", ["adam", "sgd", "nadam"])
def test_what_goes_on_from_initialize_is_what_starts_by_itself(solver):
    settings = SETTINGS | {"solver": solver}
    begun, fresh = MLPRegressor(**settings).initialize(3).partial_fit(X, Y), MLPRegressor(**settings).partial_fit(X, Y)
    assert np.array_equal(begun.predict(X), fresh.predict(X))
    assert (begun.t_, begun.n_iter_) == (fresh.t_, fresh.n_iter_)
    begun = MLPRegressor(warm_start=True, early_stopping=True, **settings).initialize(3).fit(X, Y)
    fresh = MLPRegressor(early_stopping=True, **settings).fit(X, Y)
    assert np.array_equal(begun.predict(X), fresh.predict(X))
    assert begun.loss_curve_ == fresh.loss_curve_


DOLLARS = 1000 + 100 * X[:, 0]
BEGINNINGS = {
    "dollars": (MLPRegressor, {}, DOLLARS, {}),
    "scaled": (MLPRegressor, {"scale": True, "missing": "impute"}, DOLLARS, {}),
    "held out": (MLPRegressor, {"early_stopping": True, "scale": True}, DOLLARS, {}),
    "counts": (MLPRegressor, {"loss": "poisson"}, np.floor(DOLLARS), {}),
    "quantiles": (MLPRegressor, {"loss": "quantile", "quantile": [0.1, 0.9]}, DOLLARS, {"n_outputs": 2}),
    "several": (MLPRegressor, {}, np.column_stack([DOLLARS, Y]), {"n_outputs": 2}),
    "classes": (MLPClassifier, {"class_weight": {"a": 5}, "scale": True}, LABELS, {"classes": ["c", "a", "b"]}),
    "balanced": (MLPClassifier, {"class_weight": "balanced"}, LABELS == "a", {"classes": [False, True]}),
    "linear": (LinearRegressor, {"solver": "adam"}, DOLLARS, {}),
    "lbfgs": (LinearClassifier, {"solver": "lbfgs"}, LABELS, {"classes": ["a", "b", "c"]}),
}


@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("beginning", BEGINNINGS, ids=str)
def test_the_first_rows_teach_what_a_fit_by_itself_learns_from_them(beginning, used):
    """Units of the target, scales of the columns, base rates: the same to the bit, whatever was there before."""
    kind, more, y, given = BEGINNINGS[beginning]
    settings = {"warm_start": True, "max_iter": 4, "random_state": 3} | more
    begun, fresh = kind(**settings), kind(**settings).fit(X, y)
    if used:
        frame, numbers = pd.DataFrame(X[:, :2], columns=["p", "q"]), kind in (MLPRegressor, LinearRegressor)
        before = np.abs(Y) if numbers else np.roll(y, 1)
        begun.fit(frame, before, **({"X_cal": frame, "y_cal": before} if numbers else {}))
    begun.initialize(3, **given).fit(X, y)
    assert {name for name in vars(begun) if name.endswith("_")} == {name for name in vars(fresh) if name.endswith("_")}
    for some, other in zip((*begun.coefs_, *begun.intercepts_), (*fresh.coefs_, *fresh.intercepts_), strict=True):
        np.testing.assert_array_equal(some, other)
    np.testing.assert_array_equal(begun.predict(X), fresh.predict(X))
    assert begun.t_ == fresh.t_
    if begun.solver != "lbfgs" and more.get("class_weight") != "balanced" and "early_stopping" not in more:
        classes = {"classes": given["classes"]} if "classes" in given else {}
        begun, fresh = (kind(**settings) for _ in range(2))
        begun.initialize(3, **given).partial_fit(X, y).partial_fit(X, y)
        fresh.partial_fit(X, y, **classes).partial_fit(X, y)
        np.testing.assert_array_equal(begun.predict(X), fresh.predict(X))


def test_initialize_leaves_nothing_of_an_earlier_fit():
    frame = pd.DataFrame(X, columns=["p", "q", "r"])
    used = MLPRegressor(scale=True, missing="impute", **SETTINGS).fit(frame, DOLLARS, X_cal=frame, y_cal=DOLLARS)
    used.initialize(3)
    fresh = MLPRegressor(scale=True, missing="impute", **SETTINGS).initialize(3)
    assert set(vars(used)) == set(vars(fresh))
    np.testing.assert_array_equal(used.predict(X), fresh.predict(X))
    with pytest.raises(InvalidParameterError, match="calibration rows"):
        used.predict_interval(X)


def test_biases_that_the_user_gave_after_initialize_stay():
    model = MLPRegressor(bias_initializer="auto", hidden_layer_sizes=(3,), learning_rate_init=1e-12, random_state=0)
    model.set_params(warm_start=True, max_iter=1).initialize(3)
    model.intercepts_[-1][:] = 0.25
    assert model.fit(X, Y).intercepts_[-1] == pytest.approx([0.25])


def test_labels_do_not_become_several_by_the_first_rows():
    model = MLPClassifier(**SETTINGS).initialize(3, classes=["a", "b", "c"])
    with pytest.raises(TargetError):
        model.partial_fit(X, np.eye(3)[np.arange(60) % 3])
    assert model.classes_.tolist() == ["a", "b", "c"]


def test_an_initialized_classifier_knows_its_classes(tmp_path):
    model = MLPClassifier(**SETTINGS).initialize(3, classes=["c", "a", "b"])
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.predict_proba(X).shape == (60, 3)
    assert set(model.predict(X)) <= {"a", "b", "c"}
    assert gradcheck(model, X, LABELS).ok
    assert np.isnan(model.loss_)
    assert (model.n_iter_, model.t_, model.loss_curve_) == (0, 0, [])
    save(model, tmp_path / "m.safetensors")
    assert np.array_equal(load(tmp_path / "m.safetensors").predict_proba(X), model.predict_proba(X))
    fresh = MLPClassifier(**SETTINGS).partial_fit(X, LABELS, classes=["a", "b", "c"])
    assert np.array_equal(model.partial_fit(X, LABELS).predict_proba(X), fresh.predict_proba(X))
    with pytest.raises(TargetError, match="labels that are not among the classes"):
        model.partial_fit(X, np.where(LABELS == "a", "z", LABELS))


def test_two_classes_and_labels_that_coincide():
    assert MLPClassifier(**SETTINGS).initialize(3, classes=[0, 1]).coefs_[-1].shape == (4, 1)
    labels = MLPClassifier(**SETTINGS).initialize(3, n_outputs=2)
    assert labels.predict(X).shape == (60, 2)
    indicator = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    fresh = MLPClassifier(**SETTINGS).partial_fit(X, indicator)
    assert np.array_equal(labels.partial_fit(X, indicator).predict_proba(X), fresh.predict_proba(X))


def test_several_numbers_and_linear_models():
    assert MLPRegressor(**SETTINGS).initialize(3, n_outputs=2).predict(X).shape == (60, 2)
    assert LinearClassifier().initialize(3, classes=[0, 1]).predict_proba(X).tolist() == [[0.5, 0.5]] * 60


@pytest.mark.parametrize(
    ("model", "given", "words"),
    [
        (MLPClassifier(), {}, "with classes, or with n_outputs"),
        (MLPClassifier(), {"n_outputs": 2, "classes": [0, 1]}, "with classes, or with n_outputs"),
        (MLPRegressor(), {"classes": [0, 1]}, "a regressor has no classes"),
        (MLPRegressor(), {"n_outputs": 0}, "n_outputs must be a whole number of at least 1, got 0"),
        (MLPRegressor(solver="adm"), {}, "Did you mean 'adam'"),
    ],
    ids=range(5),
)
def test_initialize_refuses_what_makes_no_sense(model, given, words):
    with pytest.raises(InvalidParameterError, match=words):
        model.initialize(3, **given)


@pytest.mark.parametrize("n_features", [0, 2.5, None, True])
def test_columns_must_be_counted(n_features):
    with pytest.raises(InvalidParameterError, match="n_features must be a whole number"):
        MLPRegressor().initialize(n_features)


TOWNS = pd.DataFrame({"size": X[:, 0], "town": np.array(["oslo", "rome", "lima"])[np.arange(60) % 3]})


def _towns(**more):
    return MLPRegressor(categorical_features="from_dtype", embedding_size=2, **SETTINGS | more)


def test_vectors_of_levels_are_given_as_they_are_shown():
    given = {"town": {"lima": [7.0, -7.0], "(other)": [1.0, 2.0], "paris": [0.0, 0.0]}}
    still = _towns(learning_rate_init=1e-12, max_iter=1).fit(TOWNS, Y, embedding_init=given)
    drawn = _towns(learning_rate_init=1e-12, max_iter=1).fit(TOWNS, Y)
    for level, vector in still.embeddings_["town"].items():
        expected = given["town"].get(level, drawn.embeddings_["town"][level])
        np.testing.assert_allclose(vector, expected, atol=1e-9)
    again = _towns().fit(TOWNS, Y, embedding_init=drawn.embeddings_)
    np.testing.assert_allclose(again.predict(TOWNS), _towns().fit(TOWNS, Y).predict(TOWNS), atol=1e-6)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"twon": {}}, InvalidParameterError, "names 'twon', which is no column .* Did you mean 'town'"),
        ({"town": [[1, 2]]}, InvalidParameterError, "must be a dict of a dict of vectors"),
        ({"town": {"lima": [1, 2, 3]}}, ShapeError, r"embedding_init of town=lima must have shape \(2,\), got \(3,\)"),
        ({"town": {"lima": ["a", "b"]}}, InvalidParameterError, "embedding_init of town=lima must be numbers"),
        ({"town": {"lima": [1, np.inf]}}, InvalidParameterError, "embedding_init of town=lima must be finite"),
    ],
    ids=["name", "list", "shape", "text", "infinite"],
)
def test_vectors_that_do_not_fit_name_the_level(given, error, words):
    with pytest.raises(error, match=words):
        _towns().fit(TOWNS, Y, embedding_init=given)
