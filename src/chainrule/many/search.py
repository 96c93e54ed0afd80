"""`MLPSearchCV`: scikit-learn's searches over parameters on any worker pool, with a time budget and a record."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._validation import _insert_error_scores, _warn_or_raise_about_fit_failures
from sklearn.utils import check_random_state, indexable
from sklearn.utils.validation import _num_samples

from chainrule._errors import InvalidParameterError, warn
from chainrule._version import __version__
from chainrule.estimator.atomic_fit import all_or_nothing
from chainrule.estimator.target_values import check_one_kind, present
from chainrule.fit.parameters import one_of
from chainrule.many.candidates import amounts, candidates_of, survivors
from chainrule.many.evaluation import Evaluations, Outcome, evaluate
from chainrule.many.parameters import check_many
from chainrule.many.rounds import Evaluator, Found
from chainrule.many.search_record import SearchRecord, open_record
from chainrule.many.worker_pool import make_pool

_CHECKED = ("n_iter", "random_state", "factor", "min_resources", "max_resources", "resource", "time_budget")


class MLPSearchCV(BaseSearchCV):
    """Search for the best parameters by cross-validation: all combinations, random ones, or successive halving.

    Splits, scores and `cv_results_` are those of scikit-learn's `GridSearchCV`, `RandomizedSearchCV` and
    `HalvingGridSearchCV` with the same arguments, to the bit (times aside). In addition, evaluations run in threads of
    this process, in processes or on Dask, where killed workers cost time and not results; there is a time budget; and
    a search that was killed goes on from its record.

    Parameters
    ----------
    estimator : estimator
        Of any kind; also a `Pipeline`.
    param_grid : dict or list of dict
        Lists of values by parameter; with `n_iter` also distributions with a method `rvs`. {} is a plain
        cross-validation of the estimator as it is.
    n_iter : int, default=None
        Draw so many candidates; None takes every combination.
    scoring, cv, refit, error_score
        As for `GridSearchCV`. `cv` is asked for its splits once.
    return_train_score : bool, default=None
        Whether `cv_results_` has the scores on the training rows; None is scikit-learn's choice, False, with halving
        True.
    random_state : int, RandomState or None, default=None
        Of the candidates drawn, and of the rows that halving by "n_samples" keeps.
    resource : None, "n_samples" or str, default=None
        None evaluates every candidate in full. Otherwise successive halving: all candidates are trained with little of
        the resource, and the best of them with `factor` times as much. The resource is the number of rows, or a
        parameter such as "max_iter". Every round trains from scratch: with warm starts, the learning rate schedule,
        patience and best weights would make other networks than those of `fit`.
    factor : float, default=3
        One candidate in `factor` survives a round.
    min_resources : int or "exhaust", default="exhaust"
        Of the first round; "exhaust" chooses it so that the last round uses all.
    max_resources : int or "auto", default="auto"
        Of the last round; "auto" is the number of rows, or the estimator's own value of the parameter.
    workers : None, int, "dask", Client or "joblib", default=None
        What the evaluations run on; see `fit_many`. A search that is to be cloned or saved cannot hold a client: use
        "dask".
    time_budget : float, default=None
        Seconds after which no evaluation starts; those that run are finished. `cv_results_` then has the candidates
        that were evaluated on all splits; a warning and `stop_sentence_` say how many. The refit takes extra time.
    record : path, default=None
        An SQLite file with a row for each finished evaluation. Started again with the same file, the search does not
        repeat them; it may have further candidates then. The file of another search is refused, also where only the
        code of the estimator or of the scoring has changed.
    verbose : int, default=0
        Print a line for every evaluation.

    Attributes
    ----------
    cv_results_, best_estimator_, best_params_, best_score_, best_index_, scorer_, n_splits_, refit_time_, multimetric_
        As for `GridSearchCV`; with halving, `cv_results_` has "iter" and "n_resources", too, and the best is the best
        of the last round that was finished.
    n_iterations_ : int
        With halving, the number of rounds.
    n_candidates_, n_resources_ : list of int
        With halving, how many candidates each round had, and how much of the resource.
    stop_sentence_ : str
        Why the search ended early; empty if it did not.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from chainrule import MLPClassifier, MLPSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier((8,), solver="lbfgs", max_iter=100, tol=0.01, random_state=0)
    >>> search = MLPSearchCV(net, {"alpha": [0.0001, 10.0]}, cv=3).fit(X, y)
    >>> search.best_params_, len(search.cv_results_["params"])
    ({'alpha': 0.0001}, 2)
    """

    def __init__(
        self,
        estimator: Any,
        param_grid: Any,
        *,
        n_iter: int | None = None,
        scoring: Any = None,
        cv: Any = None,
        refit: Any = True,
        error_score: Any = np.nan,
        return_train_score: bool | None = None,
        random_state: Any = None,
        resource: str | None = None,
        factor: float = 3,
        min_resources: int | str = "exhaust",
        max_resources: int | str = "auto",
        workers: Any = None,
        time_budget: float | None = None,
        record: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.param_grid = param_grid
        self.n_iter = n_iter
        self.scoring = scoring
        self.cv = cv
        self.refit = refit
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.random_state = random_state
        self.resource = resource
        self.factor = factor
        self.min_resources = min_resources
        self.max_resources = max_resources
        self.workers = workers
        self.time_budget = time_budget
        self.record = record
        self.verbose = verbose

    @all_or_nothing
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Evaluate the candidates, and train the best on the whole table.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        **params : dict
            As for `GridSearchCV.fit`: `sample_weight` and what else the estimator's `fit` takes, `groups` of the cv.

        Returns
        -------
        self

        Raises
        ------
        TargetError
            If y has no value in some row, or labels are texts and numbers.
        InvalidParameterError
            If a parameter is not what it must be, or the time budget ends before one candidate is evaluated.
        SearchRecordError
            If the record is that of another search, or cannot be used.
        WorkerError
            If an evaluation ends its process three times.
        """
        began = time.monotonic()
        self._check_parameters()
        scorers, self._metric = self._get_scorers()
        values = present(y)
        if is_classifier(self.estimator):
            check_one_kind(values)
        X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(params)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **routed.splitter.split))
        self.n_splits_ = len(splits)
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = int(check_random_state(seed).randint(2**31 - 1))
        arguments = {
            "scorer": scorers,
            "fit_params": routed.estimator.fit,
            "score_params": routed.scorer.score,
            "return_train_score": self._gives_train_scores,
            "error_score": self.error_score,
        }
        shared = Evaluations(clone(self.estimator), X, y, splits, arguments, seed)
        candidates = candidates_of(self.param_grid, self.n_iter, seed, self.resource)
        plan = self._plan(shared, len(candidates))
        with self._evaluator(shared, candidates, plan, began) as evaluator:
            found = self._search(evaluator, candidates, plan, _num_samples(X))
        self._publish(found, scorers)
        if self.refit:
            self._refit(X, y, routed.estimator.fit)
        return self

    @property
    def _gives_train_scores(self) -> bool:
        return self.resource is not None if self.return_train_score is None else bool(self.return_train_score)

    def _check_parameters(self) -> None:
        resources = ("n_samples", *self.estimator.get_params())
        holds, words = one_of(*resources)
        check_many(self, _CHECKED, resource=(lambda v: v is None or holds(v), f"None, or {words}"))
        if hasattr(self, "_skl_callbacks"):
            warn("set_callbacks: no effect on an MLPSearchCV. Give callbacks to its estimator, and set verbose=1.")

    def _plan(self, shared: Evaluations, n_candidates: int) -> list[Any]:
        """Return how much of the resource each round gives; without halving a single round, of None."""
        if self.resource is None:
            return [None]
        rows = self.resource == "n_samples"
        least: Any = self.min_resources
        most: Any = self.max_resources
        if most == "auto":
            most = _num_samples(shared.X) if rows else self.estimator.get_params()[self.resource]
        if least == "exhaust":  # scikit-learn's smallest: two rows of each class for each split
            classes = len(np.unique(shared.y)) if is_classifier(self.estimator) else 1
            least = 2 * len(shared.splits) * classes if rows else 1
        if least > most:
            raise InvalidParameterError(
                f"halving needs min_resources <= max_resources, got {least!r} and {most!r} of {self.resource!r}."
            )
        return amounts(n_candidates, self.factor, int(least), int(most), self.min_resources == "exhaust")

    @contextmanager
    def _evaluator(
        self, shared: Evaluations, candidates: list[Any], plan: list[Any], began: float
    ) -> Iterator[Evaluator]:
        deadline = math.inf if self.time_budget is None else began + self.time_budget
        opened: AbstractContextManager[SearchRecord | None] = nullcontext()
        if self.record is not None:
            opened = open_record(self.record, self._decisive(shared))
        with opened as record, make_pool(self.workers, evaluate, shared, len(candidates) * self.n_splits_) as run:
            yield Evaluator(run, self.n_splits_, deadline, record, self.verbose > 0)

    def _decisive(self, shared: Evaluations) -> dict[str, Any]:
        """Return what decides the results of an evaluation, apart from its parameters."""
        if self.random_state is None and (self.n_iter is not None or self.resource == "n_samples"):
            raise InvalidParameterError(
                "a search with a record needs random_state: with None every start draws others, and finds nothing of "
                "what was recorded. Set random_state to a number, or record=None."
            )
        further = {name: value for name, value in shared.fit_and_score.items() if name != "scorer"}
        return {
            "the version of chainrule": __version__,
            "the estimator, its parameters or its code": shared.estimator,
            "X": shared.X,
            "y": shared.y,
            "the splits (a cv that shuffles needs a seed)": shared.splits,
            "the scoring or its code": (self.scoring, shared.fit_and_score["scorer"]),
            "return_train_score, error_score, or what fit and score are given": further,
            "random_state of halving": self.resource == "n_samples" and shared.seed,
        }

    def _search(self, evaluator: Evaluator, candidates: list[Any], plan: list[Any], m: int) -> Found:
        found = Found(self.n_splits_)
        for iteration, amount in enumerate(plan):
            if iteration:
                scores = self._results(found)[f"mean_test_{self._metric}"][-len(candidates) :]
                candidates = survivors(scores, candidates, self.factor)
            share, given = None, candidates
            if self.resource == "n_samples":
                share = amount / m
            elif self.resource is not None:
                given = [candidate | {self.resource: amount} for candidate in candidates]
            whole = found.add(iteration, amount, given, evaluator.outcomes(iteration, given, share))
            if whole:
                self._inspect(found.outcomes[-whole * self.n_splits_ :])
            if whole < len(given):
                found.stop_sentence = (
                    f"the time budget of {self.time_budget} s ended after {whole} of {len(given)} candidates of round "
                    f"{iteration + 1} of {len(plan)}"
                )
                break
            found.last_whole = iteration
        return found

    def _inspect(self, outcomes: list[Outcome]) -> None:
        """Report the fits of a round that failed, and find out whether a custom scorer returns several scores."""
        _warn_or_raise_about_fit_failures(outcomes, self.error_score)
        if callable(self.scoring):
            _insert_error_scores(outcomes, self.error_score)
        scores = outcomes[0]["test_scores"]
        self.multimetric_ = isinstance(scores, dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(scores)
            self._metric = self.refit
        if self.resource is not None and self.multimetric_ and not isinstance(self._metric, str):
            raise InvalidParameterError("halving by several scores needs refit to name the one that decides.")

    def _results(self, found: Found) -> dict[str, Any]:
        more: dict[str, Any] = (
            {} if self.resource is None else {"iter": found.iterations, "n_resources": found.resources}
        )
        asked = copy(self)
        asked.return_train_score = self._gives_train_scores
        return asked._format_results(found.candidates, self.n_splits_, found.outcomes, more)

    def _publish(self, found: Found, scorers: Any) -> None:
        self.stop_sentence_ = found.stop_sentence
        if not found.outcomes:
            raise InvalidParameterError(
                f"{found.stop_sentence or 'there are no candidates or no splits'}: raise time_budget, or give others."
            )
        if found.stop_sentence:
            warn(f"The search stopped early: {found.stop_sentence}.")
        self.cv_results_ = results = self._results(found)
        if self.resource is not None:
            self.n_candidates_, self.n_resources_ = found.n_candidates, found.amounts
            self.n_iterations_ = len(found.amounts)
        if self.refit or not self.multimetric_:
            self.best_index_ = self._best(results, found.last_whole)
            self.best_params_ = results["params"][self.best_index_]
            if not callable(self.refit):
                self.best_score_ = results[f"mean_test_{self._metric}"][self.best_index_]
        self.scorer_ = getattr(scorers, "_scorers", scorers)

    def _best(self, results: dict[str, Any], last_whole: int) -> int:
        """Return the best candidate; with halving, the best of the last complete round."""
        if self.resource is None or callable(self.refit):
            return int(self._select_best_index(self.refit, self._metric, results))
        last = np.flatnonzero(results["iter"] == last_whole)
        scores = results[f"mean_test_{self._metric}"][last]
        return int(last[0 if np.isnan(scores).all() else np.nanargmax(scores)])

    def _refit(self, X: Any, y: Any, fit_params: dict[str, Any]) -> None:
        began = time.perf_counter()
        self.best_estimator_ = clone(self.estimator).set_params(**clone(self.best_params_, safe=False))
        self.best_estimator_.fit(X, *([] if y is None else [y]), **fit_params)
        self.refit_time_ = time.perf_counter() - began
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
