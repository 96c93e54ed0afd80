"""The members of a fitted ensemble as plain data: a list of records, and the tensors of all members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainrule._errors import ModelFileError
from chainrule.network.types import Array


def members_record(members: Sequence[Any]) -> tuple[list[dict[str, Any]], dict[str, Array]]:
    """Describe fitted members; `members_from` restores them."""
    records, tensors = [], dict[str, Array]()
    for k, member in enumerate(members):
        record, own = member.to_record()
        records.append({"kind": type(member).__name__, **record})
        tensors |= {f"member{k}.{name}": tensor for name, tensor in own.items()}
    return records, tensors


def members_from(records: Sequence[Any], tensors: Mapping[str, Array], kinds: Sequence[Any]) -> list[Any]:
    """Restore the members that `members_record` described; `kinds` are the classes they may have.

    Raises
    ------
    ModelFileError
        If they have different inputs, outputs or classes.
    """
    if any(_interface(record) != _interface(records[0]) for record in records):
        raise ModelFileError("the members have different inputs, outputs or classes.")
    by_name, members = {cls.__name__: cls for cls in kinds}, []
    for k, record in enumerate(records):
        prefix = f"member{k}."
        own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        members.append(by_name[record["kind"]].from_record(record, own))
    return members


def _interface(record: Any) -> tuple[Any, ...]:
    """What the members of one ensemble have in common."""
    fitted, architecture = record["fitted"], record["architecture"]
    return (
        fitted["n_features_in_"],
        bool(fitted.get("_multilabel")),
        record["arrays"].get("classes_", {}).get("values"),
        architecture["widths"][-1],
        architecture["loss"]["parameters"],
    )


def check_out_of_bag(A: Array, labels: int | None, n_outputs: int) -> Array:
    """Return out-of-bag means A if they have a column for each label or output.

    Raises
    ------
    ModelFileError
        If they do not.
    """
    k = n_outputs if labels is None else labels
    if not A.ndim or A.shape[1:] != (() if labels is None and k == 1 else (k,)):
        raise ModelFileError(f"out-of-bag predictions of shape {A.shape} do not fit {k} outputs.")
    return A
