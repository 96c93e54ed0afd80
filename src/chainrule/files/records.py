"""The shapes of the records read from files: of models, checkpoints, prepared rows and the outcomes of a search.

A record is checked against its shape before it is used. Whether its parts fit together (widths and tensors, classes and
outputs) is checked where the model is built, and an estimator's parameters are checked against its own constraints.
"""

from __future__ import annotations

import re
from typing import Any

from chainrule.files.shape import (
    ANYTHING,
    FLAG,
    MEASURED,
    TEXT,
    Each,
    Kinds,
    Leaf,
    Maybe,
    OrNone,
    Shape,
    number,
    one_of,
    whole,
)


def _is_activation(value: Any) -> bool:
    """Say whether a value is a name, or a name with parameters: numbers, or texts for a formula."""
    if isinstance(value, str):
        return True
    if (
        not isinstance(value, list)
        or len(value) != 2
        or not isinstance(value[0], str)
        or not isinstance(value[1], dict)
    ):
        return False
    kind = TEXT if value[0] == "formula" else number()
    return all(kind.holds(entry) for entry in value[1].values())


def _is_parameter(value: Any) -> bool:
    """Say whether a value is a parameter of a loss: a number, or one for each output."""
    return all(number().holds(entry) for entry in (value if isinstance(value, list) else [value]))


def _is_chosen(value: Any) -> bool:
    """Say whether a value describes selected rows: their number, a bit per row in hexadecimal or "", their digest."""
    return (
        isinstance(value, list)
        and len(value) == 3
        and whole().holds(value[0])
        and all(isinstance(text, str) for text in value[1:])
        and re.fullmatch("(?:[0-9a-f]{2})*", value[1]) is not None
        and re.fullmatch("[0-9a-f]{1,16}", value[2]) is not None
    )


def _is_digest(value: Any) -> bool:
    """Say whether a value is two SHA-256 digests, of inputs and of targets, or three, of weights, too."""
    return isinstance(value, str) and re.fullmatch("(?:[0-9a-f]{64}){2,3}", value) is not None


_ACTIVATION = Leaf(_is_activation, "a name, or a pair of a name and its parameters")
_LABEL = Leaf(lambda v: isinstance(v, str | int) or number().holds(v), "a text, a finite number, or true or false")
_SEED = Leaf(lambda value: type(value) is int and value >= 0, "a whole number of at least 0")
_MEASURES = Each(MEASURED, of=dict)
_TEXTS = Each(TEXT)
_OPEN = Each(ANYTHING, of=dict)

