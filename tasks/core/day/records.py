"""A day of applications: what arrived, what it was scored with, how each row is accounted for, and what is published.

Everything here is data in, data out. Tasks hand the small frozen records of this module to each other; tables stay
inside a step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, field
from datetime import date
from typing import Any, Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from tasks.core.contract.rules import RuleCount
from tasks.core.decision.policy import DECISIONS, Policy
from tasks.core.decision.published_rows import SCHEMA_VERSION
from tasks.core.decision.reasons import REASONS, Reason
from tasks.core.files import FileFormat
from tasks.core.model.bundle import ModelPin
from tasks.core.model.features import FEATURE_VERSION

CORRECTIONS: Final = "corrections/"
"""Folder within a day's landing whose files replace rows by id."""


@dataclass(frozen=True, slots=True)
class FileRef:
    """A landing file as listed and digested."""

    name: str
    """Relative to the day's landing."""
    key: str
    format: FileFormat
    size_bytes: int
    sha256: str
    announced_rows: int | None = None
    """Rows that `_control.json` promises, if there is one."""
    lines: int | None = None
    """Line ends in it; None where it is no plain text."""

    @property
    def is_correction(self) -> bool:
        """Whether its rows replace those of other files."""
        return self.name.startswith(CORRECTIONS)


@dataclass(frozen=True, slots=True)
class Delivery:
    """All files of a day that count: the feed's, sorted by name, then the corrections, sorted by name."""

    as_of: date
    files: tuple[FileRef, ...]

    @property
    def digests(self) -> dict[str, str]:
        """File name to SHA-256."""
        return {file.name: file.sha256 for file in self.files}


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asked to be done with a day.

    `publish`: decide it if it is not published. `force`: decide it again from what lies in the landing, with today's
    model, policy and contract. `corrections`: replace the corrected rows, with those of the published revision.
    """

    kind: Literal["publish", "force", "corrections"] = "publish"
    reason: str | None = None
    """Why a published day is revised, in words; never an applicant's data."""


PUBLISH: Final = Order()


@dataclass(frozen=True, slots=True)
class Draft:
    """The revision that a run would publish."""

    revision: int
    reason: str | None
    base: DataFile | None
    """The decisions of the revision before it."""
    recent_days: Mapping[str, int] | None = None
    """The days before that the revision before it was compared with; None: it is the first."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What a day is scored with, resolved once."""

    as_of: date
    model: ModelPin
    policy: Policy
    policy_digest: str
    contract_version: str
    contract_digest: str
    reasons: Mapping[str, Reason]
    """Family of features to the reason that it stands for."""
    fingerprint: str


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
    """Rule that is judged row by row to its counts over the whole file."""
    sums: Mapping[str, int]
    """Measure to its control total over the rows as they were read."""
    broken_columns: tuple[str, ...] = ()
    """Rules about the header that it breaks; none of them is critical."""


@dataclass(frozen=True, slots=True)
class FileTotals:
    """One landing file's rows, every one accounted for; or a sum over them, from stage to stage."""

    rows: int
    decided: int
    quarantined: int
    duplicates_dropped: int
    replaced: int = 0
    """Rows that a correction stands in for."""
    erased: int = 0
    """Rows of applicants who were erased since the file was scored."""

    @property
    def unaccounted(self) -> int:
        """Rows that became nothing of all this; 0 unless the program is wrong."""
        return self.rows - self.decided - self.quarantined - self.duplicates_dropped - self.replaced - self.erased

    @property
    def is_erased(self) -> bool:
        """Whether the file had rows, and all of them were erased; then it has gone, too."""
        return 0 < self.rows == self.erased


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
    changes: DataFile | None = None
    """What differs from the revision before; None in the first."""
    control_totals: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """What is told of control totals (`core.day.control_totals.tell_totals`); nothing once somebody was erased, whom
    the difference to what is left would tell."""
    recent_days: Mapping[str, int] = field(default_factory=dict)
    """Published days that the day was compared with, in ISO form, to the rows decided on each."""
    changed_reasons: int | None = None
    """Applications decided as in the revision before, for other reasons; None in the first, or where nobody counted."""
    by_reason: Mapping[str, int] = field(default_factory=dict)
    """Code to the number of rows whose first reason it is, zeros included; nothing where nobody counted."""

    @property
    def data_files(self) -> tuple[DataFile, ...]:
        """Every stored object that a manifest with this names."""
        files = (self.decisions, self.quarantine, self.contract_report, self.changes)
        return tuple(file for file in files if file)


def fingerprint(delivery: Delivery, pins: Pins) -> str:
    """SHA-256 over all that decides a day's rows; two runs with one fingerprint publish the same bytes.

    It covers the files' names and digests, the model's name, version and bundle digest, the digests of policy and
    contract, the reasons' codes, and the versions of features and output schema. What a code says is no part of a row.
    """
    return _digest(
        {
            "as_of": delivery.as_of.isoformat(),
            "inputs": delivery.digests,
            "model": asdict(pins.model),
            "policy": pins.policy_digest,
            "contract": pins.contract_digest,
            "reasons": _codes(pins.reasons),
            "features": FEATURE_VERSION,
            "schema": SCHEMA_VERSION,
        }
    )


def content_fingerprint(decisions: pa.Table, pins: Pins) -> str:
    """SHA-256 over what the published rows say and what decided them, whatever file format they came in."""
    content = hashlib.sha256()
    for name in ("application_id", "pd"):
        content.update(decisions.column(name).to_numpy().tobytes())
    codes = pa.array(sorted(_codes(pins.reasons).values()), pa.string())
    for name in REASONS:
        content.update(pc.index_in(decisions.column(name), codes).fill_null(-1).to_numpy().tobytes())
    made_by = {"model": pins.model.digest, "policy": pins.policy_digest, "reasons": _codes(pins.reasons)}
    return _digest({"content": content.hexdigest(), **made_by})


def sum_totals(totals: Iterable[FileTotals]) -> FileTotals:
    """Totals of several files added up."""
    each = [astuple(one) for one in totals]
    return FileTotals(*(sum(counts) for counts in zip(*each, strict=True))) if each else FileTotals(0, 0, 0, 0)


def unaccounted(totals: Mapping[str, FileTotals]) -> dict[str, int]:
    """File to the number of its rows that are nowhere accounted for; 0 is left out."""
    return {name: one.unaccounted for name, one in totals.items() if one.unaccounted}


def count_by_decision(decision: pa.ChunkedArray) -> dict[str, int]:
    """Number of rows for each possible decision, zeros included."""
    return _count(decision, DECISIONS)


def count_by_reason(reason: pa.ChunkedArray, reasons: Mapping[str, Reason]) -> dict[str, int]:
    """Number of rows for each code, zeros included; rows that state none are in no count.

    Args:
        reason: the first reason of each row.
        reasons: those that a row may state.
    """
    return _count(reason, _codes(reasons).values())


def _count(values: pa.ChunkedArray, possible: Iterable[str]) -> dict[str, int]:
    counts = {each["values"]: each["counts"] for each in values.value_counts().to_pylist()}
    return {value: counts.get(value, 0) for value in possible}


def _codes(reasons: Mapping[str, Reason]) -> dict[str, str]:
    return {family: reason.code for family, reason in reasons.items()}


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
