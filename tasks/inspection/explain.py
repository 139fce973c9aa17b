"""One application of a published day: its decision and reasons, for those who answer the applicant.

The published row is shown as it stands. The model's account is computed anew, from the delivered
row and by the model version that the manifest names, and compared with the published row. Nothing
is written, and nothing is logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from configs.calendar import Calendar, load_calendar
from configs.settings import Settings
from tasks.core.applications import rows_of_applicant
from tasks.core.contract.report import read_contract_report
from tasks.core.contract.screening import BROKEN_RULES
from tasks.core.day.manifest import Manifest, policy_of
from tasks.core.decision.reasons import REASONS, codes_of
from tasks.core.decision.scoring import Account, Scored, account_for, score_rows
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.words import listed
from tasks.delivery.decided import decided_rows
from tasks.errors import ConfigError, ModelError, SourceError
from tasks.inspection.handout import hand_out, require_place
from tasks.inspection.lookup import SET_ASIDE, TAKEN_BACK, Appearance, appearances_in, published_row
from tasks.inspection.rejected import rows_set_aside
from tasks.model.load import load_bundle, load_engine
from tasks.publication.data_files import read_data
from tasks.publication.stored_day import published_revisions
from tasks.store import Store

_NO_ROW: Final = "No delivered file that is still there holds the row, so how the model came to it cannot be told."
_PICTURES: Final = (".png", ".svg")


@dataclass(frozen=True, slots=True)
class Explained:
    """Facts about one application of a day."""

    published: Manifest
    row: Mapping[str, Any] | None
    """The published row, column by column; None if the application was set aside."""
    broken: Mapping[str, str | None]
    """Rule that it breaks to sentence (None if unknown); empty if it was decided."""
    account: Account | None
    """The model's account of the decision; None if it cannot be computed."""
    otherwise: tuple[str, ...]
    """Published columns that have another value if computed today."""
    remarks: tuple[str, ...]
    """Reasons for a missing account, or for an account that may be of other values."""
    revisions: tuple[Appearance, ...] = ()
    """The application in every revision of the day, newest first."""
    delivered: pa.Table | None = None
    """The typed row as it was delivered; None if no file holds it any more."""

    @property
    def decided_otherwise(self) -> Mapping[str, tuple[int, ...]]:
        """Other outcome to the revisions of the day that came to it, ascending."""
        shown = self.row["decision"] if self.row else SET_ASIDE
        others: dict[str, tuple[int, ...]] = {}
        for each in self.revisions:
            is_told = each.is_there or each.outcome == TAKEN_BACK
            if is_told and each.outcome != shown:
                others[each.outcome] = (each.published.revision, *others.get(each.outcome, ()))
        return others

    @property
    def reasons(self) -> Mapping[str, str]:
        """Code that the row states to its sentence, most important first."""
        sentences = {reason.code: reason.sentence for reason in self.published.reasons.values()}
        codes = [self.row[name] for name in REASONS] if self.row else []
        return {code: sentences.get(code, "") for code in codes if code is not None}


def explain(
    store: Store,
    as_of: date,
    applicant: int,
    settings: Settings,
    *,
    revision: int | None = None,
) -> Explained:
    """Explain the decision on an application of a day, in its newest revision or in an earlier one.

    Args:
        store: where the day lies.
        as_of: the day.
        applicant: the id.
        settings: of model, calendar and reading.
        revision: number of the revision; None for the newest.

    Raises:
        ConfigError: the day has no such revision.
        SourceError: the day has not been published, or no row of the revision has the id. The
            message does not repeat the id.
        PublishError: the day is damaged, or an applicant is being erased from it.
    """
    manifests = published_revisions(store, as_of, consequence="nothing of it can be explained")
    published = _asked_for(manifests, revision)
    calendar = load_calendar(settings.scoring.calendar)
    results = published_row(store, published, applicant)
    revisions = appearances_in(store, manifests, applicant, calendar)
    if not results.num_rows:
        broken = _broken_rules(store, published, applicant, calendar, revisions)
        return Explained(published, None, broken, None, (), (), revisions)
    row = results.to_pylist()[0]
    delivered = decided_rows(store, published, results, settings.scoring)
    if not delivered.rows.num_rows:
        return Explained(published, row, {}, None, (), (*delivered.remarks, _NO_ROW), revisions)
    try:
        account, scored = _work_out(delivered.rows, published, settings)
    except ModelError as error:
        return Explained(published, row, {}, None, (), (*delivered.remarks, str(error)), revisions)
    otherwise = tuple(name for name, value in scored.items() if value != row[name])
    return Explained(published, row, {}, account, otherwise, delivered.remarks, revisions, delivered.rows)


