"""The description of encoded rows, stored beside them, so that training resumes without reading the table again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chainrule._errors import CheckpointError, TableError
from chainrule._json import parsed
from chainrule.checkpoints.checkpoint_file import of_another_version
from chainrule.checkpoints.differences import differences
from chainrule.files.records import CHECKPOINT_LAYOUT, PREPARED
from chainrule.files.replacing import replace_file
from chainrule.files.shape import require
from chainrule.fit.objective import Objective
from chainrule.outofcore.remote_rows import Chosen
from chainrule.outofcore.row_files import RowFiles
from chainrule.table import ColumnPlan, Encoder, Schema, Target
from chainrule.table.reading.batches import ScanPlan
from chainrule.table.table_format import TableFormat
from chainrule.tabular.encode import RowEncoding, row_files
from chainrule.tabular.findings.drift import Profile
from chainrule.tabular.findings.finding import Finding
from chainrule.tabular.prepare import ROLES, About, Overrides, PreparedTable
from chainrule.tabular.splitting.shares import Shares

_NAME = "prepared.json"


def save_prepared(prepared: PreparedTable, folder: Path, fingerprint: dict[str, Any]) -> None:
    """Write a description of the encoded rows in a folder, and the fingerprint of their source."""
    record = {
        "fingerprint": fingerprint,
        "schema": [plan.to_dict() for plan in prepared.schema.plans],
        "columns": asdict(prepared.asked),
        "objective": prepared.objective.to_dict(),
        "shares": asdict(prepared.shares),
        "target": prepared.target.to_dict(),
        "encoder": prepared.encoder.to_dict(),
        "format": prepared.format and prepared.format.to_dict(),
        "dropped_rows": prepared.dropped_rows,
        "zero_rows": prepared.zero_rows,
        "notes": prepared.notes,
        "split_notes": prepared.split_notes,
        "in_order_of": prepared.in_order_of,
        "findings": [finding.to_dict() for finding in prepared.findings],
        "profiles": [profile.to_dict() for profile in prepared.profiles],
        "about": asdict(prepared.about),
        "m": {part: rows.m for part, rows in prepared.rows.items()},
        "digests": {part: rows.digest for part, rows in prepared.rows.items() if isinstance(rows, RowFiles)},
        "mean": prepared.mean,
        "unit_means": prepared.unit_means,
        "where": None if prepared.scan_plan is None else prepared.scan_plan.to_dict(),
        "chosen": [[chosen.count, chosen.bits.hex(), f"{chosen.digest:x}"] for chosen in prepared.chosen],
    }
    text = json.dumps(record)
    outer = {"layout": CHECKPOINT_LAYOUT, "sha256": _digest(text), "record": text}
    replace_file(folder / _NAME, json.dumps(outer).encode())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def load_prepared(folder: Path, fingerprint: dict[str, Any]) -> PreparedTable | None:
    """Return what `save_prepared` wrote; None if it wrote nothing.

    Raises
    ------
    CheckpointError
        If it was made from another table, with other settings, or by another version; or if it is damaged.
    """
    if not (folder / _NAME).exists():
        return None
    try:
        record = _record(folder, parsed((folder / _NAME).read_bytes()))
        require(record, PREPARED)
        restored = _restored(folder, record, fingerprint)
    except CheckpointError:
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, OSError) as error:
        raise CheckpointError(
            f"{folder / _NAME} is damaged: {error}. Delete {folder.parent} to train from the beginning."
        ) from error
    _check_rows(folder, restored)
    return restored


def _record(folder: Path, outer: Any) -> dict[str, Any]:
    """Take the record out of what says its layout and its digest."""
    if not isinstance(outer, dict):
        raise TypeError("it must be a JSON object")
    if outer.get("layout") != CHECKPOINT_LAYOUT:
        raise CheckpointError(of_another_version(folder.parent, outer.get("layout")))
    text = outer.get("record")
    if not isinstance(text, str) or _digest(text) != outer.get("sha256"):
        raise ValueError("its content is not what was written (SHA-256 differs)")
    record: dict[str, Any] = parsed(text)
    return record


def _check_rows(folder: Path, prepared: PreparedTable) -> None:
    """Check that the encoded rows are those that were written; training on others would be wrong without a word."""
    for rows in prepared.rows.values():
        assert isinstance(rows, RowFiles)
        try:
            rows.check()
        except TableError as error:
            raise CheckpointError(
                f"the encoded rows are damaged: {error}. Delete {folder.parent} to train from the beginning."
            ) from error


def _restored(folder: Path, record: dict[str, Any], fingerprint: dict[str, Any]) -> PreparedTable:
    theirs = {name: record["fingerprint"].get(name) for name in fingerprint}
    if differs := differences(theirs, fingerprint):
        raise CheckpointError(
            f"{folder.parent} holds another training: {differs}. Restore what it was, or delete the folder to train "
            "from the beginning."
        )
    about = record["about"]
    encoder, target = Encoder.from_dict(record["encoder"]), Target.from_dict(record["target"])
    asked = Overrides(**{**record["columns"], **{name: tuple(record["columns"][name]) for name in ROLES}})
    return PreparedTable(
        asked=asked,
        objective=Objective.from_dict(record["objective"]),
        shares=Shares.from_dict(record["shares"]),
        schema=Schema(tuple(ColumnPlan.from_dict(plan) for plan in record["schema"])),
        target=target,
        encoder=encoder,
        dropped_rows=record["dropped_rows"],
        zero_rows=record["zero_rows"],
        about=About(about["source"], about["n_rows"], tuple(about["names"]), tuple(about["notes"])),
        rows=dict(row_files(folder, RowEncoding(encoder, target, asked.weight), record["m"], record["digests"])),
        mean=tuple(record["mean"]),
        unit_means=tuple(record["unit_means"]),
        notes=tuple(record["notes"]),
        split_notes=tuple(record["split_notes"]),
        in_order_of=tuple(record["in_order_of"]),
        findings=tuple(map(Finding.from_dict, record["findings"])),
        profiles=tuple(map(Profile.from_dict, record["profiles"])),
        scan_plan=None if record["where"] is None else ScanPlan.from_dict(record["where"]),
        format=record["format"] and TableFormat.from_dict(record["format"]),
        chosen=tuple(Chosen(count, bytes.fromhex(bits), int(digest, 16)) for count, bits, digest in record["chosen"]),
    )
