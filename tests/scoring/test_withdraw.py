"""A withdrawal is ordered with a reason, and made of the revision that it takes back."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from configs.settings import Settings
from tasks.adapters.files.parquet import read_footer, read_parquet, write_parquet
from tasks.core.contract.report import read_contract_report
from tasks.core.day.manifest import Manifest, withdrawal_fingerprint
from tasks.core.day.records import Draft, Order
from tasks.core.day.standing import Standing
from tasks.core.decision.published_rows import SCHEMA
from tasks.errors import ConfigError, PublishError, SourceError
from tasks.publication.data_files import read_data, store_data
from tasks.publication.erasure_token import note_erasure
from tasks.publication.layout import day_prefix, decisions_key
from tasks.publication.manifests import commit, newest_manifest
from tasks.scoring.announce import event_of
from tasks.scoring.withdraw import build_withdrawal, order_withdrawal, require_published, withdraw
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import made_manifest, stored_audit

WHY = "the feed delivered another lender's file"
DRAFT = Draft(2, WHY, None)


@pytest.fixture
def published(store: FolderStore) -> Manifest:
    """A revision that approved one application and refused another."""
    rows = pa.table({"application_id": [1, 2], "decision": ["approve", "refuse"]})
    data = write_parquet(rows, {"revision": "1"})
    decisions = store_data(store, day_prefix("revisions", DAY), "decisions", data, rows=2)
    return commit(store, made_manifest(replace(stored_audit(store), decisions=decisions)))


def test_an_order_keeps_its_reason_and_needs_one() -> None:
    assert order_withdrawal(f" {WHY}\n") == Order("withdraw", WHY)
    for nothing in (None, " "):
        with pytest.raises(ConfigError, match="A withdrawal needs a reason"):
            order_withdrawal(nothing)


def test_a_day_that_was_never_published_cannot_be_withdrawn() -> None:
    with pytest.raises(SourceError, match="nothing to withdraw"):
        require_published(Standing(DAY))


def test_a_withdrawal_decides_nothing_and_names_every_decision_of_before(
    store: FolderStore, published: Manifest
) -> None:
    made = build_withdrawal(store, published, DRAFT)
    audited = made.audited
    shown = read_data(store, audited.decisions)
    assert (made.revision, made.reason, made.inputs, made.is_withdrawn) == (2, WHY, {}, True)
    assert read_parquet(shown).schema.remove_metadata() == SCHEMA
    assert (audited.decisions.rows, read_footer(shown)["withdrawn"]) == (0, "true")
    assert audited.changes
    assert read_parquet(read_data(store, audited.changes)).to_pylist() == [
        {"application_id": 1, "old_decision": "approve", "new_decision": None},
        {"application_id": 2, "old_decision": "refuse", "new_decision": None},
    ]
    assert (made.totals.rows, audited.changed_reasons, audited.quarantine) == (0, 0, None)


def test_its_contract_report_says_that_nothing_was_judged(store: FolderStore, published: Manifest) -> None:
    made = build_withdrawal(store, published, DRAFT)
    report = read_contract_report(json.loads(read_data(store, made.audited.contract_report)))
    assert report.verdict == f"Withdrawn: nothing of the day is decided. Reason: {WHY}"
    assert (report.revision, report.rows, report.unmet) == (2, 0, ())


def test_the_event_says_that_the_day_is_withdrawn(store: FolderStore, published: Manifest) -> None:
    payloads = [
        event_of(each, store, None)["payload"] for each in (published, build_withdrawal(store, published, DRAFT))
    ]
    assert [payload["withdrawn"] for payload in payloads] == [False, True]
    assert (payloads[1]["changed"], payloads[1]["reason"], payloads[1]["rows"]) == (2, WHY, 0)


def test_no_two_withdrawals_and_no_scoring_have_one_fingerprint(published: Manifest) -> None:
    others = [published, replace(published, revision=3), replace(published, fingerprint="g")]
    made = {withdrawal_fingerprint(each) for each in others}
    assert len(made | {each.fingerprint for each in others}) == 5


def test_who_withdraws_second_adopts_the_first(store: FolderStore, settings: Settings, published: Manifest) -> None:
    standing = Standing(DAY, Order("withdraw", WHY), published)
    first = withdraw(standing, DRAFT, settings)
    assert withdraw(standing, Draft(2, "another reason", None), settings) == first == newest_manifest(store, DAY)
    assert store.read(decisions_key(DAY)).data == read_data(store, first.audited.decisions)


def test_a_revision_that_came_meanwhile_is_not_taken_back(
    store: FolderStore, settings: Settings, published: Manifest
) -> None:
    won = commit(store, replace(published, revision=2, fingerprint="g"))
    with pytest.raises(PublishError, match="Another run published revision 2"):
        withdraw(Standing(DAY, Order("withdraw", WHY), published), DRAFT, settings)
    assert newest_manifest(store, DAY) == won


def test_an_erasure_meanwhile_stops_it(store: FolderStore, settings: Settings, published: Manifest) -> None:
    note_erasure(store, DAY, is_over=True)
    with pytest.raises(PublishError, match="An applicant was erased"):
        withdraw(Standing(DAY, Order("withdraw", WHY), published), DRAFT, settings)
    assert newest_manifest(store, DAY) == published
