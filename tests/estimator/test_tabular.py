"""TabularClassifier and TabularRegressor: scikit-learn's checks, the command's bits, every kind of table."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule import TabularClassifier, TabularRegressor, gradcheck, load, trace
from chainrule.cli import main
from chainrule.fit.objective import Objective
from chainrule.table import Target
from chainrule.tabular.baselines import baseline_name

QUICK = {"hidden_layer_sizes": (16,), "max_iter": 40, "random_state": 0}

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::chainrule._errors.ChainruleWarning"
)


@parametrize_with_checks([TabularClassifier(**QUICK), TabularRegressor(**QUICK)])
def test_scikit_learn_check(estimator, check):
    if "sample_weight_equivalence" in str(check):  # k copies are weight k where no row is held out and all are one step
        estimator = without_folds(estimator.set_params(early_stopping=False, solver="lbfgs"))
    check(estimator)


def without_folds(estimator):
    """The same estimator without the parameter `cv`: where there is one, the check gives it lists of row numbers."""

    class Whole(type(estimator)):
        @classmethod
        def _get_param_names(cls):
            return [name for name in super()._get_param_names() if name != "cv"]

    return Whole(**{name: value for name, value in estimator.get_params().items() if name != "cv"})


M = 400
RNG = np.random.default_rng(3)
FRAME = pd.DataFrame(
    {
        "size": np.where(RNG.random(M) < 0.1, np.nan, RNG.normal(size=M)),
        "colour": np.array(["red", "blue", "green"])[RNG.integers(0, 3, M)],
        "day": np.datetime64("2024-01-01") + RNG.integers(0, 700, M),
        "flag": RNG.random(M) < 0.5,
        "id": np.arange(M),
    }
)
PRICE = FRAME["size"].fillna(0.2).to_numpy() * 100 + 30 * (FRAME.colour == "red") + RNG.normal(size=M)
TABLE = FRAME.assign(price=PRICE, kind=np.where(PRICE > 20, "dear", "cheap"))
KINDS = [("kind", TabularClassifier, "price"), ("price", TabularRegressor, "kind")]


@pytest.mark.parametrize("target_and_kind", KINDS, ids=["classes", "numbers"])
@pytest.mark.parametrize("test_size", [0.0, 0.2])
def test_the_same_bits_as_the_command(tmp_path, target_and_kind, test_size):
    """A file by its path, its frame, and the command: one network, one schema, the same figures."""
    target, kind, other = target_and_kind
    path, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    TABLE.to_csv(path, index=False)
    command = ["train", str(path), "-t", target, "-m", str(model), "--drop", other, "--test", str(test_size), "-q"]
    main([*command, "--hidden", "16", "--epochs", "40"], standalone_mode=False)
    asked = kind(**QUICK, drop=[other], test_size=test_size)
    by_command, by_path = load(model), clone(asked).fit(str(path), target)
    by_frame = clone(asked).fit(pd.read_csv(path, parse_dates=["day"]), target)
    for fitted in (by_path, by_frame):
        assert fitted.model_.parameters.theta.tobytes() == by_command.model_.parameters.theta.tobytes()
        assert fitted.schema_ == by_command.schema_
        assert fitted.model_.encoder == by_command.model_.encoder
    if test_size:
        for name, figures in by_command.figures_.items():
            assert by_path.figures_[name] == pytest.approx(figures)
        assert list(by_path.baselines_) == ["linear model", baseline_name(by_path.model_.target)]
    assert (by_command.n_iter_, by_command.get_params()["drop"]) == (by_path.n_iter_, (other,))


@pytest.mark.parametrize("as_frame", [lambda frame: frame, "polars", "pyarrow"], ids=["pandas", "polars", "pyarrow"])
def test_frames_of_every_library_are_the_same_table(as_frame):
    expected = TabularClassifier(**QUICK, drop=["price"]).fit(TABLE, "kind").predict_proba(TABLE)
    if as_frame == "polars":
        frame = pytest.importorskip("polars").from_pandas(TABLE)
    elif as_frame == "pyarrow":
        frame = pytest.importorskip("pyarrow").Table.from_pandas(TABLE)
    else:
        frame = as_frame(TABLE)
    fitted = TabularClassifier(**QUICK, drop=["price"]).fit(frame, "kind")
    np.testing.assert_array_equal(fitted.predict_proba(frame), expected)


def test_values_beside_a_frame_are_the_same_as_a_column_of_it():
    named = TabularClassifier(**QUICK).fit(TABLE.drop(columns="price"), "kind")
    beside = TabularClassifier(**QUICK).fit(FRAME, TABLE.kind)
    assert beside.model_.parameters.theta.tobytes() == named.model_.parameters.theta.tobytes()
    assert beside.feature_names_in_.tolist() == named.feature_names_in_.tolist() == list(FRAME)
    assert named.score(TABLE, "kind") == beside.score(FRAME, TABLE.kind) > 0.8
    assert set(beside.classes_) == {"cheap", "dear"}


def test_what_a_notebook_sees():
    reg = TabularRegressor(**QUICK).fit(FRAME, PRICE)
    assert {plan.name: plan.role for plan in reg.schema_.plans}["id"] == "dropped"
    assert reg.figures_["network"]["rmse"] < reg.baselines_["baseline: mean"]["rmse"] / 2
    assert len(reg.history_["epoch"]) == reg.n_iter_
    assert reg.predict(FRAME.iloc[:3]).shape == (3,)


def test_several_targets_are_columns_or_values():
    both = np.column_stack([PRICE, -2 * PRICE])
    one = TabularRegressor(**QUICK).fit(FRAME, both)
    two = TabularRegressor(**QUICK).fit(FRAME.assign(a=both[:, 0], b=both[:, 1]), ["a", "b"])
    assert one.predict(FRAME).shape == (M, 2)
    np.testing.assert_array_equal(one.predict(FRAME), two.predict(FRAME))


def test_saved_and_loaded_it_is_an_estimator_again(tmp_path):
    fitted = TabularClassifier(**QUICK, dropout=0.2, categorical=["flag"]).fit(FRAME, TABLE.kind)
    fitted.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert isinstance(loaded, TabularClassifier)
    np.testing.assert_array_equal(loaded.predict_proba(FRAME), fitted.predict_proba(FRAME))
    assert loaded.get_params()["dropout"] == 0.2
    assert loaded.get_params()["categorical"] == ("flag",)
    assert loaded.schema_ == fitted.schema_
    again = clone(loaded).set_params(max_iter=40).fit(FRAME, TABLE.kind)
    assert again.model_.parameters.theta.tobytes() == fitted.model_.parameters.theta.tobytes()


def test_in_cross_validation():
    scores = cross_val_score(TabularRegressor(**QUICK), FRAME, PRICE, cv=3)
    assert scores.min() > 0.7


@pytest.mark.parametrize(
    ("X", "y", "words"),
    [
        ("t.csv", np.zeros(3), "y is the name of its column"),
        (FRAME, None, "requires y to be passed"),
        (FRAME, "nothing", "No column 'nothing'"),
        (FRAME, np.zeros(3), "inconsistent numbers of samples"),
        (FRAME, np.where(np.arange(M) == 7, np.nan, 1.0), "row 7, counted from 0, has nan, no value"),
    ],
    ids=["values beside a path", "no target", "unknown", "other length", "a gap"],
)
def test_what_cannot_be_fitted_is_said(X, y, words):
    with pytest.raises(ValueError, match=words):
        TabularRegressor(**QUICK).fit(X, y)


def rare(m=600):
    """A class of one in ten, whose probability rises with x."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=m)
    return pd.DataFrame(
        {"x": x, "c": rng.choice(list("abc"), m), "y": np.where(rng.random(m) < 0.2 / (1 + np.exp(-2 * x)), 1, 0)}
    )


