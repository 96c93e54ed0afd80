"""The parameters and attributes the estimators share, written once and put into each docstring where it says so."""

from __future__ import annotations

import textwrap
from typing import TypeVar

Class = TypeVar("Class", bound=type)

_SHARED = """
alpha : float, default=0.0001
    Strength of the penalty on the weights. It depends neither on the batch size nor on the scale of the weights of
    the rows; biases are never penalised.
l1_ratio : float, default=0.0
    Share of L1 in the penalty; its proximal step takes weights to exactly 0.
"""

_TRAINING = """
batch_size : int or "auto", default="auto"
    Rows per step; "auto" is min(200, n_samples). A short last batch has its own mean, and weighs by its rows in the
    reported loss. Full-batch solvers use all rows.
learning_rate : str, default="constant"
    "constant"; "invscaling" by `power_t`; "adaptive", divided by 5 after `n_iter_no_change` epochs without improvement;
    "plateau", divided by 10 after half of them; "cosine" and "one_cycle" over the `max_iter` epochs planned.
learning_rate_init : float, default=0.001
    Initial (for "one_cycle" the highest) learning rate.
max_iter : int, default={max_iter}
    Maximum number of epochs; for "lbfgs" of iterations.
shuffle : bool, default=True
    Visit the rows in a new order every epoch.
random_state : int, RandomState or None, default=None
    Decides initial weights, orders, the validation split and dropout masks. The same number gives the same bits.
tol : float, default={tol}
    An epoch that lowers the loss by no more counts as without improvement; for "lbfgs" the largest entry of the
    gradient at the solution, relative to that of the best constant answer and for inputs of deviation 1.
verbose : bool, default=False
    Print the loss of every epoch.
warm_start : bool, default=False
    Let `fit` go on from the last weights, optimiser state and validation split.
momentum : float, default=0.9
    Of "sgd".
early_stopping : bool or "auto", default=False
    Hold out `validation_fraction` of the rows and stop when they stop improving by what `scoring` says. Rows are
    drawn at random, at least two; every class, or every tenth of the range of y (of its first column), gives its share.
    Where three quarters of the rows or more are distinct, identical rows stay on the same side. "auto" does so with
    more than 10,000 rows.
validation_fraction : float or int, default=0.1
    Share or number of the rows to hold out.
scoring : str, callable or None, default="loss"
    What the validation rows are judged by: the "loss", a scorer's name or a callable (estimator, X, y), higher is
    better; None is the estimator's `score`.
n_iter_no_change : int, default=10
    Stop after exactly so many epochs in a row without improvement.
weight_decay : float, default=None
    Decoupled: a step multiplies W by 1 - rate weight_decay. None is 0.01 for "adamw", else 0.
clipnorm : float, default=None
    Clip the L2 norm of the gradient to this.
check_derivatives : bool, default=True
    Before training check an activation or a loss of your own against finite differences. A wrong derivative raises,
    with a point that shows it, and so does one that changes the shape or type of its argument, writes into it,
    or is not finite on [-20, 20].
engine : {{"auto", "native", "reference"}}, default="auto"
    Compute backend; "auto" is the fastest one installed. All give the same numbers.
n_threads : int, default=None
    At most so many threads; None leaves it to the cost model, which uses more than one only where that pays. Never more
    than the affinity mask or OMP_NUM_THREADS grant. The bits do not depend on it.
callbacks : callback or list of callbacks, default=None
    Objects with any of `on_fit_begin(ctx)`, `on_epoch_begin(ctx)`, `on_batch_end(ctx)`, `on_epoch_end(ctx)` and
    `on_fit_end(ctx)`; a plain function stands for `on_epoch_end`. `ctx` says where training is and sets the learning
    rate (`chainrule.callbacks.Context`). A hook of an epoch or batch that returns True stops training; an error that
    one raises ends it. `on_batch_end` comes about every 0.1 s, after many batches, unless the object has
    `every_batch = True`; for "lbfgs" an epoch is an iteration, and there are no batches. Saving a model leaves
    callbacks out. Ready to use: `chainrule.callbacks`.
"""

_MLP = """
hidden_layer_sizes : int or sequence of int, default=(100,)
    Units of each hidden layer; () is a linear model. The only positional parameter.
activation : str, tuple, object or list, default="relu"
    "identity", "sigmoid" (alias "logistic"), "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu" (alias
    "swish"), "softplus", "mish", "hard_tanh"; with parameters as ("leaky_relu", {"negative_slope": 0.2}). One of your
    own: a formula, "z * sigmoid(z)", differentiated by rules; a pair (g, g_prime) of formulas or of functions of
    arrays; an object with forward(Z) -> A and backward(Z, A, dA) -> dZ. A list has one entry per hidden layer.
solver : str, default="adam"
    "gradient_descent" (all rows a step, as in the source), "sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad",
    "lbfgs".
"""

