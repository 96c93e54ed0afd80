"""`MLPClassifier` and `MLPRegressor`: scikit-learn's estimators with features that their users have asked for."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from chainrule.estimator.classifier import Classifier
from chainrule.estimator.documentation import documented
from chainrule.estimator.regressor import Regressor
from chainrule.estimator.transformer import Transformer
from chainrule.fit.parameters import Settings


@documented
@dataclass(eq=False, repr=False)
class MLPClassifier(Settings, Classifier, Transformer):
    """Multilayer perceptron classifier.

    Minimises J = Σ wᵢ Lᵢ / Σ wᵢ + alpha (l1_ratio Σ|W| + (1 - l1_ratio)/2 Σ W²) by the backpropagation written out
    in `chainrule.network`. Labels may be two or more classes of any type, or multilabel indicators.

    Parameters
    ----------
    {settings}
    loss : {"log_loss", "hinge", "focal"} or object, default="log_loss"
        "log_loss" is binary cross-entropy after a sigmoid for two classes and for each label of a multilabel target,
        categorical cross-entropy after a softmax for more. It is computed from logits, never clipped. Your own loss is
        an object with loss(y, z) -> (m,), gradient(y, z) -> (m, k), its derivative by z, and inverse_link(z) -> (m, k),
        the probabilities. y and z have shape (m, k): for two classes k is 1 and y is 0 or 1, else y is one-hot, or
        has a 0 or 1 for every label.
    label_smoothing : float, default=0.0
        For "log_loss": targets become (1 - label_smoothing) y + label_smoothing / K.
    gamma : float, default=2.0
        For "focal": how strongly the weight of well-classified rows is reduced.
    class_weight : None, "balanced", dict or list of dict, default=None
        The weight of each class, by its label; multiplied into `sample_weight`. "balanced" is n_samples / (n_classes *
        bincount(y)) over the training rows, counted by their `sample_weight`, so that all classes have the same total
        weight. For multilabel targets a list with a dict for each label.
    class_weight_val : bool, default=True
        Whether class weights also apply to the validation loss, so that both curves can be compared; not to scores.

    Attributes
    ----------
    embeddings_ : dict of dict
        The vector of each category of each categorical column.
    classes_ : ndarray of shape (n_classes,)
    class_weight_ : ndarray of shape (n_classes,), or (n_labels, 2) for multilabel targets
    {attributes}

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier((16,), solver="lbfgs", alpha=0.01, max_iter=500, random_state=0).fit(X, y)
    >>> bool(clf.score(X, y) > 0.95)
    True
    >>> clf.transform(X).shape
    (150, 16)

    A data frame with texts and missing values:

    >>> import pandas as pd
    >>> df = pd.DataFrame({"size": [1.0, None, 3.0, 4.0] * 25, "sort": ["a", "b", "b", "a"] * 25})
    >>> clf = MLPClassifier(categorical_features="from_dtype", scale=True, missing="impute", random_state=0)
    >>> float(clf.set_params(solver="lbfgs").fit(df, df["size"].isna()).score(df, df["size"].isna()))
    1.0
    """


@documented
@dataclass(eq=False, repr=False)
class MLPRegressor(Settings, Regressor, Transformer):
    """Multilayer perceptron regressor, for one or several outputs.

    Minimises J = Σ wᵢ Lᵢ / Σ wᵢ + alpha (l1_ratio Σ|W| + (1 - l1_ratio)/2 Σ W²) by the backpropagation written out
    in `chainrule.network`. With several outputs the loss of a row is the mean over them, and the gradient is the
    derivative of exactly that.

    Parameters
    ----------
    {settings}
    loss : str or object, default="squared_error"
        "squared_error", "absolute_error", "huber", "log_cosh", "quantile" (alias "pinball") on the identity;
        "poisson", "gamma", "tweedie" with a log link, for counts and positive numbers. Your own loss is an object with
        loss(y, z) -> (m,), gradient(y, z) -> (m, k), its derivative by z, and inverse_link(z) -> (m, k), the
        predictions; y and z have shape (m, k), k outputs.
    delta : float, default=1.0
        For "huber": the error, in units of y, at which the loss changes from quadratic to linear.
    quantile : float or list of float, default=0.5
        For "quantile". A list of increasing numbers gives one output for each, and they never cross: the middle one is
        an ordinary output, and each further one is the softplus of an output away from its neighbour. The loss of a row
        is the mean over them, `predict` returns a column for each, `score` is D². For one target only.
    power : float, default=1.5
        For "tweedie": the variance grows as the mean to this power; at least 1.
    standardize_target : bool or "auto", default="auto"
        Train on (y - mean) / deviation of each output; predictions are in the units of y. "auto" is True if an output
        is badly scaled, its deviation outside 0.1 to 10 or its mean more than 10 deviations from 0, and scaling only
        multiplies the loss: "squared_error", "absolute_error", "huber", "quantile". With "log_cosh" True changes the
        loss; with the log link of "poisson", "gamma" and "tweedie" it raises InvalidParameterError. With "huber" all
        outputs share one deviation, so that `delta` is in units of y. `alpha` is relative to the standardised loss. The
        statistics are those of the training rows, as for `scale`.

    Attributes
    ----------
    embeddings_ : dict of dict
        The vector of each category of each categorical column.
    calibration_residuals_ : ndarray of shape (n_cal, n_outputs)
        Target minus prediction of `X_cal`, `y_cal`, in float64; absent if the last fit had none.
    {attributes}

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(-2, 2, 100).reshape(-1, 1)
    >>> reg = MLPRegressor((20,), activation="tanh", solver="lbfgs", max_iter=500, random_state=0)
    >>> bool(reg.fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.99)
    True
    """

    _: KW_ONLY
    standardize_target: bool | str = "auto"
