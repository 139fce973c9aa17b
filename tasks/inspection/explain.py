"""One application of a published day: how it was decided and why, for whoever has to answer the applicant.

What was published is told as it stands. How the model came to it is worked out anew, from the delivered row and by the
model version that the manifest names, and held against what was published. Nothing is written, and nothing logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet
from tasks.core.applications import APPLICATION_ID, rows_of_applicant
from tasks.core.contract.report import read_contract_report
from tasks.core.contract.screening import BROKEN_RULES
from tasks.core.day.manifest import Manifest, policy_of
from tasks.core.decision.reasons import REASONS, codes_of
from tasks.core.decision.scoring import Account, account_for, score_rows
from tasks.core.lender.feature_list import FAMILIES
from tasks.delivery.decided import decided_rows
from tasks.errors import ModelError, SourceError
from tasks.inspection.handout import hand_out, require_place
from tasks.inspection.rejected import find_rejected
from tasks.model.load import load_bundle, load_engine
from tasks.publication.data_files import read_data
from tasks.publication.stored_day import published_revision
from tasks.store import Store

_NO_ROW: Final = "No delivered file that is still there holds the row, so how the model came to it cannot be told."
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
    results = decisions.filter(pc.equal(decisions.column(APPLICATION_ID), applicant))
    if not results.num_rows:
        return Explained(published, None, _broken_rules(store, published, applicant), None, (), ())
    row = results.to_pylist()[0]
    delivered = decided_rows(store, published, results, settings.scoring)
    if not delivered.rows.num_rows:
        return Explained(published, row, {}, None, (), (*delivered.remarks, _NO_ROW))
    try:
        account, scored = _work_out(delivered.rows, published, settings)
    except ModelError as error:
        return Explained(published, row, {}, None, (), (*delivered.remarks, str(error)))
    otherwise = tuple(name for name, value in scored.items() if value != row[name])
    return Explained(published, row, {}, account, otherwise, delivered.remarks)


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


def _work_out(row: pa.Table, published: Manifest, settings: Settings) -> tuple[Account, Mapping[str, Any]]:
    """How the published model comes to a delivered row, and what would be published of it."""
    policy = policy_of(published)
    bundle = load_bundle(published.model, settings)
    engine = load_engine(published.model, settings)
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