_MLP_ONLY = """
power_t : float, default=0.5
    Exponent of "invscaling".
nesterovs_momentum : bool, default=True
    Look ahead along the momentum, with "sgd".
beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
    Of "adam", "adamw", "nadam"; epsilon also of "rmsprop" and "adagrad".
rho : float, default=0.99
    Of "rmsprop".
max_fun : int, default=15000
    Maximum number of evaluations of the cost, with "lbfgs".
alpha_scaling : {"mean", "batch"}, default="mean"
    "batch" divides `alpha` by the batch size, as scikit-learn does.
dropout : float or list of float, default=0.0
    Share of units removed while training, for all hidden layers or for each. Not for "lbfgs".
dropout_input : float, default=0.0
    Share of inputs removed while training.
warmup_steps : int, default=0
    The learning rate grows linearly over the first steps.
clipvalue : float, default=None
    Clip every entry of the gradient to this size.
kernel_initializer, bias_initializer : str, (str, dict), callable or list, default="auto"
    "glorot_uniform", "glorot_normal", "he_...", "lecun_...", "orthogonal" (gain), "random_normal" and
    "truncated_normal" (mean, stddev), "random_uniform" (minval, maxval), "constant" (value), "ones", "zeros"; with
    parameters as ("truncated_normal", {"stddev": 0.1}). A function of (shape, rng), a NumPy generator, returns what
    `coefs_` or `intercepts_` show of a layer. A list has one entry per layer, the output included. "auto" is
    glorot_uniform for weights, lecun_normal into selu; biases start at 0, but those of the outputs where they predict
    the mean target (the shares of the classes), which no epoch is then spent on.
restore_best_weights : bool, default=True
    Keep the weights of the best monitored epoch, whatever the reason to stop. Monitored is what `scoring` says of the
    validation rows with `early_stopping`, else the running training loss.
record_loss : bool, default=False
    Also record the exact training loss at every epoch.
on_divergence : {"raise", "warn"}, default="raise"
    What to do when a loss or gradient stops being finite; "warn" keeps the best weights before it.
categorical_features : "from_dtype", list of str or int, mask or None, default=None
    The columns whose values are levels, each learned as a vector (embedding). "from_dtype" takes the categorical, enum
    and string columns of a data frame; None takes no column. A list names columns, or gives their numbers, also of
    an array. Values count by their spelling, however stored: 3, 3.0 and "3" are one level, and so is 0.1 in
    float32 and float64 (any decimal of up to six digits); True is another than 1. None, NaN, NaT and NA are missing; of
    the texts of a table in memory none is, not even "nan" or "(missing)". Levels that are rare in training (fewer than
    10 rows, or 1 % of them but at least 2) share one vector, which is also that of levels never seen; where none was
    rare, it stays 0. Any columns encoded, sparse X is refused.
embedding_size : int, "auto" or dict, default="auto"
    Entries of the vectors, also as {column: size}; the rest is "auto": 1.6 levels^0.56, at most 600, and for two
    levels, none of them rare, a single input of 0 or 1 (0.5 if never seen), which says as much.
scale : bool, default=False
    Standardise the columns of numbers, (x - mean) / deviation, outliers beyond about 4 deviations compressed by
    x / sqrt(1 + (x/4)^2). True and False are the numbers 1 and 0. X is copied.
missing : {"error", "impute"}, default="error"
    "impute" takes NaN, None and NA: in numbers the median stands for them, and where training had some, a further input
    of 0 or 1 says so; of levels "missing" is one of its own, if training had it. Medians, deviations and levels are
    those of the training rows, where weight 0 is no row and weight k is k copies (weights below 1 on average are first
    scaled up to it); in `partial_fit` those of the first call, with `warm_start=True` those of the first fit.
"""

_LINEAR_SOLVER = """
solver : str, default="lbfgs"
    "lbfgs", "gradient_descent" (as in the source), "sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad".
"""

_ATTRIBUTES = """
coefs_, intercepts_ : list of ndarray
    Weights (n[l-1], n[l]) and biases (n[l],) of each layer.
history_ : History
    What every epoch measured, `history_.final`, and why training stopped.
stop_reason_ : StopReason
    Why training stopped; in words `history_.stop_sentence`, with its numbers in `history_.stop_numbers`.
best_epoch_ : int or None
n_iter_, t_ : int
    Epochs (iterations) and rows seen, those before a warm start included.
loss_ : float
    The cost J of the fitted model on the training rows, penalty included, dropout off. Like `history_`, `data_loss` and
    `tol` it is in units of the standardised target where `MLPRegressor` standardises it.
loss_curve_ : list of float
    The running cost of every epoch.
best_loss_ : float, or None with `early_stopping`
validation_scores_, best_validation_score_ : list of float and float, or None
    Accuracy or R² on the validation rows, or what `scoring` says of them.
n_layers_, n_outputs_, out_activation_ : int, int, str
network_ : TrainedNetwork
    Architecture, weights and optimiser as one value.
n_features_in_, feature_names_in_ : int, ndarray of str
"""

_mlp_training = _TRAINING.format(max_iter=200, tol="1e-4")
_SECTIONS = {
    "settings": _MLP + _SHARED + _mlp_training + _MLP_ONLY,
    "linear": _SHARED + _LINEAR_SOLVER + _TRAINING.format(max_iter=1000, tol="1e-9"),
    "attributes": _ATTRIBUTES,
}


def documented(cls: Class) -> Class:
    """Replace {settings}, {linear} and {attributes} in a class docstring by the shared sections."""
    for name, text in _SECTIONS.items():
        section = "\n".join(line for line in text.splitlines() if line)
        cls.__doc__ = (cls.__doc__ or "").replace(f"    {{{name}}}", textwrap.indent(section, "    "))
    return cls
