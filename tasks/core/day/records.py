"""Records of a day of applications: its delivery, pins, counts of rows and data files.

Everything here is data in, data out. Tasks pass the small frozen records of this module to each
other; tables stay inside a step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, field, replace
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
class ByteRange:
    """Whole lines of a landing file, one after another."""

    begin: int
    """Position of its first byte in the file, counted from 0."""
    end: int
    """Position after its last byte."""
    sha256: str
    lines: int
    """Number of line ends in it."""


@dataclass(frozen=True, slots=True)
class FileRef:
    """A landing file as listed and digested."""

    name: str
    """Name of the file, relative to the day's landing (`normal_name`); its key is as delivered."""
    key: str
    format: FileFormat
    size_bytes: int
    sha256: str
    announced_rows: int | None = None
    """Rows that `_control.json` announces; None if there is no such file."""
    lines: int | None = None
    """Number of line ends in it; None if it is not plain text."""
    ranges: tuple[ByteRange, ...] = ()
    """Ranges that make up the file, in order, each to be worked on by itself; none if it is worked on as a whole."""

    @property
    def is_correction(self) -> bool:
        """True if its rows replace those of other files."""
        return self.name.startswith(CORRECTIONS)


@dataclass(frozen=True, slots=True)
class Delivery:
    """All files of a day that count: the feed's by name, then the corrections by name."""

    as_of: date
    files: tuple[FileRef, ...]

    @property
    def digests(self) -> dict[str, str]:
        """File name to SHA-256."""
        return {file.name: file.sha256 for file in self.files}


@dataclass(frozen=True, slots=True)
class Order:
    """Order that somebody gave for a day.

    `publish`: decide the day if it is not published. `force`: decide it again from the files in the
    landing, with today's model, policy and contract. `as-was`: the same with the model, policy and
    contract of the published revision. `corrections`: replace the corrected rows, with those of the
    published revision. `withdraw`: take the published decisions back, and decide nothing.
    """

    kind: Literal["publish", "force", "as-was", "corrections", "withdraw"] = "publish"
    reason: str | None = None
    """Reason why a published day is revised, in words; never an applicant's data."""

    @property
    def keeps_pins(self) -> bool:
        """True if the day is decided by the model, policy and contract of its published revision."""
        return self.kind in ("as-was", "corrections")


PUBLISH: Final = Order()


@dataclass(frozen=True, slots=True)
class Draft:
    """The revision that a run would publish."""

    revision: int
    reason: str | None
    base: DataFile | None
    """Decisions of the revision before it; None if it is the first."""
    recent_days: Mapping[str, int] | None = None
    """Days that the revision before it was compared with; None if it is the first, or follows a withdrawn one."""


@dataclass(frozen=True, slots=True)
class ShadowPin:
    """Second model that scores a day beside the first one. Nothing of it is published."""

    model: ModelPin
    policy: Policy
    """The policy of the day, filled in for this model."""


@dataclass(frozen=True, slots=True)
class Pins:
    """Model, policy, contract and reasons that a day is scored with, resolved once."""

    as_of: date
    model: ModelPin
    policy: Policy
    policy_digest: str
    contract_version: str
    contract_digest: str
    reasons: Mapping[str, Reason]
    """Family of features to its reason."""
    fingerprint: str
    column_aliases: Mapping[str, str] = field(default_factory=dict)
    """Name of a column as the feed writes it, to its declared name."""
    sealed_copy: str = ""
    """Sentence that says why the model comes from its sealed copy; empty if the registry named it.
    It is no part of the fingerprint: the copy is the same model."""
    shadow: ShadowPin | None = None
    """Second model; None for none. It is no part of the fingerprint: no row depends on it."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A stored object of a revision."""

    key: str
    sha256: str
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class PartRef:
    """Result of screening and scoring a part of a day: a file, or a range of one. Its tables lie in the store."""

    file: FileRef
    decided: DataFile
    rejected: DataFile
    rows: int
    counts: Mapping[str, RuleCount]
    """Row rule to its counts over all rows of the part."""
    sums: Mapping[str, int]
    """Measure to its control total over the rows as they were read."""
    broken_columns: tuple[str, ...] = ()
    """Rules about the header that the file breaks; none of them is critical."""
    shadow: DataFile | None = None
    """Results of the second model; None if there is none, or if it failed."""


@dataclass(frozen=True, slots=True)
class ScreenedFile:
    """Result of screening and scoring one file."""

    file: FileRef
    results: tuple[PartRef, ...]
    """Results of its parts, in the order of its rows. Their `file` has no ranges, or each would repeat them all."""

    @property
    def parts(self) -> tuple[PartRef, ...]:
        """The same with the file as it was listed."""
        return tuple(replace(result, file=self.file) for result in self.results)

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return sum(result.rows for result in self.results)


