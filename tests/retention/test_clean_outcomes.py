"""Deliveries of outcomes past their time go; their receipts stay."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from configs.settings import Retention
from tasks.delivery.known_outcomes import known_outcomes
from tasks.publication.layout import outcomes_prefix, receipt_key
from tasks.publication.outcome_ledger import receipts_of
from tasks.retention.clean import clock_of, remove_old_outcomes
from tasks.store import open_store
from tests.outcome_days import deliver, settings_in


@pytest.mark.parametrize(("limit", "age", "is_removed"), [(30, 30, False), (30, 31, True), (None, 9999, False)])
def test_a_delivery_goes_after_its_days(tmp_path: Path, limit: int | None, age: int, is_removed: bool) -> None:
    settings = settings_in(tmp_path).model_copy(update={"retention": Retention(outcome_days=limit)})
    taken = deliver(settings, tmp_path, (1, 0, "2026-12-02"))
    store = open_store(settings.storage)
    received = datetime.fromisoformat(taken.receipt.received_at)
    today = clock_of(None, settings).calendar.business_day(received) + timedelta(days=age)
    clock = clock_of(today, settings)
    due = remove_old_outcomes(clock, settings, apply=False)
    assert len(due) == (2 if is_removed else 0)
    assert store.read(taken.receipt.file.key)
    assert remove_old_outcomes(clock, settings, apply=True) == due
    assert len(list(store.list("outcomes/"))) == (1 if is_removed else 3)
    (receipt,) = receipts_of(store)
    assert receipt.expired_on == (today.isoformat() if is_removed else None)
    found = known_outcomes(store, as_of=date(2028, 1, 1), maturity_days=30)
    assert found.delivered == (0 if is_removed else 1)
    assert remove_old_outcomes(clock, settings, apply=True) == ()
    assert not deliver(settings, tmp_path, (1, 0, "2026-12-02")).is_new


def test_files_that_a_dead_command_left_go(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(update={"retention": Retention(outcome_days=30, orphan_days=7)})
    taken = deliver(settings, tmp_path, (1, 0, "2026-12-02"))
    store = open_store(settings.storage)
    orphan = f"{outcomes_prefix(2)}delivered-{'3fa9' * 4}.csv"
    store.create(orphan, b"SK_ID_CURR,TARGET,OUTCOME_DATE\n")
    store.create(f"{outcomes_prefix(2)}note.txt", b"ours")
    received = datetime.fromisoformat(taken.receipt.received_at)
    first = clock_of(None, settings).calendar.business_day(received)
    later = clock_of(first + timedelta(days=31), settings)
    contents = {file.key: store.read(file.key).data for file in taken.receipt.files}
    assert remove_old_outcomes(clock_of(first + timedelta(days=7), settings), settings, apply=True) == ()
    remove_old_outcomes(later, settings, apply=True)
    for key, data in contents.items():  # as if the command had died between the receipt and its files
        store.create(key, data)
    left = remove_old_outcomes(later, settings, apply=False)
    assert {(each.what, each.key) for each in left} == {("outcomes", key) for key in contents}
    assert remove_old_outcomes(later, settings, apply=True) == left
    assert {entry.key for entry in store.list("outcomes/")} == {receipt_key(1), f"{outcomes_prefix(2)}note.txt"}
