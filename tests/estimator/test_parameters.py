"""Every parameter out of range, of a wrong type or mistyped is refused by name; an idle one warns."""

import re

import numpy as np
import pytest
from sklearn.base import clone

from chainrule import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from chainrule._errors import ChainruleError, ChainruleWarning, InvalidParameterError, nearest
from chainrule.fit.parameters import CONSTRAINTS
from chainrule.network.activations import ACTIVATIONS, ALIASES

ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]
X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)

RATE = [-0.1, 1.0, 1.5, "0.5", None, np.nan, True]
NOT_NEGATIVE = [-1e-9, "1", None, np.nan, np.inf, True, [1.0]]
POSITIVE = [*NOT_NEGATIVE, 0, 0.0]
COUNT = [0, -1, 2.0, "3", None, True, np.nan]
FLAG = [1, 0, "yes", None]
WORD = ["", "nothing like it", 3, None, True, ["adam"]]
WRONG = {
    "hidden_layer_sizes": [0, -1, (5, 0), (5, -1), 2.5, (2.5,), None, "10", ("10",), True, (True,), [[5]]],
    "solver": WORD,
    "alpha": NOT_NEGATIVE,
    "batch_size": [0, -1, 2.5, None, "all", True],
    "learning_rate": WORD,
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "max_iter": COUNT,
    "shuffle": FLAG,
    "random_state": [-1, 1.5, "seed", True, np.nan],
    "tol": NOT_NEGATIVE,
    "verbose": [-1, 1.5, "yes", None],
    "warm_start": FLAG,
    "momentum": RATE,
    "nesterovs_momentum": FLAG,
    "early_stopping": [*FLAG, "automatic"],
    "validation_fraction": [0, -1, -0.1, 1.0, 1.5, "0.5", None, np.nan, True],
    "scoring": ["los", "", 3, True, ["accuracy"]],
    "class_weight": ["balance", 3, True, [1, 2], {0: -1}, {0: "1"}, {7: 2}],
    "class_weight_val": FLAG,
    "beta_1": RATE,
    "beta_2": RATE,
    "epsilon": POSITIVE,
    "n_iter_no_change": COUNT,
    "max_fun": COUNT,
    "l1_ratio": [-0.1, 1.1, "0.5", None, np.nan, True],
    "alpha_scaling": WORD,
    "dropout": [-0.1, 1.0, (0.5, 1.0), "0.5", None, np.nan, True],
    "dropout_input": RATE,
    "weight_decay": [-1e-9, "1", np.nan, True],
    "rho": RATE,
    "warmup_steps": [-1, 1.5, "1", None, True],
    "clipnorm": [0, -1.0, "1", np.nan, True],
    "clipvalue": [0, -1.0, "1", np.nan, True],
    "kernel_initializer": [*WORD, [], [["zeros"]], ["zeros", 3]],
    "bias_initializer": [*WORD, [], [["zeros"]], ["zeros", 3]],
    "restore_best_weights": FLAG,
    "record_loss": FLAG,
    "on_divergence": WORD,
    "check_derivatives": FLAG,
    "engine": WORD,
    "n_threads": [0, -1, 1.5, "2", True],
    "callbacks": [3, "print", [3], ..., [print, None]],
    "categorical_features": ["all", "from_dtypes", 1, True, {"a": 1}],
    "embedding_size": [0, -1, 2.5, "big", None, True, {"a": 0}, {"a": "auto"}],
    "scale": FLAG,
    "missing": WORD,
    "standardize_target": [1, 0, "yes", None],
    "label_smoothing": RATE,
    "gamma": NOT_NEGATIVE,
    "delta": POSITIVE,
    "quantile": [0, *RATE, [], [0.9, 0.1], [0.5, 0.5], (0.0, 0.5), [0.5, 1.0], [0.5, "0.9"], [0.5, np.nan], [[0.5]]],
    "power": [0.99, -1, "2", None, np.nan, True],
    "loss": [*WORD, (50,)],
    "activation": ["", "nothing like it", 3, None, True, ("relu", "tanh"), ("relu", {"slope": 1}), []],
}