_ARCHITECTURE: Shape = {
    "widths": Each(whole(1), least=2),
    "activations": Each(_ACTIVATION),
    "output": _ACTIVATION,
    "loss": {"name": TEXT, "parameters": Each(Leaf(_is_parameter, "a finite number, or a list of them"), of=dict)},
    "penalty": {"alpha": number(0), "l1_ratio": number(0, 1)},
    "dropout": Each(number(0, 1)),
    "embeddings": Maybe(Each({"column": whole(), "levels": whole(1), "size": whole(1)})),
}
_HISTORY: Shape = {
    "epochs": Each(Each(MEASURED), of=dict),
    "final": _MEASURES,
    "best_epoch": OrNone(whole()),
    "stop_reason": OrNone(TEXT),
    "stop_sentence": TEXT,
    "stop_numbers": Maybe(_MEASURES),  # the oldest files lack it
}
_TARGET: Shape = {
    "names": Each(TEXT, least=1),
    "task": one_of("classification", "regression"),
    "reason": TEXT,
    "classes": Each(_LABEL),
    "centre": Each(number()),
    "scale": Each(number(0, open_low=True)),
    "transform": Maybe(one_of("none", "log", "log1p")),  # missing without a logarithm
}
_BLOCKS = Each(
    Kinds(
        "kind",
        {
            "scaled": {
                "part": Maybe(TEXT),
                "centre": Maybe(number()),
                "scale": Maybe(number(0, open_low=True)),
                "fill": Maybe(number()),
                "indicator": Maybe(FLAG),
                "clip": Maybe(FLAG),
                "levels": Maybe(_TEXTS),
            },
            "one_hot": {"levels": _TEXTS, "other": FLAG, "missing": FLAG},
            "codes": {"levels": _TEXTS, "size": whole(1), "missing": FLAG},
        },
        {"column": TEXT},
    ),
    least=1,
)
_KEYS = Each(Leaf(lambda value: isinstance(value, str | int), "the name or the position of a column"))
_OVERRIDES: Shape = {
    **dict.fromkeys(("drop", "categorical", "numeric", "ordinal"), _KEYS),
    "task": TEXT,
    "embedding_size": Leaf(lambda value: value is None or isinstance(value, str | int), "a size, 'auto' or null"),
    "weight": Maybe(OrNone(TEXT)),
}
_OBJECTIVE: Shape = {
    "loss": OrNone(TEXT),
    "parameters": Each(MEASURED, of=dict),
    "class_weight": ANYTHING,
    "log_target": Maybe(FLAG),
}
_SCHEMA: Shape = Each({"name": TEXT, "role": TEXT, "note": TEXT, "order": Maybe(_TEXTS)})
_FINDINGS: Shape = Each({"kind": TEXT, "columns": _TEXTS, "text": TEXT})
_PROFILES: Shape = Each(
    Kinds(
        "kind",
        {
            "numbers": {
                "edges": Each(number()),
                "low": number(),
                "high": number(),
                "unit": one_of("number", "date", "boolean"),
            },
            "levels": {"levels": _TEXTS, "once": whole(), "rest": whole()},
        },
        {"column": TEXT, "rows": whole(1), "missing": whole(), "counts": Each(whole())},
    )
)
_FIGURES = Each(Each(OrNone(MEASURED), of=dict), of=dict)  # null is undefined
_COVERED = Each(number(0, 1))
_FOLD: Shape = {"rows": whole(), "test_rows": whole(), "figures": _FIGURES, "covered": _COVERED}
_CROSS_VALIDATION: Shape = {
    "folds": Each(_FOLD, least=2),
    "mean": _FIGURES,
    "std": _FIGURES,
}
_COLUMN_FORMATS = Each(
    {
        "name": TEXT,
        "kind": one_of("number", "text", "boolean", "date", "duration"),
        "decimal": Maybe(one_of(".", ",")),
        "unit": Maybe(TEXT),
        "order": Maybe(TEXT),
        "values": Maybe(_TEXTS),
    }
)
_CHARACTER = Leaf(lambda value: isinstance(value, str) and len(value) <= 1, "one character, or none")
_DIALECT: Shape = {
    "delimiter": Leaf(lambda value: isinstance(value, str) and len(value) == 1, "one character"),
    "quote": _CHARACTER,
    "escape": _CHARACTER,
    "header": FLAG,
    "skip": whole(),
    "encoding": TEXT,
}
_FORMAT: Shape = {
    "columns": _COLUMN_FORMATS,
    "dialect": OrNone(_DIALECT),
    "missing": _TEXTS,
    "files": _COLUMN_FORMATS,
    "required": _TEXTS,
}
TRAINING: Shape = {
    "rows": whole(),
    "test_rows": whole(),
    "seed": _SEED,
    "seconds": MEASURED,
    "settings": _OPEN,
    "history": _HISTORY,
    "figures": _FIGURES,
    "standard_error": Maybe(_MEASURES),
    "findings": Maybe(_FINDINGS),
    "profiles": Maybe(_PROFILES),
    "schema": Maybe(_SCHEMA),
    "columns": Maybe(_OVERRIDES),
    "objective": Maybe(_OBJECTIVE),
    "test_size": Maybe(number(0)),
    "covered": Maybe(_COVERED),
    "split": Maybe({"by": OrNone(TEXT), "time": OrNone(TEXT), "notes": _TEXTS}),
    "cross_validation": Maybe(_CROSS_VALIDATION),
}
_TABLE_MODEL: Shape = {
    "encoder": {"blocks": _BLOCKS},
    "target": _TARGET,
    "architecture": _ARCHITECTURE,
    "training": _OPEN,
    "thresholds": Maybe(
        {
            "thresholds": Each(number(0, 1), least=1),
            "true_positives": Each(number(0)),
            "false_positives": Each(number(0)),
            "positives": number(0),
            "negatives": number(0),
        }
    ),
    "intervals": Maybe({"coverage": number(0, 1), "margins": Each(number(0))}),
    "reading": Maybe(_FORMAT),
}
_ESTIMATOR: dict[str, Shape] = {
    "parameters": _OPEN,
    "fitted": {
        "n_features_in_": whole(1),
        "_seed": Maybe(_SEED),
        "_multilabel": Maybe(FLAG),
        "_label_dtype": Maybe(TEXT),
        "t_": Maybe(whole()),
    },
    "arrays": {
        "classes_": Maybe({"dtype": TEXT, "values": Each(_LABEL, least=1)}),
        "feature_names_in_": Maybe({"dtype": TEXT, "values": _TEXTS}),
        "class_weight_": Maybe({"dtype": TEXT, "values": Each(Leaf(_is_parameter, "a weight, or two"))}),
    },
    "architecture": _ARCHITECTURE,
    "history": _HISTORY,
    "epochs": whole(),
    "columns": Maybe(
        {
            "blocks": _BLOCKS,
            "kinds": Each(one_of("number", "text", "boolean", "date", "pixel")),
            "impute": FLAG,
        }
    ),
    "target": Maybe(_TARGET),
    "reading": Maybe(_FORMAT),
}
_CLASSIFIERS, _REGRESSORS = ("MLPClassifier", "LinearClassifier"), ("MLPRegressor", "LinearRegressor")


