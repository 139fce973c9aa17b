"""One application of a published day: how it was decided and why, for whoever has to answer the applicant.

What was published is told as it stands. How the model came to it is worked out anew, from the delivered row and by the
model version that the manifest names, and held against what was published. Nothing is written, and nothing logged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from configs.settings import Scoring, Settings
from tasks.adapters.files.landing_reader import read_header
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID, parse_rows, rows_of_applicant
from tasks.core.contract.report import read_contract_report
from tasks.core.contract.screening import BROKEN_RULES
from tasks.core.day.manifest import Manifest, policy_of
from tasks.core.day.records import FileRef
from tasks.core.decision.reasons import REASONS, codes_of
from tasks.core.decision.scoring import Account, account_for, score_rows
from tasks.core.files import format_of
from tasks.core.lender.columns import ID, missing_columns
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.words import counted
from tasks.delivery.files import announced_of, delivered_chunks, open_landing, sha256_of
from tasks.errors import ModelError, SourceError
from tasks.inspection.handout import hand_out, require_place
from tasks.inspection.rejected import find_rejected
from tasks.model.load import load_bundle, load_engine
from tasks.publication.data_files import read_data
from tasks.publication.expired import read_expired
from tasks.publication.layout import landing_key
from tasks.publication.stored_day import published_revision
from tasks.store import Store

_PICTURES: Final = (".png", ".svg")


@dataclass(frozen=True, slots=True)
class Explained:
    """What is known of one application of a day."""

    published: Manifest
    row: Mapping[str, Any] | None
    """As published, column by column; None where it was set aside."""
    broken: Mapping[str, str | None]
    """Rules that it breaks, with their sentences; none where it was decided."""
    account: Account | None
    """How the model comes to it; None where that cannot be worked out."""
    otherwise: tuple[str, ...]
    """Published columns that come out otherwise today."""
    remarks: tuple[str, ...]
    """Why there is no account, or why it may be that of other values."""

    @property
    def reasons(self) -> Mapping[str, str]:
        """The codes that the row states, to their sentences, most important first."""
        sentences = {reason.code: reason.sentence for reason in self.published.reasons.values()}
        codes = [self.row[name] for name in REASONS] if self.row else []
        return {code: sentences.get(code, "") for code in codes if code is not None}


def explain(store: Store, as_of: date, applicant: int, settings: Settings) -> Explained:
    """How an application of the day's newest revision was decided, and how the model comes to it.

    Raises:
        SourceError: the day has not been published, or no row of it has the id, which is not repeated.
        PublishError: the day is damaged, or an applicant is being erased from it.
    """
    published = published_revision(store, as_of, hence="nothing of it can be explained")
    decisions = read_parquet(read_data(store, published.audited.decisions))
    rows = decisions.filter(pc.equal(decisions.column(APPLICATION_ID), applicant)).to_pylist()
    if not rows:
        return Explained(published, None, _broken_rules(store, published, applicant), None, (), ())
    found = _Landing(store, published)
    delivered = found.row_of(applicant, settings.scoring)
    if delivered is None:
        return Explained(published, rows[0], {}, None, (), found.remarks)
    try:
        account, scored = _work_out(delivered, published, settings)
    except ModelError as error:
        return Explained(published, rows[0], {}, None, (), (*found.remarks, str(error)))
    otherwise = tuple(name for name, value in scored.items() if value != rows[0][name])
    return Explained(published, rows[0], {}, account, otherwise, found.remarks)


def draw(explained: Explained, path: Path) -> None:
    """Write the account as a picture to a new file, PNG or SVG, that its owner alone may read.

    Raises:
        SourceError: there is no account to draw.
        ConfigError, PublishError: the file cannot be written.
    """
    if explained.account is None or explained.row is None:
        raise SourceError("No picture was drawn, because how the model came to it cannot be told; see above.")
    from tasks.adapters.pages.plots import draw_account, encode_figure

    caveat = " (not as published)" if explained.otherwise else ""
    decided = f"{explained.row['decision']}, revision {explained.published.revision}"
    title = f"How an application of {explained.published.as_of} came to its score: {decided}{caveat}"
    hand_out(encode_figure(draw_account(explained.account, FAMILIES, title=title), path.suffix[1:]), path)


def require_picture(path: Path) -> None:
    """Refuse a path at which no picture can be written. Raises `ConfigError`."""
    require_place(path, _PICTURES, why="is no picture that can be drawn")


def _work_out(delivered: pa.Table, published: Manifest, settings: Settings) -> tuple[Account, Mapping[str, Any]]:
    """How the published model comes to a delivered row, and what would be published of it."""
    row, policy = parse_rows(delivered).rows, policy_of(published)
    bundle, engine = load_bundle(published.model, settings), load_engine(published.model, settings)
    is_told = published.reasons.keys() == FAMILIES.keys()
    codes = codes_of(published.reasons) if is_told else tuple(FAMILIES)
    scored = score_rows(row, bundle, engine, policy=policy, codes=codes)
    stated = {name: scored.reasons[name][0].as_py() for name in REASONS} if is_told else {}
    return account_for(row, bundle, engine, policy=policy), {"pd": float(scored.pd[0]), **stated}


def _broken_rules(store: Store, published: Manifest, applicant: int) -> dict[str, str | None]:
    """The rules for which an applicant's rows were set aside, with their sentences."""
    rows = find_rejected(store, published.as_of).rows
    theirs = rows.filter(pa.array(rows_of_applicant(rows, applicant)))
    if not theirs.num_rows:
        erased = " Applicants were erased from the day since." if published.erasures else ""
        raise SourceError(
            f"No application with this id was decided or set aside on {published.as_of}, revision "
            f"{published.revision}.{erased} Look whether day and id are right."
        )
    report = read_contract_report(json.loads(read_data(store, published.audited.contract_report)))
    sentences = {rule.id: rule.sentence for rule in report.rules}
    broken = [rule for rules in theirs.column(BROKEN_RULES).to_pylist() for rule in rules.split(";")]
    return {rule: sentences.get(rule) for rule in broken}