def _owners(name):
    return [kind for kind in ESTIMATORS if name in kind().get_params()]


def test_every_parameter_is_tested_and_constrained():
    parameters = set().union(*(kind().get_params() for kind in ESTIMATORS))
    assert parameters == set(WRONG)
    assert parameters - set(CONSTRAINTS) == {"loss", "activation", "scoring", "class_weight"}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]], ids=str)
def test_wrong_values_are_refused_by_name(name, value):
    for kind in _owners(name):
        with pytest.raises(InvalidParameterError) as caught:
            kind(**{name: value}).fit(X, Y)
        assert name in str(caught.value)
        assert isinstance(caught.value, ValueError | TypeError)
        assert isinstance(caught.value, ChainruleError)


def test_the_sentence_says_what_must_hold_and_what_came():
    with pytest.raises(InvalidParameterError) as caught:
        MLPClassifier(momentum=1.5).fit(X, Y)
    assert str(caught.value) == (
        "The 'momentum' parameter of MLPClassifier must be a number at least 0 and below 1. Got 1.5 instead."
    )


@pytest.mark.parametrize(
    ("name", "typed", "meant"),
    [
        ("solver", "adm", "adam"),
        ("solver", "lbgfs", "lbfgs"),
        ("solver", "gradient-descent", "gradient_descent"),
        ("learning_rate", "onecycle", "one_cycle"),
        ("activation", "rellu", "relu"),
        ("activation", "leakyrelu", "leaky_relu"),
        ("kernel_initializer", "he_norml", "he_normal"),
        ("bias_initializer", "zero", "zeros"),
        ("alpha_scaling", "means", "mean"),
        ("on_divergence", "warning", "warn"),
        ("engine", "refrence", "reference"),
        ("loss", "logloss", "log_loss"),
        ("batch_size", "Auto", "auto"),
    ],
)
def test_typos_get_the_nearest_word(name, typed, meant):
    with pytest.raises(InvalidParameterError, match=f"Did you mean '{meant}'"):
        MLPClassifier(**{name: typed}).fit(X, Y)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_typo_in_any_word_gets_the_nearest_one(kind):
    """For every parameter that takes words, every word with its last letter lost."""
    words = {name: re.findall("'(\\w+)'", said) for name, (_, said) in CONSTRAINTS.items()}
    words |= {"loss": list(kind._loss_parameters), "activation": [*ACTIVATIONS, *ALIASES]}
    for name, valid in words.items():
        if name not in kind().get_params():
            continue
        for word in set(valid) - {"exponential", "softmax"}:
            typed = word[:-1] + "q"
            with pytest.raises(InvalidParameterError, match="Did you mean '") as caught:
                kind(**{name: typed}).fit(X, Y)
            assert nearest(typed, valid) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("activation", ("leaky_relu", {"negative_slop": 0.1}), "negative_slope"),
        ("activation", ["tanh", ("elu", {"alfa": 1.0})], "alpha"),
        ("activation", ["tanh", "rellu"], "relu"),
        ("activation", ("formula", {"g": "z", "g_prim": "1"}), "g_prime"),
        ("kernel_initializer", ("truncated_normal", {"stdev": 0.1}), "stddev"),
        ("kernel_initializer", ("truncated_norml", {"stddev": 0.1}), "truncated_normal"),
        ("kernel_initializer", ["zeros", ("orthogonal", {"gian": 2.0}), "zeros"], "gain"),
        ("bias_initializer", ["zeros", "ones", "constnt"], "constant"),
    ],
    ids=str,
)
def test_typos_inside_pairs_and_lists(name, value, meant):
    with pytest.raises(InvalidParameterError, match=f"Did you mean '{meant}'"):
        MLPRegressor((3, 3), **{name: value}).fit(X, Y)


def test_typo_in_a_loss_for_numbers():
    with pytest.raises(InvalidParameterError, match="Did you mean 'squared_error'"):
        MLPRegressor(loss="squarederror").fit(X, Y)