@pytest.mark.parametrize("memory", [None, "1GB"])
@pytest.mark.parametrize("weight", ["balanced", {1: 9.0}, {"1": 9.0}], ids=["balanced", "numbers", "texts"])
def test_class_weights_move_the_mean_probability_to_where_classes_weigh_alike(weight, memory, tmp_path):
    """With classes of the same total weight, a model without features to learn from says one half."""
    table, path = rare().assign(x=0.5), tmp_path / "t.parquet"
    table["x"] += np.arange(len(table)) % 2  # says nothing of y
    table[["x", "y"]].to_parquet(path)
    plain = TabularClassifier(**QUICK, memory=memory).fit(str(path), "y").predict_proba(str(path))[:, 1]
    moved = TabularClassifier(**QUICK, class_weight=weight, memory=memory).fit(str(path), "y")
    share = table.y.mean()
    expected = 0.5 if weight == "balanced" else 9 * share / (9 * share + 1 - share)
    assert plain.mean() == pytest.approx(share, abs=0.03)
    assert moved.predict_proba(str(path))[:, 1].mean() == pytest.approx(expected, abs=0.06)


def test_class_weights_are_those_of_the_classifier_on_the_same_matrix():
    """The weights alone differ from 1 / (K share), and only by what makes their mean 1."""
    objective, target = Objective(class_weight="balanced"), Target(("y",), "classification", "", (0, 1))
    weights = np.array(objective.class_weights(target, np.array([0.9, 0.1])))
    assert weights[1] / weights[0] == pytest.approx(9)
    assert weights @ [0.9, 0.1] == pytest.approx(1)


