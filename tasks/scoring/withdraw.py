"""Withdrawal of a published day: a revision without decisions takes its decisions back.

It is for a day that was published from the wrong delivery. Whoever reads the day sees no row, and
`changes` names every application with the decision that it had. The right delivery is then scored
as if the day had never been decided, as the next revision.
"""

from __future__ import annotations

import json
from datetime import date

from configs.settings import Settings
from tasks.adapters.files.parquet import read_parquet, write_parquet
from tasks.core.day.manifest import Manifest, pins_of, withdrawal_fingerprint
from tasks.core.day.records import Audited, Draft, Order, content_fingerprint
from tasks.core.day.standing import Standing
from tasks.core.decision.published_rows import SCHEMA, SCHEMA_VERSION, build_changes
from tasks.errors import ConfigError, SourceError
from tasks.publication.data_files import read_data, store_data
from tasks.publication.layout import day_prefix
from tasks.publication.withdrawn import forget_judgement
from tasks.running.context import run_logger
from tasks.running.step import step
from tasks.scoring.publish import commit_and_show, facts_of_run, keep_housekeeping_off
from tasks.store import Store, open_store


def order_withdrawal(reason: str | None) -> Order:
    """Order to withdraw a day.

    Raises:
        ConfigError: there is no reason.
    """
    told = (reason or "").strip()
    if not told:
        raise ConfigError(
            'A withdrawal needs a reason (--reason "..."): it is kept, for those who acted on the decisions.'
        )
    return Order("withdraw", told)


def require_published(standing: Standing) -> Manifest:
    """Newest revision of a day.

    Raises:
        SourceError: the day was never published.
    """
    if standing.published is None:
        raise SourceError(
            f"{standing.as_of} has not been published, so there is nothing to withdraw. "
            "`scoring status` lists the days that are."
        )
    return standing.published


@step("withdraw")
def withdraw(standing: Standing, draft: Draft, settings: Settings) -> Manifest:
    """Take the published revision back, whole or not at all, by one without decisions.

    Raises:
        PublishError: another run published the day, the published decisions are gone or damaged, or
            an applicant was erased from the day since the run began.
    """
    store = open_store(settings.storage)
    published = require_published(standing)
    keep_housekeeping_off(store, standing.as_of)
    manifest = commit_and_show(store, standing, build_withdrawal(store, published, draft))
    run_logger().info("Withdrew %s by revision %d", manifest.as_of, manifest.revision)
    return manifest


@step("forget judgement")
def forget_judged(as_of: date, settings: Settings) -> None:
    """Remove all that monitoring wrote of a withdrawn day. Safe to repeat."""
    forget_judgement(open_store(settings.storage), as_of)


def build_withdrawal(store: Store, published: Manifest, draft: Draft) -> Manifest:
    """Manifest of the revision that takes a published one back; its data files are stored.

    Raises:
        PublishError: the published decisions are gone or damaged.
    """
    return Manifest(
        as_of=published.as_of,
        revision=draft.revision,
        fingerprint=withdrawal_fingerprint(published),
        inputs={},
        model=published.model,
        policy=published.policy,
        contract=published.contract,
        audited=_store_nothing(store, published, draft),
        run=facts_of_run(),
        reason=draft.reason,
        is_withdrawn=True,
    )


def _store_nothing(store: Store, published: Manifest, draft: Draft) -> Audited:
    """Store the data files of a revision without rows: decisions, changes, and a report that says so."""
    prefix = day_prefix("revisions", published.as_of)
    nothing = SCHEMA.empty_table()
    content = content_fingerprint(nothing, pins_of(published))
    footer = {"schema_version": SCHEMA_VERSION, "revision": str(draft.revision)}
    shown = footer | {"content_fingerprint": content, "withdrawn": "true"}
    changes = build_changes(read_parquet(read_data(store, published.audited.decisions)), nothing)
    report = {
        "day": published.as_of.isoformat(),
        "revision": draft.revision,
        "withdrawn": draft.reason,
        "rows": 0,
        "quarantined": 0,
        "rules": [],
    }
    return Audited(
        decisions=store_data(store, prefix, "decisions", write_parquet(nothing, shown), rows=0),
        quarantine=None,
        contract_report=store_data(
            store, prefix, "contract", json.dumps(report, indent=1).encode(), rows=1, ending="json"
        ),
        content_fingerprint=content,
        files={},
        by_decision={},
        by_rule={},
        changes=store_data(store, prefix, "changes", write_parquet(changes, footer), rows=changes.num_rows),
        changed_reasons=0,
    )