@pytest.mark.parametrize("loss", ["log_loss", "hinge", "binary_cross_entropy"])
def test_losses_for_classes_are_not_for_numbers(loss):
    with pytest.raises(InvalidParameterError, match="'loss' parameter of MLPRegressor"):
        MLPRegressor(loss=loss).fit(X, Y)


def test_parameters_are_checked_by_partial_fit_too():
    with pytest.raises(InvalidParameterError, match="'momentum'"):
        MLPClassifier(momentum=2).partial_fit(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": np.float32(0.1), "max_iter": np.int64(2), "shuffle": np.bool_(True)},
        {"hidden_layer_sizes": np.array([3, 2]), "dropout": np.array([0.1, 0.2])},
        {"hidden_layer_sizes": range(2, 5), "max_iter": 2},
        {"n_iter_no_change": np.inf, "max_iter": 2},
        {"random_state": np.random.RandomState(0), "verbose": 0, "max_iter": 2},
        {"l1_ratio": 1, "tol": 0, "alpha": 1, "max_iter": 2},
        {"activation": ("leaky_relu", {"negative_slope": 0.2}), "max_iter": 2},
        {"activation": ["relu", ("elu", {"alpha": 0.5})], "hidden_layer_sizes": [3, 3], "max_iter": 2},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_numpy_numbers_and_lists_are_fine(settings):
    MLPRegressor(**({"max_iter": 2} | settings)).fit(X, Y)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden_layer_sizes": (3, 3), "dropout": [0.1, 0.1, 0.1]}, "one for each of the 2 hidden layers"),
        ({"hidden_layer_sizes": (3, 3), "activation": ["relu"]}, "one for each of the 2 hidden layers"),
        ({"solver": "lbfgs", "dropout": 0.1}, "set dropout to 0 or choose 'adam'"),
        ({"solver": "lbfgs", "dropout_input": 0.1}, "set dropout to 0 or choose 'adam'"),
    ],
    ids=str,
)
def test_parameters_that_do_not_fit_together(settings, words):
    with pytest.raises(ValueError, match=words):
        MLPRegressor(**settings).fit(X, Y)


IDLE = [
    ({"solver": "adam", "momentum": 0.5}, "momentum"),
    ({"solver": "adam", "nesterovs_momentum": False}, "nesterovs_momentum"),
    ({"solver": "sgd", "beta_1": 0.5, "beta_2": 0.5}, "beta_1, beta_2"),
    ({"solver": "sgd", "epsilon": 1e-6}, "epsilon"),
    ({"solver": "adam", "rho": 0.5}, "rho"),
    ({"solver": "adam", "max_fun": 10}, "max_fun"),
    ({"solver": "gradient_descent", "batch_size": 10}, "batch_size"),
    ({"solver": "lbfgs", "batch_size": 10}, "batch_size"),
    ({"solver": "lbfgs", "learning_rate": "cosine"}, "learning_rate"),
    ({"solver": "lbfgs", "learning_rate_init": 0.1}, "learning_rate_init"),
    ({"solver": "lbfgs", "warmup_steps": 3}, "warmup_steps"),
    ({"solver": "lbfgs", "clipnorm": 1.0, "clipvalue": 1.0}, "clipnorm, clipvalue"),
    ({"solver": "lbfgs", "weight_decay": 0.1}, "weight_decay"),
    ({"power_t": 0.3}, "power_t"),
    ({"validation_fraction": 0.2}, "validation_fraction"),
    ({"scoring": "r2"}, "scoring"),
    ({"embedding_size": 3}, "embedding_size"),
    ({"solver": "gradient_descent", "shuffle": False}, "shuffle"),
    ({"solver": "sgd", "momentum": 0.0, "nesterovs_momentum": False}, "nesterovs_momentum"),
    ({"alpha": 0.0, "l1_ratio": 0.5, "alpha_scaling": "batch"}, "l1_ratio, alpha_scaling"),
    ({"engine": "reference", "n_threads": 2}, "n_threads"),
    ({"power_t": 0.3, "rho": 0.5}, "rho, power_t"),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("settings", "names"), IDLE, ids=str)