@pytest.mark.parametrize("memory", [None, "1GB"])
def test_categories_as_vectors(memory, tmp_path):
    path = tmp_path / "t.parquet"
    TABLE.to_parquet(path)
    fitted = TabularRegressor(**QUICK, embedding_size=2, drop=["kind"], memory=memory).fit(str(path), "price")
    (embedding,) = fitted.model_.architecture.embeddings
    assert (embedding.levels, embedding.size) == (4, 2)  # three colours, and all others
    assert fitted.evaluate(str(path))["r2"] > 0.8
    fitted.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert loaded.get_params()["embedding_size"] == 2
    np.testing.assert_array_equal(loaded.predict(str(path)), fitted.predict(str(path)))


def test_counts_are_learned_in_their_own_units():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 800)
    y = rng.poisson(np.exp(1 + 2 * x))
    fitted = TabularRegressor(**QUICK, loss="poisson", learning_rate_init=0.01).fit({"x": x}, y)
    assert fitted.predict({"x": np.array([0.0, 1.0])}) == pytest.approx(np.exp([1.0, 3.0]), rel=0.2)
    assert (fitted.model_.target.centre, fitted.model_.target.scale) == ((0.0,), (1.0,))
    assert fitted.baselines_["baseline: mean"]["rmse"] == pytest.approx(y.std(), rel=0.4)


def test_a_quantile_has_its_share_below_it():
    rng = np.random.default_rng(0)
    table, y = {"x": rng.normal(size=2000)}, rng.exponential(size=2000) * 100
    fitted = TabularRegressor(**QUICK, loss="quantile", quantile=0.8, learning_rate_init=0.01).fit(table, y)
    assert (y <= fitted.predict(table)).mean() == pytest.approx(0.8, abs=0.04)