def _asked_for(manifests: tuple[Manifest, ...], revision: int | None) -> Manifest:
    """The newest manifest, or that of a numbered revision. Raises `ConfigError` if there is none."""
    if revision is None:
        return manifests[-1]
    if not 1 <= revision <= len(manifests):
        newest = manifests[-1]
        raise ConfigError(
            f"{newest.as_of} has no revision {revision}; its newest is {newest.revision}. Give one from 1 to "
            f"{newest.revision}, or leave --revision out."
        )
    return manifests[revision - 1]


def otherwise_sentences(explained: Explained) -> tuple[str, ...]:
    """Sentences on the other revisions of the day that came to another outcome, without a full stop."""
    sentences = []
    for outcome, revisions in explained.decided_otherwise.items():
        noun = "Revision" if len(revisions) == 1 else "Revisions"
        sentences.append(f"{noun} {listed([str(each) for each in revisions])} of the day: {outcome}")
    return tuple(sentences)


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
    as_of = explained.published.as_of
    title = f"How an application of {as_of} came to its score: {decided}{caveat}"
    figure = draw_account(explained.account, FAMILIES, title=title)
    hand_out(encode_figure(figure, path.suffix[1:]), path)


def require_picture(path: Path) -> None:
    """Refuse a path at which no picture can be written. Raises `ConfigError`."""
    require_place(path, _PICTURES, why="is not a picture that can be drawn")


def score_delivered(row: pa.Table, published: Manifest, settings: Settings) -> Scored:
    """Score a typed row by the model, the policy and the codes of a revision.

    Raises:
        ModelError: the model is not to be had.
    """
    bundle = load_bundle(published.model, settings)
    engine = load_engine(published.model, settings)
    codes = codes_of(published.reasons) if _has_all_reasons(published) else tuple(FAMILIES)
    return score_rows(row, bundle, engine, policy=policy_of(published), codes=codes)


def _has_all_reasons(published: Manifest) -> bool:
    """True if the revision states a reason for each family of features that there is today."""
    return published.reasons.keys() == FAMILIES.keys()


def _work_out(
    row: pa.Table,
    published: Manifest,
    settings: Settings,
) -> tuple[Account, Mapping[str, Any]]:
    """Compute the published model's account of a delivered row, and the values to publish of it."""
    scored = score_delivered(row, published, settings)
    stated = {}
    if _has_all_reasons(published):
        stated = {name: scored.reasons[name][0].as_py() for name in REASONS}
    bundle = load_bundle(published.model, settings)
    engine = load_engine(published.model, settings)
    account = account_for(row, bundle, engine, policy=policy_of(published))
    return account, {"pd": float(scored.pd[0]), **stated}


def _broken_rules(
    store: Store,
    published: Manifest,
    applicant: int,
    calendar: Calendar,
    revisions: tuple[Appearance, ...],
) -> dict[str, str | None]:
    """Rule for which an applicant's rows were set aside to its sentence, or to None if unknown."""
    rows = rows_set_aside(store, published, calendar)
    theirs = rows.filter(pa.array(rows_of_applicant(rows, applicant)))
    if not theirs.num_rows:
        raise SourceError(_absence(published, [each for each in revisions if each.is_there]))
    report = read_contract_report(json.loads(read_data(store, published.audited.contract_report)))
    sentences = {rule.id: rule.sentence for rule in report.rules}
    rows_rules = theirs.column(BROKEN_RULES).to_pylist()
    broken = [rule for rules in rows_rules for rule in rules.split(";")]
    return {rule: sentences.get(rule) for rule in broken}


def _absence(published: Manifest, elsewhere: list[Appearance]) -> str:
    """Sentences that a revision has no row with the id, and which revisions of the day have one."""
    told = [
        f"No application with this id was decided or set aside on {published.as_of}, revision {published.revision}."
    ]
    if published.is_withdrawn:
        told = [f"Revision {published.revision} withdrew {published.as_of}, so no application of it has a decision."]
    if published.erasures:
        told.append("Applicants were erased from the day since.")
    if elsewhere:
        numbers = listed([str(each.published.revision) for each in elsewhere])
        told.append(f"Of its revisions, {numbers} had it: look at one with --revision.")
    else:
        told.append("Look whether day and id are right; without --as-of all days are searched.")
    return " ".join(told)
