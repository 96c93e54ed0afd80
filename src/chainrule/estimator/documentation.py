"""The parameters and attributes that estimators share, written once and inserted into each docstring."""

from __future__ import annotations

import textwrap
from typing import TypeVar

Class = TypeVar("Class", bound=type)

_SHARED = """
alpha : float, default=0.0001
    Regularisation strength. It depends neither on the batch size nor on the scale of `sample_weight`; biases are
    never penalised.
l1_ratio : float, default=0.0
    Share of L1 in the penalty; its proximal step sets weights to exactly 0.
"""

_TRAINING = """
batch_size : int or "auto", default="auto"
    Rows per step; "auto" is min(200, n_samples). A short last batch has its own mean; in the reported loss it is
    weighted by its rows. Full-batch solvers use all rows.
learning_rate : str, default="constant"
    "constant"; "invscaling" by `power_t`; "adaptive", divided by 5 after `n_iter_no_change` epochs without improvement;
    "plateau", divided by 10 after half as many; "cosine" and "one_cycle" over the `max_iter` planned epochs.
learning_rate_init : float, default=0.001
    Initial learning rate; for "one_cycle" the highest.
max_iter : int, default={max_iter}
    Maximum number of epochs; for "lbfgs" of iterations.
shuffle : bool, default=True
    Visit the rows in a new order every epoch.
random_state : int, RandomState or None, default=None
    Seed of initial weights, row orders, the validation split and dropout masks. The same number gives the same bits.
tol : float, default={tol}
    An epoch that lowers the loss by no more than this counts as without improvement. For "lbfgs", the largest entry of
    the gradient at the solution, relative to that of the best constant prediction and for inputs of deviation 1.
verbose : bool, default=False
    Print the loss of every epoch.
warm_start : bool, default=False
    Let `fit` continue from the last weights, optimiser state and validation split.
momentum : float, default=0.9
    Momentum of "sgd".
early_stopping : bool or "auto", default=False
    Hold out `validation_fraction` of the rows and stop when `scoring` on them stops improving. At least two rows are
    drawn at random, the same share of every class, or of every tenth of the range of y (of its first column). If at
    least three quarters of the rows are distinct, identical rows stay on the same side of the split. "auto" is True
    with more than 10,000 rows.
validation_fraction : float or int, default=0.1
    Share or number of the rows to hold out.
scoring : str, callable or None, default="loss"
    How the validation rows are scored: "loss", a scorer's name or a callable (estimator, X, y), higher is better;
    None is the estimator's `score`.
n_iter_no_change : int, default=10
    Stop after exactly this many epochs in a row without improvement.
weight_decay : float, default=None
    Decoupled weight decay: a step multiplies W by 1 - rate weight_decay. None is 0.01 for "adamw", else 0.
clipnorm : float, default=None
    Clip the L2 norm of the gradient to this.
check_derivatives : bool, default=True
    Before training, check your own activation or loss against finite differences. An error is raised for a wrong
    derivative, with a point that shows it, and for a function that changes the shape or type of its argument, writes
    into it, or is not finite on [-20, 20].
engine : {{"auto", "native", "reference"}}, default="auto"
    Compute backend; "auto" is the fastest one installed. All give the same numbers.
n_threads : int, default=None
    Maximum number of threads; with None a cost model decides, which uses more than one only if that is faster. The
    affinity mask and OMP_NUM_THREADS are limits, too. The bits do not depend on it.
callbacks : callback or list of callbacks, default=None
    Objects with any of `on_fit_begin(ctx)`, `on_epoch_begin(ctx)`, `on_batch_end(ctx)`, `on_epoch_end(ctx)` and
    `on_fit_end(ctx)`; a plain function is called as `on_epoch_end`. `ctx` shows the state of training and sets the
    learning rate (`chainrule.callbacks.Context`). If an epoch's or batch's hook returns True, training stops; an error
    in a hook ends the fit. `on_batch_end` is called about every 0.1 s, after many batches, unless the object has
    `every_batch = True`; for "lbfgs" an epoch is an iteration, and there are no batches. Callbacks are not saved with a
    model. Ready to use: `chainrule.callbacks`.
"""

