"""A day of applications: what arrived, what it was scored with, how each row is accounted for, and what is published.

Everything here is data in, data out. Tasks hand the small frozen records of this module to each other; tables stay
inside a step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from tasks.core.contract import RuleCount
from tasks.core.decisions import SCHEMA_VERSION
from tasks.core.features import FEATURE_VERSION
from tasks.core.policy import DECISIONS, Policy
from tasks.errors import SourceError

FileFormat = Literal["csv", "csv.gz", "parquet"]


@dataclass(frozen=True, slots=True)
class FileRef:
    """A landing file as listed and digested."""

    name: str
    key: str
    format: FileFormat
    size_bytes: int
    sha256: str
    announced_rows: int | None = None
    """Rows that `_control.json` promises, if there is one."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """All files of a day, sorted by name."""

    as_of: date
    files: tuple[FileRef, ...]
    excuse: str | None = None
    """Why the feed may stay away on this day; None on a day that must have applications."""

    @property
    def digests(self) -> dict[str, str]:
        """File name to SHA-256."""
        return {file.name: file.sha256 for file in self.files}


@dataclass(frozen=True, slots=True)
class ModelPin:
    """One version of a registered model, fixed by the digest of its bundle."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Pins:
    """What a day is scored with, resolved once."""

    as_of: date
    model: ModelPin
    policy: Policy
    policy_digest: str
    contract_version: str
    contract_digest: str
    fingerprint: str
    revision: int = 1
    """Number of the revision that this run would publish."""

    @property
    def work(self) -> str:
        """Key prefix of what runs with this fingerprint leave for each other; anyone may renew it."""
        return f"work/day={self.as_of}/{self.fingerprint[:16]}/"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A stored object of a revision."""

    key: str
    sha256: str
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class PartRef:
    """What screening and scoring one file left in the store, and what it counted."""

    file: FileRef
    decided: DataFile
    rejected: DataFile
    rows: int
    counts: Mapping[str, RuleCount]
    """Row rule to its counts over the whole file."""


@dataclass(frozen=True, slots=True)
class FileTotals:
    """One landing file's rows, every one accounted for."""

    rows: int
    decided: int
    quarantined: int
    duplicates_dropped: int


@dataclass(frozen=True, slots=True)
class Audited:
    """A day that has passed every gate, its data files stored and named by digest, not yet published."""

    decisions: DataFile
    quarantine: DataFile | None
    contract_report: DataFile
    content_fingerprint: str
    files: Mapping[str, FileTotals]
    by_decision: Mapping[str, int]
    by_rule: Mapping[str, int]
    """Rule to the number of quarantined rows that break it; a row may break several."""


def format_of(name: str) -> FileFormat:
    """The format that a file's name announces. Raises `SourceError` where it is none of ours."""
    formats: tuple[FileFormat, ...] = get_args(FileFormat)
    for file_format in formats:
        if name.endswith(f".{file_format}"):
            return file_format
    raise SourceError(f"{name} is no application file: its name must end in .{', .'.join(formats)}.")


def is_empty(delivery: Delivery, parts: Sequence[PartRef]) -> bool:
    """True if no application came, on a day on which none need come."""
    return delivery.excuse is not None and not any(part.rows for part in parts)


def fingerprint(delivery: Delivery, *, model: ModelPin, policy: str, contract: str) -> str:
    """SHA-256 over all that decides a day's rows; two runs with one fingerprint publish the same bytes.

    It covers the files' names and digests, the model's name, version and bundle digest, the digests of policy and
    contract, and the versions of features and output schema.
    """
    return _digest(
        {
            "as_of": delivery.as_of.isoformat(),
            "inputs": delivery.digests,
            "model": asdict(model),
            "policy": policy,
            "contract": contract,
            "features": FEATURE_VERSION,
            "schema": SCHEMA_VERSION,
        }
    )


def content_fingerprint(ids: np.ndarray, probabilities: np.ndarray, pins: Pins) -> str:
    """SHA-256 over what the published rows say and what decided them, whatever file format they came in.

    Args:
        ids: application ids, ascending, int64.
        probabilities: their pd.
    """
    content = hashlib.sha256(ids.tobytes() + probabilities.tobytes()).hexdigest()
    return _digest({"content": content, "model": pins.model.digest, "policy": pins.policy_digest})


def sum_totals(totals: Iterable[FileTotals]) -> FileTotals:
    """Totals of several files added up."""
    each = list(totals)
    return FileTotals(
        sum(one.rows for one in each),
        sum(one.decided for one in each),
        sum(one.quarantined for one in each),
        sum(one.duplicates_dropped for one in each),
    )


def unaccounted(totals: Mapping[str, FileTotals]) -> dict[str, int]:
    """File to the number of its rows that are neither decided, quarantined nor dropped as duplicates; 0 is left out."""
    missing = {name: one.rows - one.decided - one.quarantined - one.duplicates_dropped for name, one in totals.items()}
    return {name: rows for name, rows in missing.items() if rows}


def count_by_decision(decision: pa.ChunkedArray) -> dict[str, int]:
    """Number of rows for each possible decision, zeros included."""
    counts = {each["values"]: each["counts"] for each in decision.value_counts().to_pylist()}
    return {name: counts.get(name, 0) for name in DECISIONS}


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