@pytest.mark.parametrize(
    ("kind", "asked", "words"),
    [
        (TabularClassifier, {"loss": "poisson"}, "loss='poisson' is none for classification"),
        (TabularClassifier, {"loss": "hinge"}, "has no probabilities"),
        (TabularClassifier, {"gamma": 2.0}, "gamma has no effect with loss='log_loss'"),
        (TabularRegressor, {"loss": "huber", "power": 1.5}, "power has no effect with loss='huber'"),
        (TabularClassifier, {"class_weight": "balance"}, "Did you mean 'balanced'"),
        (TabularClassifier, {"class_weight": {"c": 2}}, "'c', which is no class of y"),
        (TabularClassifier, {"hidden_layer_sizes": -1}, "hidden_layer_sizes"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(kind, asked, words):
    with pytest.raises(ValueError, match=words):
        kind(**QUICK | asked).fit(FRAME, TABLE.kind if kind is TabularClassifier else PRICE)


def test_every_setting_is_reachable_from_the_command(tmp_path):
    path, model = tmp_path / "t.csv", tmp_path / "m.safetensors"
    rare().to_csv(path, index=False)
    more = ["--loss", "focal", "--class-weight", "1=3", "--embedding-size", "auto", "--set", "gamma=1.5"]
    more += ["--set", "clipnorm=1", "--set", "dropout_input=0.1", "--set", "kernel_initializer=he_normal"]
    main(["train", str(path), "-t", "y", "-m", str(model), "-q", "--epochs", "3", *more], standalone_mode=False)
    loaded = load(model)
    assert loaded.model_.architecture.loss.pair == "sigmoid + binary_focal"
    assert loaded.model_.architecture.loss.parameters == {"gamma": 1.5}
    assert len(loaded.model_.architecture.embeddings) == 1
    assert loaded.model_.training["settings"].items() >= {"clipnorm": 1, "kernel_initializer": "he_normal"}.items()
    asked = {"class_weight": {"1": 3.0}, "gamma": 1.5, "loss": "focal", "embedding_size": "auto", "clipnorm": 1}
    assert loaded.get_params().items() >= asked.items()


@pytest.mark.parametrize("kind", [TabularClassifier, TabularRegressor])
def test_it_is_traced_and_checked_as_other_models_are(kind):
    y = TABLE.kind if kind is TabularClassifier else PRICE
    name = "kind" if kind is TabularClassifier else "price"
    fitted = kind(**QUICK).fit(FRAME, y)
    values = trace(fitted, FRAME.iloc[:5], y[:5])
    named = trace(kind(**QUICK, drop=[{"kind": "price", "price": "kind"}[name]]).fit(TABLE, name), TABLE.iloc[:5], name)
    np.testing.assert_array_equal(values.dW[1], named.dW[1])
    assert values.inputs == fitted.model_.encoder.feature_names
    assert gradcheck(fitted, FRAME.iloc[:20], y[:20]).ok


def test_a_score_is_of_the_column_that_is_named():
    """Not of the target's own, whatever its name was when it was given as values."""
    fitted = TabularRegressor(**QUICK).fit(FRAME, PRICE)
    table = FRAME.assign(price=PRICE, noise=RNG.normal(size=M), y=0.0)
    assert fitted.score(table, "price") == pytest.approx(fitted.score(FRAME, PRICE))
    assert fitted.score(table, "noise") < 0
    with pytest.raises(ValueError, match="No column 'nosuch'"):
        fitted.score(table, "nosuch")
    with pytest.raises(ValueError, match="sample_weight goes with values of y"):
        fitted.score(table, "price", sample_weight=np.ones(M))


def test_a_failed_fit_leaves_the_estimator_as_it_was():
    fitted = TabularRegressor(**QUICK).fit(FRAME, PRICE)
    before = fitted.predict(FRAME)
    for X, y, changed in ((FRAME.assign(more=1.0), np.full(M, np.nan), {}), (FRAME, PRICE, {"solver": "adamm"})):
        with pytest.raises(ValueError, match=r"no value|adamm"):
            fitted.set_params(**changed).fit(X, y)
        assert fitted.n_features_in_ == 5
        np.testing.assert_array_equal(fitted.predict(FRAME), before)


def test_sources_are_predicted_from_as_they_are_fitted_on(tmp_path):
    dask, pyarrow = pytest.importorskip("dask.dataframe"), pytest.importorskip("pyarrow.dataset")
    path = tmp_path / "t.parquet"
    TABLE.to_parquet(path)
    fitted = TabularClassifier(**QUICK, drop=["price"]).fit(str(path), "kind")
    expected = fitted.predict_proba(TABLE)
    for source in (str(path), pyarrow.dataset(path), dask.read_parquet(path), f"SELECT * FROM '{path}'"):
        np.testing.assert_array_equal(fitted.predict_proba(source), expected)
        assert fitted.score(source, "kind") == fitted.score(TABLE, "kind")


def test_memory_is_for_what_is_not_in_memory():
    one = TabularRegressor(**QUICK, memory="1GB").fit(FRAME, PRICE).predict(FRAME)
    np.testing.assert_array_equal(one, TabularRegressor(**QUICK).fit(FRAME, PRICE).predict(FRAME))


def test_the_target_of_an_array_is_a_column_by_position():
    X = RNG.normal(size=(300, 3))
    X[:, 1] = 3 * X[:, 0]
    fitted = TabularRegressor(**QUICK).fit(X, 2)
    assert fitted.model_.target.names == ("x1",)
    assert fitted.score({f"x{k}": X[:, k] for k in range(3)}, "x1") > 0.9


def test_a_loaded_estimator_is_fitted_again_as_it_was(tmp_path):
    """Also to another number of rows, for which the recipe has other batches."""
    fitted = TabularRegressor(**QUICK, test_size=0.3, beta_1=0.8).fit(FRAME, PRICE)
    fitted.save(tmp_path / "m.safetensors")
    loaded = load(tmp_path / "m.safetensors")
    assert loaded.get_params() == fitted.get_params() | {"hidden_layer_sizes": (16,)}


@pytest.mark.parametrize("memory", [None, "1GB"])
def test_targets_that_a_loss_is_not_defined_for_are_refused_wherever_the_rows_are(memory, tmp_path):
    """Also if their mean is one that it is defined for."""
    path = tmp_path / "t.parquet"
    pd.DataFrame({"x": np.arange(300) % 7 / 2, "y": np.where(np.arange(300) % 10, 3.0, -1.0)}).to_parquet(path)
    with pytest.raises(ValueError, match=r"targets must be at least 0, got -1\.0"):
        TabularRegressor(**QUICK, loss="poisson", memory=memory).fit(str(path), "y")


def test_class_weights_start_the_last_bias_at_the_same_place_wherever_the_rows_are(tmp_path):
    path = tmp_path / "t.parquet"
    rare().to_parquet(path)
    asked = QUICK | {"learning_rate_init": 1e-12, "max_iter": 1, "kernel_initializer": "zeros", "test_size": 0.2}
    said = [
        TabularClassifier(**asked, class_weight={0: 1, 1: 5}, memory=memory)
        .fit(str(path), "y")
        .predict_proba(str(path))
        for memory in (None, "1GB")
    ]
    np.testing.assert_allclose(*said, atol=0.01)  # in memory it is the share of the training rows alone


@pytest.mark.parametrize("value", [[0.1, 0.9], "a", True])
def test_parameters_of_losses_are_numbers(value):
    with pytest.raises(ValueError, match="quantile must be a number"):
        TabularRegressor(**QUICK, loss="quantile", quantile=value).fit(FRAME, PRICE)


def test_verbose_prints_the_loss_of_every_epoch(capsys):
    reg = TabularRegressor(**QUICK, alpha=0.01, verbose=True).fit(TABLE.drop(columns="kind"), "price")
    losses = [f"loss = {loss:.8f}" for loss in reg.history_["running_total"]]
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == reg.n_iter_
    assert [line.split(", ")[1] for line in lines] == losses