_MLP = """
hidden_layer_sizes : int or sequence of int, default=(100,)
    Units of each hidden layer; () is a linear model. The only positional parameter.
activation : str, tuple, object or list, default="relu"
    "identity", "sigmoid" (alias "logistic"), "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu" (alias
    "swish"), "softplus", "mish", "hard_tanh"; with parameters as ("leaky_relu", {"negative_slope": 0.2}). Or your own:
    a formula, "z * sigmoid(z)", differentiated by rules; a pair (g, g_prime) of formulas or of functions of arrays; an
    object with forward(Z) -> A and backward(Z, A, dA) -> dZ. A list has one entry per hidden layer.
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
    Parameters of "adam", "adamw", "nadam"; epsilon also of "rmsprop" and "adagrad".
rho : float, default=0.99
    Decay of "rmsprop".
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
    Clip every entry of the gradient to this absolute value.
kernel_initializer, bias_initializer : str, (str, dict), callable or list, default="auto"
    "glorot_uniform", "glorot_normal", "he_...", "lecun_...", "orthogonal" (gain), "random_normal" and
    "truncated_normal" (mean, stddev), "random_uniform" (minval, maxval), "constant" (value), "ones", "zeros"; with
    parameters as ("truncated_normal", {"stddev": 0.1}). A function of (shape, rng), rng a NumPy generator, returns an
    array as in `coefs_` or `intercepts_`. A list has one entry per layer, including the output. "auto" is
    glorot_uniform for weights, lecun_normal into selu; biases start at 0, but those of the outputs at the values that
    predict the mean target (the shares of the classes), which saves the first epochs.
restore_best_weights : bool, default=True
    Keep the weights of the best epoch, whatever the reason to stop. The best is that with the best `scoring` on the
    validation rows with `early_stopping`, else with the lowest running training loss.
record_loss : bool, default=False
    Also record the exact training loss at every epoch.
on_divergence : {"raise", "warn"}, default="raise"
    What to do when a loss or gradient stops being finite; "warn" keeps the best weights before it.
categorical_features : "from_dtype", list of str or int, mask or None, default=None
    The columns whose values are categories, each learned as a vector (embedding). "from_dtype" takes the categorical,
    enum and string columns of a data frame; None takes no column. A list gives names or numbers of columns; numbers
    also work for an array. Values are compared as text, whatever their type: 3, 3.0 and "3" are one category, and so is
    0.1 in float32 and float64 (any decimal of up to six digits); True is not 1. None, NaN, NaT and NA are missing; no
    text of a table in memory is, not even "nan" or "(missing)". Categories that are rare in training (fewer than 10
    rows, or 1 % of them but at least 2) share one vector with new categories; if none was rare, it stays 0. If columns
    are encoded, sparse X is refused.
embedding_size : int, "auto" or dict, default="auto"
    Entries of the vectors, also as {column: size}; other columns use "auto": 1.6 categories^0.56, at most 600; two
    categories, none of them rare, become a single input of 0 or 1 (0.5 for new ones), which expresses as much.
scale : bool, default=False
    Standardise the columns of numbers, (x - mean) / deviation; outliers beyond about 4 deviations are compressed by
    x / sqrt(1 + (x/4)^2). True and False are the numbers 1 and 0. X is copied.
missing : {"error", "impute"}, default="error"
    "impute" accepts NaN, None and NA: the median replaces missing numbers, and if training had some, a further input of
    0 or 1 indicates them; "missing" is a category of its own, if training had it. Medians, deviations and categories
    are those of the training rows, where a row of weight 0 does not count and weight k is k copies (weights with a mean
    below 1 are first scaled up to 1); in `partial_fit` those of the first call, with `warm_start=True` those of the
    first fit.
"""

_LINEAR_SOLVER = """
solver : str, default="lbfgs"
    "lbfgs", "gradient_descent" (as in the source), "sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad".
"""

_ATTRIBUTES = """
coefs_, intercepts_ : list of ndarray
    Weights (n[l-1], n[l]) and biases (n[l],) of each layer.
history_ : History
    The measures of every epoch, `history_.final`, and why training stopped.
stop_reason_ : StopReason
    Why training stopped; as a sentence in `history_.stop_sentence`, with its numbers in `history_.stop_numbers`.
best_epoch_ : int or None
n_iter_, t_ : int
    Epochs (iterations) and rows seen, including those before a warm start.
loss_ : float
    The cost J of the fitted model on the training rows, with the penalty, without dropout. Like `history_`, `data_loss`
    and `tol` it is in units of the standardised target if `MLPRegressor` standardises it.
loss_curve_ : list of float
    The running cost of every epoch.
best_loss_ : float, or None with `early_stopping`
validation_scores_, best_validation_score_ : list of float and float, or None
    Accuracy or R² on the validation rows, or their `scoring`.
n_layers_, n_outputs_, out_activation_ : int, int, str
network_ : TrainedNetwork
    Architecture, weights and optimiser as one value.
n_features_in_, feature_names_in_ : int, ndarray of str
"""