@dataclass(frozen=True, slots=True)
class FileTotals:
    """Rows of a landing file by what became of them; or a sum over such rows, by stage."""

    rows: int
    decided: int
    quarantined: int
    duplicates_dropped: int
    replaced: int = 0
    """Rows that a correction replaces."""
    erased: int = 0
    """Rows of applicants who were erased since the file was scored."""

    @property
    def unaccounted(self) -> int:
        """Rows that are in none of these counts; 0 unless the program is wrong."""
        return self.rows - self.decided - self.quarantined - self.duplicates_dropped - self.replaced - self.erased

    @property
    def is_erased(self) -> bool:
        """True if the file had rows and all of them were erased. Then the file is gone, too."""
        return 0 < self.rows == self.erased


@dataclass(frozen=True, slots=True)
class Audited:
    """A day that passed every gate, with its data files stored by digest but not published."""

    decisions: DataFile
    quarantine: DataFile | None
    contract_report: DataFile
    content_fingerprint: str
    files: Mapping[str, FileTotals]
    by_decision: Mapping[str, int]
    by_rule: Mapping[str, int]
    """Rule to the number of quarantined rows that break it. A row may break several rules."""
    changes: DataFile | None = None
    """Decisions that differ from the revision before; None in the first revision."""
    control_totals: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """Control totals as recorded (`core.day.control_totals.publishable_totals`). Empty once somebody was
    erased: the difference to the remaining rows would show that applicant's values."""
    recent_days: Mapping[str, int] = field(default_factory=dict)
    """Published day that the day was compared with, in ISO form, to the rows decided on it."""
    changed_reasons: int | None = None
    """Applications with the decision of the revision before, but other reasons.

    None in the first revision, or if they were not counted.
    """
    by_reason: Mapping[str, int] = field(default_factory=dict)
    """Code to the number of rows whose first reason it is, zeros included; empty if not counted."""

    @property
    def data_files(self) -> tuple[DataFile, ...]:
        """Every stored object that the manifest of this day names."""
        files = (self.decisions, self.quarantine, self.contract_report, self.changes)
        return tuple(file for file in files if file)


def fingerprint(delivery: Delivery, pins: Pins) -> str:
    """SHA-256 over all that decides a day's rows; runs with one fingerprint publish the same bytes.

    It covers the files' names and digests, the model's name, version and bundle digest, the digests
    of policy and contract, the reasons' codes, the aliases of columns, and the versions of features
    and output schema. The sentence of a code is not part of a row.
    """
    aliases = {"columns": dict(pins.column_aliases)} if pins.column_aliases else {}
    return _digest(
        {
            **aliases,
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
    """SHA-256 over the content of the published rows and all that decided them.

    The format of the delivered files does not change it.
    """
    content = hashlib.sha256()
    for name in ("application_id", "pd"):
        content.update(decisions.column(name).to_numpy().tobytes())
    codes = pa.array(sorted(_codes(pins.reasons).values()), pa.string())
    for name in REASONS:
        place = pc.index_in(decisions.column(name).cast(pa.string()), codes).fill_null(-1)
        content.update(place.to_numpy().tobytes())
    made_by = {
        "model": pins.model.digest,
        "policy": pins.policy_digest,
        "reasons": _codes(pins.reasons),
    }
    return _digest({"content": content.hexdigest(), **made_by})


def sum_totals(totals: Iterable[FileTotals]) -> FileTotals:
    """Add up the totals of several files."""
    each = [astuple(one) for one in totals]
    if not each:
        return FileTotals(0, 0, 0, 0)
    return FileTotals(*(sum(counts) for counts in zip(*each, strict=True)))


def unaccounted(totals: Mapping[str, FileTotals]) -> dict[str, int]:
    """File to the number of its rows that are in no count; files without such rows are left out."""
    return {name: one.unaccounted for name, one in totals.items() if one.unaccounted}


def count_by_decision(decision: pa.ChunkedArray) -> dict[str, int]:
    """Number of rows for each possible decision, zeros included."""
    return _count(decision, DECISIONS)


def count_by_reason(reason: pa.ChunkedArray, reasons: Mapping[str, Reason]) -> dict[str, int]:
    """Number of rows for each code, zeros included; rows without a code are in no count.

    Args:
        reason: the first reason of each row.
        reasons: reasons that a row may state.
    """
    return _count(reason, _codes(reasons).values())


def _count(values: pa.ChunkedArray, possible: Iterable[str]) -> dict[str, int]:
    counts = {each["values"]: each["counts"] for each in values.value_counts().to_pylist()}
    return {value: counts.get(value, 0) for value in possible}


def _codes(reasons: Mapping[str, Reason]) -> dict[str, str]:
    return {family: reason.code for family, reason in reasons.items()}


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
