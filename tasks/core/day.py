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
from typing import Any, Final, Literal, NamedTuple, Protocol, get_args

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.core.applications import ID, as_text, parse_rows
from tasks.core.contract import Rule, RuleCount, Verdicts, broken_rules_by_row, typed_frame, with_unparsable
from tasks.core.decisions import SCHEMA_VERSION
from tasks.core.features import FEATURE_VERSION
from tasks.core.policy import DECISIONS, Policy
from tasks.errors import SourceError

FileFormat = Literal["csv", "csv.gz", "parquet"]
CONFLICTING: Final = Rule(
    "application_id_conflicting",
    f"No two different rows of a day have one {ID}.",
    "critical",
    "data owner",
    "table",
    (ID,),
)
MANIFEST_VERSION: Final = "1"


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

    model: ModelPin
    policy: Policy
    policy_digest: str
    contract_version: str
    contract_digest: str
    fingerprint: str
    revision: int = 1
    """Number of the revision that this run would publish."""


@dataclass(frozen=True, slots=True)
class PartRef:
    """What screening and scoring one file left in the store, and what it counted."""

    file: FileRef
    decided_key: str
    rejected_key: str
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
class DataFile:
    """A stored object of a revision."""

    key: str
    sha256: str
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Audited:
    """A day that has passed every gate, its data files stored and named by digest, not yet published."""

    decisions: DataFile
    quarantine: DataFile | None
    content_fingerprint: str
    files: Mapping[str, FileTotals]
    by_decision: Mapping[str, int]
    by_rule: Mapping[str, int]
    """Rule to the number of quarantined rows that break it; a row may break several."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The commit of a revision: what was published, from what, with what."""

    as_of: date
    revision: int
    fingerprint: str
    inputs: Mapping[str, str]
    model: ModelPin
    policy: Mapping[str, Any]
    contract: Mapping[str, str]
    audited: Audited
    run: Mapping[str, str]
    """Facts of the run that made it (when, by which versions); never part of a row."""
    feature_version: str = FEATURE_VERSION
    schema_version: str = SCHEMA_VERSION
    manifest_version: str = MANIFEST_VERSION

    @property
    def totals(self) -> FileTotals:
        """The day's rows over all files."""
        return sum_totals(self.audited.files.values())


class DayResult(NamedTuple):
    """How a scoring run ended."""

    outcome: Literal["published", "unchanged"]
    """`unchanged`: the day had been published from these very files, and stays as it is."""
    manifest: Manifest


class ScreenedChunk(NamedTuple):
    """A chunk after parsing and contract: every row is in exactly one of the two tables."""

    accepted: pa.Table
    """Typed rows that keep every critical row rule."""
    accepted_rows: np.ndarray
    """Their positions in the file, counted from 1."""
    rejected: pa.Table
    """Rows set aside, in `REJECTED_COLUMNS` and then the delivered columns as text."""
    counts: Mapping[str, RuleCount]


class RowContract(Protocol):
    """The part of a contract that judges rows."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, in the suite's order."""

    def check_rows(self, frame: pd.DataFrame) -> Verdicts:
        """What the row rules say of a typed chunk."""


SOURCE_ROW: Final = "source_row"
SOURCE_FILE: Final = "source_file"
BROKEN_RULES: Final = "broken_rules"
APPLICATION_ID: Final = "application_id"
REJECTED_COLUMNS: Final = (SOURCE_FILE, SOURCE_ROW, BROKEN_RULES, APPLICATION_ID)


def format_of(name: str) -> FileFormat:
    """The format that a file's name announces. Raises `SourceError` where it is none of ours."""
    formats: tuple[FileFormat, ...] = get_args(FileFormat)
    for file_format in formats:
        if name.endswith(f".{file_format}"):
            return file_format
    raise SourceError(f"{name} is no application file: its name must end in .{', .'.join(formats)}.")


def fingerprint(delivery: Delivery, *, model: str, policy: str, contract: str) -> str:
    """SHA-256 over all that decides a day's rows; two runs with one fingerprint publish the same bytes.

    It covers the files' names and digests, the digests of model bundle, policy and contract, and the versions of
    features and output schema.
    """
    return _digest(
        {
            "as_of": delivery.as_of.isoformat(),
            "inputs": delivery.digests,
            "model": model,
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


def screen_chunk(raw: pa.Table, *, first_row: int, source: str, contract: RowContract) -> ScreenedChunk:
    """Parse a delivered chunk, judge its rows, and part those that can be decided from those that cannot.

    Args:
        raw: rows as delivered; all declared columns are present.
        first_row: position of the chunk's first row in its file, counted from 1.
        source: name of the file.
        contract: the rules.
    """
    typed = parse_rows(raw)
    verdicts = with_unparsable(contract.check_rows(typed_frame(typed.rows)), typed.unparsable, raw.num_rows)
    is_rejected, broken = broken_rules_by_row(contract.rules, verdicts, raw.num_rows)
    positions = np.arange(first_row, first_row + raw.num_rows)
    accepted = typed.rows.filter(pa.array(~is_rejected)) if is_rejected.any() else typed.rows
    rejected = rejected_rows(
        as_text(raw.filter(pa.array(is_rejected))),
        source_files=[source] * int(is_rejected.sum()),
        source_rows=positions[is_rejected],
        broken=broken,
        ids=typed.rows.column(ID).filter(pa.array(is_rejected)),
    )
    return ScreenedChunk(accepted, positions[~is_rejected], rejected, verdicts.counts)


def rejected_rows(
    text: pa.Table, *, source_files: Sequence[str], source_rows: np.ndarray, broken: Sequence[str], ids: pa.ChunkedArray
) -> pa.Table:
    """Quarantine rows: where each stood, every rule it breaks (joined by ';'), its id if it has one, and its text."""
    where = {
        SOURCE_FILE: pa.array(source_files, pa.string()),
        SOURCE_ROW: pa.array(source_rows, pa.int64()),
        BROKEN_RULES: pa.array(broken, pa.string()),
        APPLICATION_ID: ids,
    }
    return pa.table({**where, **dict(zip(text.column_names, text.columns, strict=True))})


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


def count_by_rule(broken: Iterable[str]) -> dict[str, int]:
    """Number of quarantined rows that break each rule, most broken first, then by name."""
    counts: dict[str, int] = {}
    for rules in broken:
        for rule in rules.split(";"):
            counts[rule] = counts.get(rule, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def manifest_json(manifest: Manifest) -> bytes:
    """The manifest as stored."""
    content = asdict(manifest) | {"as_of": manifest.as_of.isoformat(), "totals": asdict(manifest.totals)}
    return json.dumps(content, sort_keys=True, indent=1).encode()


def read_manifest(data: bytes) -> Manifest:
    """The manifest in stored bytes. Raises `ValueError` or `KeyError` where it is none."""
    content = json.loads(data)
    audited = content.pop("audited")
    content.pop("totals")
    quarantine = audited.pop("quarantine")
    return Manifest(
        **content
        | {
            "as_of": date.fromisoformat(content["as_of"]),
            "model": ModelPin(**content["model"]),
            "audited": Audited(
                **audited
                | {
                    "decisions": DataFile(**audited["decisions"]),
                    "quarantine": DataFile(**quarantine) if quarantine else None,
                    "files": {name: FileTotals(**one) for name, one in audited["files"].items()},
                }
            ),
        }
    )


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
