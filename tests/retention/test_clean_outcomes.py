"""Deliveries of outcomes past their time go; their receipts stay."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from configs.settings import Retention
from tasks.delivery.known_outcomes import known_outcomes
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