class _Landing:
    """The files that a revision was made from, as far as they are there."""

    def __init__(self, store: Store, published: Manifest) -> None:
        self._store = store
        self._published = published
        self._prefix = landing_key(published.as_of)
        self.remarks: tuple[str, ...] = ()

    def row_of(self, applicant: int, scoring: Scoring) -> pa.Table | None:
        """The row that counts: that of the last correction, or else the feed's; None where it is not to be had."""
        for file in self._files_last_first():
            try:
                row = self._row_in(file, applicant, scoring)
            except SourceError as error:
                self._remark(str(error))
                continue
            if row is not None:
                return row
        self._remark("No delivered file that is still there holds the row, so how the model came to it cannot be told.")
        return None

    def _files_last_first(self) -> Iterator[FileRef]:
        there = {entry.key for entry in self._store.list(self._prefix)}
        expired = read_expired(self._store, self._published.as_of)
        for name, sha256 in reversed(list(self._published.inputs.items())):
            key = self._prefix + name
            if key in there:
                told = announced_of(self._store, key)
                yield FileRef(name, key, format_of(name), 0, sha256, told.rows if told else None)
            elif removed := expired.get(key):
                self._remark(f"{name} was removed by rule on {removed['at'][:10]}: {removed['rule']}.")
            else:
                self._remark(f"{name} is not in the landing any more.")

    def _row_in(self, file: FileRef, applicant: int, scoring: Scoring) -> pa.Table | None:
        limits = {"chunk_rows": scoring.chunk_rows, "max_unpacked_bytes": scoring.max_unpacked_bytes}
        with open_landing(self._store, file.key, name=file.name) as stream:
            if sha256_of(stream) != file.sha256:
                self._remark(f"{file.name} is not the file that was scored; it was changed since.")
            if missing := missing_columns(read_header(stream, file.format, name=file.name)):
                raise SourceError(f"{file.name} lacks {counted(len(missing), 'declared column')}.")
            stream.seek(0)
            with closing(delivered_chunks(stream, file, **limits)) as chunks:
                for chunk in chunks:
                    theirs = rows_of_applicant(chunk.select([ID]), applicant)
                    if theirs.any():
                        return chunk.filter(pa.array(theirs)).slice(0, 1)
        return None

    def _remark(self, told: str) -> None:
        self.remarks = (*self.remarks, told)
