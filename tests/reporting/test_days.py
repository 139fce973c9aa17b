import logging
from datetime import timedelta
from pathlib import Path

import pytest

from configs.calendar import load_calendar
from configs.settings import Registry, Settings, Storage
from tasks.adapters.pages.days import embedded_lines
from tasks.core.reporting.days_page import DayLine, wrong_days
from tasks.errors import ExpectationsNotMet
from tasks.publication.layout import day_page_key, days_page_key, manifest_key, metrics_key, model_page_key, verdict_key
from tasks.reporting.days import gather_lines, renew_days_page
from tasks.reporting.renew import pages_renewed
from tasks.store import Store, open_store
from tasks.store.renewing import overwrite
from tests.pages import Page
from tests.reported_store import FINDING, FIRST, REFUSED, lay_day, lay_month, lay_refused, lay_verdict


def settings_of(root: str, registry: Path) -> Settings:
    """Settings with this store, and a registry that has nothing."""
    return Settings(storage=Storage(root=root), registry=Registry(tracking_uri=f"sqlite:///{registry}/none/mlflow.db"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(str(tmp_path / "store"), tmp_path)


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings.storage)


def page_in(store: Store) -> bytes:
    return store.read(days_page_key()).data


def lines_by_day(store: Store) -> dict[int, DayLine]:
    return {(line.as_of - FIRST).days: line for line in embedded_lines(page_in(store))}


def test_a_month_is_told_with_each_day_that_went_wrong(settings: Settings, store: Store) -> None:
    lay_month(store)
    assert renew_days_page(settings) == days_page_key()
    told = {(each.line.as_of - FIRST).days: each.reasons for each in wrong_days(embedded_lines(page_in(store)))}
    assert told[15] == (f"Alert: {FINDING['sentence']}",)
    assert told[8] == (f"Refused by the contract: {REFUSED}",)
    assert {n: reasons[0].partition(":")[0] for n, reasons in told.items()} == {
        17: "Short",
        15: "Alert",
        11: "Missing",
        8: "Refused by the contract",
        3: "Late",
    }


def test_the_same_store_gives_the_same_bytes_whole_or_day_by_day(settings: Settings, store: Store) -> None:
    lay_month(store, range(7))
    renew_days_page(settings)
    for n in (8, 9):
        lay_month(store, [n])
        renew_days_page(settings, FIRST + timedelta(days=n))
    by_line = page_in(store)
    renew_days_page(settings)
    assert page_in(store) == by_line
    store.delete(days_page_key())
    renew_days_page(settings, FIRST)
    assert page_in(store) == by_line


def test_only_the_line_of_the_day_is_read_anew(settings: Settings, store: Store) -> None:
    lay_month(store, range(3))
    renew_days_page(settings)
    for n in (0, 1):
        store.delete(verdict_key(FIRST + timedelta(days=n)))
    renew_days_page(settings, FIRST)
    assert [lines_by_day(store)[n].verdict for n in (0, 1)] == ["not monitored", "ok"]


def test_a_page_of_another_program_is_made_anew(settings: Settings, store: Store) -> None:
    lay_month(store, range(3))
    overwrite(store, days_page_key(), b"<html>an earlier page</html>")
    renew_days_page(settings, FIRST)
    assert len(lines_by_day(store)) == 3


def test_a_revised_day_has_no_verdict_until_it_is_judged_again(settings: Settings, store: Store) -> None:
    lay_verdict(store, lay_day(store, FIRST), "alert")
    lay_day(store, FIRST, revision=2, reason="the feed was corrected")
    renew_days_page(settings)
    line = lines_by_day(store)[0]
    assert (line.revisions, line.verdict, line.sentence, line.mean_pd) == (2, "rev 1 only", "", None)
    assert line.remarks == ("Revised: revision 2, because: the feed was corrected",)


def test_the_page_of_the_day_is_linked_once_it_is_there(settings: Settings, store: Store) -> None:
    lay_month(store, [0, 8])
    renew_days_page(settings)
    assert lines_by_day(store)[0].page == f"day={FIRST}/contract.html"
    assert lines_by_day(store)[8].page.endswith("contract-refused.html")
    store.create(day_page_key(FIRST), b"")
    renew_days_page(settings, FIRST)
    assert lines_by_day(store)[0].page == f"day={FIRST}/index.html"


@pytest.mark.parametrize("key", [manifest_key(FIRST, 1), metrics_key(FIRST), verdict_key(FIRST)])
def test_a_damaged_object_hides_no_other_day(settings: Settings, store: Store, key: str) -> None:
    lay_month(store, range(3))
    overwrite(store, key, b"{")
    renew_days_page(settings)
    lines = lines_by_day(store)
    assert len(lines) == 3
    assert lines[1].verdict == "ok"


def test_a_refusal_renews_the_line_and_stays_a_refusal(settings: Settings, store: Store) -> None:
    lay_month(store, range(3))
    refused = FIRST + timedelta(days=3)

    def stopped() -> None:
        with pages_renewed(refused, settings):
            lay_refused(store, refused)
            raise ExpectationsNotMet("60 rows")

    with pytest.raises(ExpectationsNotMet, match="60 rows"):
        stopped()
    assert lines_by_day(store)[3].sentence == REFUSED


def test_another_error_renews_nothing(settings: Settings, store: Store) -> None:
    with pytest.raises(RuntimeError), pages_renewed(FIRST, settings):
        raise RuntimeError
    assert list(store.list("reports/")) == []


def test_a_page_that_cannot_be_written_is_a_warning(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "store").write_text("a file in the place of the store")
    with caplog.at_level(logging.WARNING, "scoring"):
        assert renew_days_page(settings) == ""
    assert "The page of all days could not be written" in caplog.text


def test_an_empty_store_has_a_page_that_says_so(settings: Settings, store: Store) -> None:
    renew_days_page(settings)
    assert "No day was delivered or published yet." in Page(page_in(store)).text


def test_each_model_has_a_page_of_its_days(settings: Settings, store: Store) -> None:
    lay_month(store, [0, 1, 8])
    renew_days_page(settings)
    page = Page(store.read(model_page_key("credit-default", "1")).data)
    assert [row.split()[0] for row in page.rows[1:]] == ["2026-11-03", "2026-11-02"]
    links = [attrs["href"] for tag, attrs in Page(page_in(store)).tags if tag == "a"]
    assert "model=credit-default/version=1/index.html" in links


def test_a_store_on_s3_gives_the_same_page(settings: Settings, store: Store, s3_root: str, tmp_path: Path) -> None:
    on_s3 = settings_of(s3_root, tmp_path)
    for place in (store, open_store(on_s3.storage)):
        lay_month(place, [0, 3, 8, 15])
    for each in (settings, on_s3):
        renew_days_page(each)
        renew_days_page(each, FIRST)
    assert page_in(open_store(on_s3.storage)) == page_in(store)


def test_lines_are_gathered_oldest_first(settings: Settings, store: Store) -> None:
    lay_month(store, [4, 0, 2])
    lines = gather_lines(store, load_calendar(settings.scoring.calendar))
    assert [(line.as_of - FIRST).days for line in lines] == [0, 2, 4]
