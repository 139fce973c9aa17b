"""A day is gathered from what the store holds of it, whatever of that is missing or damaged."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from configs.calendar import Calendar
from tasks.adapters.files.parquet import write_parquet
from tasks.core.monitoring.metrics import Metric, metrics_table
from tasks.core.reporting.day_page import DaySources
from tasks.publication.layout import manifest_key, metrics_key, refused_report_key, report_key, verdict_key
from tasks.reporting.day import gather_page
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.contract_reports import contract_report
from tests.manifests import commit_revision
from tests.reported_days import VERDICT

CALENDAR = Calendar(zone="UTC", weekend=(), holidays={}, zero_row_days={})


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def gathered(store: FolderStore) -> DaySources:
    return gather_page(store, CALENDAR, DAY, {entry.key for entry in store.list("reports/")})


def lay_verdict(store: FolderStore, **changes: Any) -> None:
    store.create(verdict_key(DAY), json.dumps({**VERDICT, **changes}).encode())


def lay_metrics(store: FolderStore, *, back: int = 0, revision: int = 1) -> None:
    day = DAY - timedelta(days=back)
    metrics = [Metric("rows_received", 500.0 + back, 500), Metric("psi", 0.1, 500, "EXT_SOURCE_2")]
    table = metrics_table(metrics, as_of=day, revision=revision, model_version="1")
    store.create(metrics_key(day), write_parquet(table))


def test_a_day_of_which_the_store_knows_nothing_is_gathered_all_the_same(store: FolderStore) -> None:
    found = gathered(store)
    assert (found.state.state, found.state.is_published, found.revisions) == ("nothing delivered", False, ())
    assert (found.report, found.refused, found.verdict, found.metrics, found.before) == (None, None, None, (), {})


def test_all_revisions_verdict_and_reports_are_found(store: FolderStore) -> None:
    commit_revision(store, 1)
    commit_revision(store, 2, reason="they told us more")
    lay_verdict(store, revision=2)
    store.create(report_key(DAY), json.dumps(contract_report(rows=7)).encode())
    store.create(refused_report_key(DAY), json.dumps(contract_report(refused="No.")).encode())
    found = gathered(store)
    assert [manifest.revision for manifest in found.revisions] == [1, 2]
    assert (found.state.monitoring, found.state.is_published, found.state.is_refused) == ("alert", True, True)
    assert found.verdict
    assert found.report
    assert found.refused
    assert (found.verdict.revision, found.report.rows, found.refused.refused) == (2, 7, "No.")
    assert found.links == {"verdict": "verdict.json", "model": "../model=credit-default/version=1/index.html"}


def test_figures_of_an_older_revision_are_not_told_as_those_of_the_newest(store: FolderStore) -> None:
    commit_revision(store, 1)
    lay_verdict(store)
    lay_metrics(store)
    assert [metric.metric for metric in gathered(store).metrics] == ["rows_received"]
    commit_revision(store, 2)
    assert gathered(store).metrics == ()


def test_a_verdict_on_another_publication_is_not_told(store: FolderStore) -> None:
    commit_revision(store, 1)
    lay_verdict(store, publication="another")
    lay_metrics(store)
    found = gathered(store)
    assert (found.state.monitoring, found.verdict, found.metrics) == ("not monitored", None, ())


@pytest.mark.parametrize(("days", "told"), [(28, 28), (29, 28)])
def test_the_last_28_monitored_days_before_are_looked_at(store: FolderStore, days: int, told: int) -> None:
    for back in range(-1, days + 1):
        lay_metrics(store, back=back)
    before = gathered(store).before
    assert sorted(before) == [DAY - timedelta(days=back) for back in range(told, 0, -1)]
    assert [metric.value for metric in before[DAY - timedelta(days=3)]] == [503.0]


def test_damaged_files_are_as_good_as_none(store: FolderStore) -> None:
    commit_revision(store, 1)
    lay_verdict(store, verdict="fine")
    store.create(metrics_key(DAY), b"no parquet")
    store.create(metrics_key(DAY - timedelta(days=1)), b"PAR1")
    store.create(report_key(DAY), b"{")
    store.create(refused_report_key(DAY), b"[]")
    found = gathered(store)
    assert (found.verdict, found.metrics, found.report, found.refused) == (None, (), None, None)
    assert (found.state.monitoring, found.state.is_refused) == ("damaged", True)
    assert found.before == {DAY - timedelta(days=1): ()}


def test_a_damaged_manifest_leaves_the_others_to_be_told(store: FolderStore) -> None:
    commit_revision(store, 1)
    store.create(manifest_key(DAY, 2), b"damaged")
    found = gathered(store)
    assert [manifest.revision for manifest in found.revisions] == [1]
    assert found.state.state == "its manifest is damaged"
