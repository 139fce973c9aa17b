from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from configs.settings import Settings
from tasks.core.lender.columns import ID
from tasks.delivery.known_outcomes import KnownOutcomes, known_outcomes, matured_rows
from tasks.errors import PublishError
from tasks.publication.layout import receipt_key
from tasks.publication.references import keep_reference
from tasks.store import Store, open_store
from tests.manifests import made_manifest
from tests.monitored_store import delivered_rows, publish_files
from tests.outcome_days import deliver, publish_day, settings_in

DAY = date(2026, 11, 2)
LATER = date(2026, 11, 12)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings.storage)


def known(store: Store, as_of: date = date(2027, 3, 1)) -> KnownOutcomes:
    return known_outcomes(store, as_of=as_of, maturity_days=30)


def fates(found: KnownOutcomes) -> dict[str, int]:
    return {fate: rows for fate, rows in found.fates.items() if rows}


def test_every_row_has_a_fate_and_they_add_up(tmp_path: Path, settings: Settings, store: Store) -> None:
    publish_day(store, DAY, [1, 2, 3, 4, 5, 6, 7], [0.01, 0.02, 0.03, 0.04, 0.5, 0.06, 0.07])
    rows = [
        (1, 1, "2026-12-02"), (1, 1, "2026-12-02"),  # counted, duplicated
        (2, 1, "2026-12-02"), (2, 0, "2026-12-03"),  # corrected, counted
        (3, 1, "2026-12-02"), (3, 0, "2026-12-02"),  # contradictory
        (4, 0, "2026-12-01"),  # early
        (5, 0, "2026-12-02"),  # refused
        (6, 0, "2027-03-02"),  # later
        (99, 0, "2026-12-02"),  # unknown
        (7, 7, "2026-12-02"),  # set aside
    ]  # fmt: skip
    deliver(settings, tmp_path, *rows)
    found = known(store)
    assert fates(found) == {
        "counted": 2, "duplicated": 1, "corrected": 1, "contradictory": 2, "unknown": 1, "early": 1, "refused": 1,
        "later": 1,
    }  # fmt: skip
    assert (found.delivered, found.set_aside) == (len(rows), 1)
    (day,) = found.days
    assert (day.ids.tolist(), day.day.defaulted.tolist(), day.day.rows.tolist()) == ([1, 2], [True, False], [0, 1])
    assert len(day.day.pd) == 7


def test_a_later_delivery_corrects_and_history_stays(tmp_path: Path, settings: Settings, store: Store) -> None:
    publish_day(store, DAY, [1], [0.01])
    deliver(settings, tmp_path, (1, 0, "2026-12-02"))
    deliver(settings, tmp_path, (1, 1, "2027-02-01"), name="b.csv")
    assert known(store).days[0].day.defaulted.tolist() == [True]
    before = known(store, date(2027, 1, 31))
    assert (before.days[0].day.defaulted.tolist(), fates(before)) == ([False], {"counted": 1, "later": 1})


def test_what_the_deciding_model_learned_from_is_in_no_figure(tmp_path: Path, settings: Settings, store: Store) -> None:
    """A day that a newer model decided again would flatter it; training learns from it all the same."""
    model = publish_day(store, DAY, [1, 2, 3, 4], [0.01, 0.02, 0.03, 0.5]).model
    publish_day(store, LATER, [5], [0.01], model=replace(model, version="2"))
    deliver(settings, tmp_path, *((one, 1, "2027-01-02") for one in range(1, 6)))
    assert fates(known(store)) == {"counted": 4, "refused": 1}
    predicted = pa.table({"application_id": [2, 4, 5], "pd": [0.1, 0.1, 0.1], "defaulted": [True, True, True]})
    keep_reference(store, model, predicted, predicted)
    found = known(store)
    assert fates(found) == {"counted": 3, "learned": 1, "refused": 1}
    day, later = found.days
    assert (day.day.rows.tolist(), day.day.defaulted.tolist()) == ([0, 2], [True, True])
    assert (day.ids.tolist(), day.defaulted.tolist()) == ([1, 2, 3], [True, True, True])
    assert later.day.rows.tolist() == [0], "another version had not learned from it"


def test_an_outcome_goes_to_the_latest_mature_decision(tmp_path: Path, settings: Settings, store: Store) -> None:
    for as_of in (DAY, LATER):
        publish_day(store, as_of, [1, 2], [0.01, 0.02])
    deliver(settings, tmp_path, (1, 0, "2026-12-12"), (2, 0, "2026-12-11"))
    assert [(each.day.as_of, each.ids.tolist()) for each in known(store).days] == [(DAY, [2]), (LATER, [1])]


def test_the_newest_revision_decides(tmp_path: Path, settings: Settings, store: Store) -> None:
    publish_day(store, DAY, [1, 2], [0.01, 0.5])
    publish_day(store, DAY, [1, 2], [0.5, 0.01], revision=2)
    deliver(settings, tmp_path, (1, 0, "2027-01-02"), (2, 1, "2027-01-02"))
    found = known(store)
    assert fates(found) == {"counted": 1, "refused": 1}
    assert (found.days[0].ids.tolist(), found.days[0].day.revision) == ([2], 2)


def test_a_withdrawn_day_decided_nobody(tmp_path: Path, settings: Settings, store: Store) -> None:
    from tasks.publication.manifests import commit

    first = publish_day(store, DAY, [1], [0.01])
    commit(store, made_manifest(first.audited, revision=2, fingerprint="w", is_withdrawn=True, reason="wrong"))
    deliver(settings, tmp_path, (1, 0, "2027-01-02"))
    assert fates(known(store)) == {"unknown": 1}


def test_a_damaged_receipt_stops_the_backtest(tmp_path: Path, settings: Settings, store: Store) -> None:
    publish_day(store, DAY, [1], [0.01])
    deliver(settings, tmp_path, (1, 0, "2027-01-02"))
    (Path(settings.storage.root) / receipt_key(1)).write_text("{}")
    with pytest.raises(PublishError, match=r"receipt\.json is not a receipt"):
        known(store)


def test_a_lost_data_file_stops_the_backtest(tmp_path: Path, settings: Settings, store: Store) -> None:
    publish_day(store, DAY, [1], [0.01])
    taken = deliver(settings, tmp_path, (1, 0, "2027-01-02"))
    store.delete(taken.receipt.accepted.key)
    with pytest.raises(PublishError, match="missing or damaged"):
        known(store)


def test_no_outcomes_are_no_error(store: Store) -> None:
    found = known(store)
    assert (found.days, found.delivered, sum(found.fates.values())) == ((), 0, 0)


def test_matured_rows_are_the_delivered_ones_with_their_results(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    table = delivered_rows(40)
    publish_files(store, {"a.csv": table}, as_of=DAY)
    ids = [int(each) for each in table.column(ID).to_pylist()]
    ended = {one: int(place % 3 == 0) for place, one in enumerate(ids)}
    deliver(settings, tmp_path, *((one, bad, "2027-01-02") for one, bad in ended.items()))
    found = known(store)
    (learned,) = matured_rows(store, found, settings.scoring)
    told = dict(zip(learned.rows.column(ID).to_pylist(), learned.defaulted.tolist(), strict=True))
    assert told
    assert told == {one: bool(ended[one]) for one in told}
    assert len(told) == found.fates["counted"]
    assert learned.remarks == ()
    assert learned.rows.num_columns == 121