def test_d31_parameters_without_effect_warn(settings, names):
    with pytest.warns(ChainruleWarning, match=f"^{names}: no effect with"):
        MLPRegressor((3,), max_iter=2, **settings).fit(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("model", "name"),
    [
        (MLPRegressor((3,), max_iter=2, delta=2.0), "delta"),
        (MLPRegressor((3,), max_iter=2, loss="huber", quantile=0.9, power=1.7), "power, quantile"),
        (MLPClassifier((3,), max_iter=2, gamma=1.0), "gamma"),
        (MLPClassifier((3,), max_iter=2, loss="hinge", label_smoothing=0.1), "label_smoothing"),
        (LinearRegressor(max_iter=2, loss="quantile", power=1.2), "power"),
        (LinearClassifier(max_iter=2, loss="focal", label_smoothing=0.1), "label_smoothing"),
    ],
    ids=range(6),
)
def test_d31_parameters_of_another_loss_warn(model, name):
    with pytest.warns(ChainruleWarning, match=f"^{name}: no effect with loss="):
        model.fit(X, Y)


@pytest.mark.filterwarnings("error::chainrule._errors.ChainruleWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_parameters_of_the_chosen_loss_do_not_warn():
    MLPRegressor((3,), max_iter=2, loss="pinball", quantile=0.9).fit(X, Y)
    MLPClassifier((3,), max_iter=2, loss="focal", gamma=1.0).fit(X, Y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("schedule", ["invscaling", "adaptive", "cosine", "one_cycle", "plateau"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "gradient_descent", "rmsprop"])
def test_d31_schedules_work_for_every_stepping_solver(schedule, solver):
    """scikit-learn follows them for "sgd" only, and says nothing."""
    settings = {"learning_rate_init": 0.1, "max_iter": 8, "n_iter_no_change": 2, "tol": 1e9, "random_state": 0}
    model = MLPRegressor((3,), solver=solver, learning_rate=schedule, **settings).fit(X, Y)
    assert len(np.unique(model.history_["learning_rate"])) > 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_batches_larger_than_the_table_are_said():
    with pytest.warns(ChainruleWarning, match="batch_size=100 is more than the 40 rows"):
        MLPRegressor((3,), batch_size=100, max_iter=1).fit(X, Y)


SPECIALS = {
    "hidden_layer_sizes": [4, 3],
    "activation": [("leaky_relu", {"negative_slope": 0.2}), "tanh"],
    "dropout": [0.1, 0.2],
    "random_state": np.random.RandomState(0),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_d41_parameters_are_kept_as_given():
    model = MLPRegressor(max_iter=2, **SPECIALS)
    for _ in range(2):
        for name, value in SPECIALS.items():
            assert getattr(model, name) is value
            assert model.get_params()[name] is value
        model.fit(X, Y)
    assert SPECIALS["activation"] == [("leaky_relu", {"negative_slope": 0.2}), "tanh"]
    assert SPECIALS["hidden_layer_sizes"] == [4, 3]


@pytest.mark.parametrize("sizes", [(4, 3), [4, 3], 5, ()], ids=str)
@pytest.mark.parametrize("activation", ["tanh", ("leaky_relu", {"negative_slope": 0.2}), ["relu", "tanh"]], ids=str)
def test_d41_clones_have_equal_parameters(sizes, activation):
    model = MLPClassifier(sizes, activation=activation, dropout=[0.1, 0.2])
    twin = clone(model)
    assert twin.get_params() == model.get_params()
    assert type(twin.hidden_layer_sizes) is type(sizes)
    assert not hasattr(clone(model), "classes_")


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_d41_the_constructor_checks_and_fits_nothing(kind):
    model = kind(solver="nonsense", alpha="none")
    assert model.get_params()["solver"] == "nonsense"
    assert set(vars(model)) == set(model.get_params())


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_repr_shows_what_was_changed(kind):
    assert repr(kind()) == f"{kind.__name__}()"
    assert repr(kind(alpha=0.5)) == f"{kind.__name__}(alpha=0.5)"