_TABLE = """
hidden_layer_sizes, activation, solver, alpha, l1_ratio, weight_decay, dropout, batch_size, learning_rate, \
learning_rate_init, max_iter, early_stopping, validation_fraction, n_iter_no_change, and all others to n_threads
    As for `MLPClassifier`; None, the default, uses the recipe of `chainrule train` for this number of rows.
drop, categorical, numeric, ordinal : sequence of str or int, default=()
    Columns to leave out, or whose role is set instead of inferred, by name or position from 1.
embedding_size : int or "auto", default=None
    Learn a vector of this size for each category, instead of one feature per category; "auto" chooses it by the
    number of categories.
loss, label_smoothing, gamma, class_weight, delta, quantile, power
    As for `MLPClassifier` and `MLPRegressor`; None is cross-entropy, or the squared error of the standardised
    target. "poisson", "gamma" and "tweedie" learn the target in its own units.
log_target : bool, default=False
    Of a regressor: learn the logarithm of the target, log(y), or log(1 + y) if it has zeros; a negative value is an
    error. Predictions and figures are in the units of y. A prediction is exp of the predicted logarithm: the median of
    y where the errors of the logarithm are symmetric, and less than its mean. No correction is made for that.
intervals : float, default=None
    Of a regressor: the share of new rows that the intervals of `predict_interval` cover, such as 0.9.
test_size : float, default=0.0
    Share of test rows, which are not used in training; the command's default is 0.2. With 0, network and baselines
    are compared on the validation rows, where the network's figures are a little too good.
split_by : str or int, default=None
    A column of groups, such as a patient: rows with the same value stay together in training, validation or test; a
    row without a value is its own group. The column is no feature.
split_time : str or int, default=None
    A column of dates or numbers: the test rows are the last ones, the validation rows those before; rows of one time
    stay together. The column stays a feature unless it is in `drop`.
cv : int, default=None
    Test on each of so many folds, made as `split_by` and `split_time` say; then train on all rows, except those held
    out for early stopping. In order of time, fold i is the block i + 1 of cv + 1 blocks, and is tested after training
    on all before it. Not with `test_size`.
random_state : int, RandomState or None, default=None
    Seed of the split and of every random draw. A number gives the same bits as the command's `--seed`.
memory : str, default=None
    Maximum memory, such as "2GB": X is read in batches. With None the size of X decides.
verbose : bool, default=False
    Print the loss of every epoch.
"""

_TABLE_ATTRIBUTES = """
schema_ : Schema
    The role of every column, and why.
findings_ : list of str
    What to know about the table: columns that give the target away, spellings, classes of few rows.
figures_, baselines_ : dict of dict
    Figures of network and baselines on held-out rows, as `docs/figures.md` defines them; None is undefined. With `cv`
    their means.
cross_validation_ : dict
    With `cv`: the figures of all `folds`, their `mean` and standard deviation `std`.
history_ : History
n_iter_ : int
    Epochs.
model_ : TableModel
    Encoder, target, architecture and parameters.
n_features_in_, feature_names_in_
    The columns of X, without the target.
"""

_mlp_training = _TRAINING.format(max_iter=200, tol="1e-4")
_SECTIONS = {
    "settings": _MLP + _SHARED + _mlp_training + _MLP_ONLY,
    "linear": _SHARED + _LINEAR_SOLVER + _TRAINING.format(max_iter=1000, tol="1e-9"),
    "attributes": _ATTRIBUTES,
    "table": _TABLE,
    "table_attributes": _TABLE_ATTRIBUTES,
}


def documented(cls: Class) -> Class:
    """Replace {settings}, {linear}, ... in a class docstring by the shared sections."""
    for name, text in _SECTIONS.items():
        section = "\n".join(line for line in text.splitlines() if line)
        cls.__doc__ = (cls.__doc__ or "").replace(f"    {{{name}}}", textwrap.indent(section, "    "))
    return cls
