"""Promotion of a version through the gate, the way back, and the record of both.

The record of a promotion is created once, before the alias moves: it says who decided what, even if
the registry fails right after. The verdict that it names is kept beside it under its digest. Of two
people who promote at once, one creates the record and the other is told to look again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

from pydantic import TypeAdapter

from configs.settings import Settings
from tasks.core.model.bundle import ModelPin
from tasks.core.model_life.promotions import PromotionKind, PromotionRecord, scored_in_order, took_place
from tasks.core.model_life.verdict import GateVerdict
from tasks.errors import ConfigError, ModelError, PromotionRefused, PublishError
from tasks.model.champion import promote_version
from tasks.model.load import load_bundle, policy_for, registry_of
from tasks.model.policy_in_force import policy_in_force
from tasks.model_life.compare import GivenRows, judge_versions, version_named
from tasks.model_life.verdict_page import write_verdict
from tasks.publication.layout import kept_verdict_key, promotion_record_key
from tasks.publication.stored_day import stored_days
from tasks.publication.who import user_and_machine
from tasks.store import AlreadyExists, Store, open_store
from tasks.store.renewing import read_if_there


@dataclass(frozen=True, slots=True)
class Promoted:
    """Result of a promotion."""

    model: ModelPin
    """Version that scores now."""
    record: PromotionRecord | None
    """None if the version was the champion already."""
    verdict: GateVerdict | None = None
    """None if there was no champion to compare it with."""
    page: str | None = None
    """Place of the page of the verdict."""


@dataclass(frozen=True, slots=True)
class DecidedRange:
    """Days one after the other that a version decided, and nobody else in between."""

    first: date
    last: date
    days: int


def promotion_history(store: Store, name: str) -> list[PromotionRecord]:
    """Promotions of a model, oldest first.

    Raises:
        PublishError: a record is damaged.
    """
    records: list[PromotionRecord] = []
    while there := read_if_there(store, promotion_record_key(name, len(records) + 1)):
        try:
            records.append(TypeAdapter(PromotionRecord).validate_json(there.data))
        except ValueError:
            place = store.location(promotion_record_key(name, len(records) + 1))
            raise PublishError(
                f"{place} is not a record of a promotion. Restore it from a backup; nothing was promoted."
            ) from None
    return records


def promote_first(model: ModelPin, settings: Settings) -> PromotionRecord:
    """Make the first version of a model the champion."""
    return _move(_next_number(settings), None, model, settings, kind="first")


def promote_challenger(
    settings: Settings,
    *,
    version: str | None = None,
    given: GivenRows | None = None,
    anyway: bool = False,
    reason: str | None = None,
) -> Promoted:
    """Compare a version with the champion, and let it score if the gate passes.

    The page of the verdict is written in either case.

    Args:
        settings: of the project.
        version: number of the version; None for the challenger.
        given: applications with outcomes to compare on; by default those that the store kept.
        anyway: True to promote though checks fail; needs a reason.
        reason: reason for the promotion; it is kept.

    Raises:
        ConfigError: an override has no reason.
        PromotionRefused: checks failed; names them. The champion stays.
        ModelError: there is no such version, the policy forbids it, or the registry does not answer.
    """
    reason = (reason or "").strip() or None
    if anyway and reason is None:
        raise ConfigError('--anyway needs a reason (--reason "..."): it is kept beside what was overridden.')
    number = _next_number(settings)  # before the champion is known: whoever promotes meanwhile takes it
    registry = registry_of(settings)
    model = version_named(version or settings.registry.challenger_alias, settings)
    champion = registry.named_by(registry.alias)
    if champion == model:
        return Promoted(promote_version(model.version, settings), None)
    require_allowed(model, settings)
    if champion is None:
        return Promoted(model, _move(number, None, model, settings, kind="first", reason=reason))
    verdict = judge_versions(model, champion, settings, given)
    page = write_verdict(verdict, settings)
    if not verdict.is_passed and not anyway:
        raise PromotionRefused(_refusal(verdict, page))
    kind: PromotionKind = "gate" if verdict.is_passed else "anyway"
    record = _move(number, champion, model, settings, kind=kind, reason=reason, verdict=verdict)
    return Promoted(model, record, verdict, page)


def roll_back(settings: Settings, *, reason: str | None) -> PromotionRecord:
    """Let the version before score again. It passed once, so there is no gate.

    Raises:
        ConfigError: there is no reason.
        ModelError: no version scored before, the alias was moved in another way since, the policy
            forbids the version, or it is not what was registered then.
    """
    reason = (reason or "").strip() or None
    if reason is None:
        raise ConfigError('A roll-back needs a reason (--reason "..."): it is kept, for those who acted on decisions.')
    registry = registry_of(settings)
    history = promotion_history(open_store(settings.storage), registry.model_name)
    champion = registry.named_by(registry.alias)
    order = scored_in_order(took_place(history, champion))
    if champion is None or not order or order[-1] != champion:
        raise ModelError(
            f"The last promotion in the store is not that of the {registry.alias} of {registry.model_name}, so the "
            "version before is not known: the alias was moved by something else. Name a version: "
            '`scoring promote --version N --anyway --reason "..."`.'
        )
    if len(order) == 1:
        raise ModelError(
            f"{champion.name} version {champion.version} is the first that scored, so no version is before it. "
            "Train another one with `scoring train`."
        )
    before = order[-2]
    found = registry.candidate(before.version)
    if found != before:
        raise ModelError(
            f"{before.name} version {before.version} in registry {registry.address} is not the version that scored "
            f"before: its bundle has SHA-256 {found.digest[:12]}…, expected {before.digest[:12]}…. Name a version: "
            '`scoring promote --version N --anyway --reason "..."`.'
        )
    require_allowed(before, settings)
    return _move(len(history) + 1, champion, before, settings, kind="rollback", reason=reason)


def days_decided_by(model: ModelPin, settings: Settings) -> list[DecidedRange]:
    """Days whose newest revision a version decided, in ranges without a day of another version."""
    days = stored_days(open_store(settings.storage), ["revisions"])
    ranges: list[DecidedRange] = []
    is_open = False
    for as_of, day in days.items():
        newest = day.last_decided if day.newest and day.newest.is_withdrawn else day.newest
        if newest is None or newest.is_withdrawn:
            continue
        if newest.model != model:
            is_open = False
        elif is_open:
            ranges[-1] = DecidedRange(ranges[-1].first, as_of, ranges[-1].days + 1)
        else:
            ranges.append(DecidedRange(as_of, as_of, 1))
            is_open = True
    return ranges


def require_allowed(model: ModelPin, settings: Settings) -> None:
    """Refuse a version that the policy forbids, so that no day finds out. Raises `ModelError` that names it."""
    policy_for(model, load_bundle(model, settings), policy_in_force(settings).policy)


def _next_number(settings: Settings) -> int:
    """Number of the next record; of two who took the same one, only the first creates it."""
    return len(promotion_history(open_store(settings.storage), settings.registry.model_name)) + 1


def _move(
    number: int,
    before: ModelPin | None,
    after: ModelPin,
    settings: Settings,
    *,
    kind: PromotionKind,
    reason: str | None = None,
    verdict: GateVerdict | None = None,
) -> PromotionRecord:
    """Keep the verdict, record the promotion, then move the alias. A version that scores is a challenger no more."""
    store = open_store(settings.storage)
    registry = registry_of(settings)
    if verdict:
        with contextlib.suppress(AlreadyExists):  # the same verdict, of an attempt that went no further
            store.create(kept_verdict_key(after.name, verdict.sha256), verdict.to_json())
    record = PromotionRecord(
        number=number,
        kind=kind,
        before=before,
        after=after,
        who=user_and_machine(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        reason=reason,
        overridden=tuple(check.sentence for check in verdict.failed) if verdict else (),
        verdict_sha256=verdict.sha256 if verdict else None,
    )
    key = promotion_record_key(after.name, record.number)
    try:
        store.create(key, json.dumps(asdict(record), indent=1).encode())
    except AlreadyExists:
        raise PublishError(
            f"Somebody else promoted a version of {after.name} in the meantime. Nothing was promoted by this "
            "command; look at `scoring promote --history`, and run it again if it is still wanted."
        ) from None
    promote_version(after.version, settings)
    if registry.named_by(settings.registry.challenger_alias) == after:
        registry.remove_alias(settings.registry.challenger_alias)
    return record


def _refusal(verdict: GateVerdict, page: str) -> str:
    failed: Sequence[str] = [check.sentence for check in verdict.failed]
    why = "" if verdict.comparison else f" {verdict.source}"
    version = verdict.challenger.version
    return (
        f"{verdict.challenger.name} version {version} does not score: "
        f"{len(failed)} of {len(verdict.checks)} checks of the gate failed. {'. '.join(failed)}.{why} "
        f"Version {verdict.champion.version} scores on. The verdict: {page}. To let it score all the same, which is "
        f'recorded: `scoring promote --version {version} --anyway --reason "..."`.'
    )