def _ensemble_of(kinds: tuple[str, ...]) -> dict[str, Shape]:
    members = Each(Kinds("kind", {kind: {} for kind in kinds}, _ESTIMATOR), least=1)
    return {"parameters": _OPEN, "members": members, "fitted": Maybe({"oob_score_": Maybe(MEASURED)})}


MODELS: dict[str, Shape] = {
    "TableModel": _TABLE_MODEL,
    **dict.fromkeys((*_CLASSIFIERS, *_REGRESSORS), _ESTIMATOR),
    "MLPEnsembleClassifier": _ensemble_of(_CLASSIFIERS),
    "MLPEnsembleRegressor": _ensemble_of(_REGRESSORS),
}
CHECKPOINT_LAYOUT = 2  # of checkpoints and prepared rows, which only the version that wrote them reads; 1 said none
CHECKPOINT: Shape = {
    "fingerprint": _OPEN,
    "epochs": Each(Each(MEASURED), of=dict),
    "losses": Each(MEASURED),
    "gradient_norm": MEASURED,
    "states": {"now": Each(whole(), least=2), "best": Maybe(Each(whole(), least=2))},
}
_SCORES = Leaf(lambda v: MEASURED.holds(v) or (isinstance(v, dict) and all(map(MEASURED.holds, v.values()))), "scores")
OUTCOME: Shape = {
    "test_scores": _SCORES,
    "train_scores": Maybe(_SCORES),
    "fit_time": MEASURED,
    "score_time": MEASURED,
    "fit_error": OrNone(TEXT),
}
FOLDS: Shape = {"fingerprint": _OPEN, "folds": Each(_FOLD)}
PREPARED: Shape = {
    "fingerprint": _OPEN,
    "schema": _SCHEMA,
    "columns": _OVERRIDES,
    "objective": _OBJECTIVE,
    "shares": {
        "test": number(0),
        "validation": number(0),
        "seed": whole(),
        "by": OrNone(TEXT),
        "time": OrNone(TEXT),
        "fold": OrNone(Each(whole(), least=2)),
    },
    "target": _TARGET,
    "encoder": {"blocks": _BLOCKS},
    "format": OrNone(_FORMAT),
    "dropped_rows": whole(),
    "zero_rows": whole(),
    "notes": _TEXTS,
    "findings": _FINDINGS,
    "profiles": _PROFILES,
    "split_notes": _TEXTS,
    "in_order_of": _TEXTS,
    "about": {"source": TEXT, "n_rows": whole(), "names": _TEXTS, "notes": _TEXTS},
    "m": {part: whole() for part in ("training", "validation", "test")},
    "digests": {part: Leaf(_is_digest, "128 or 192 hexadecimal digits") for part in ("training", "validation", "test")},
    "mean": Each(number()),
    "unit_means": Each(number()),
    "where": OrNone(_OPEN),
    "chosen": Each(Leaf(_is_chosen, "a count of rows, which they are and their digest in hexadecimal digits")),
}
