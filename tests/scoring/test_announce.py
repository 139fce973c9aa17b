"""A published day is told in counts: as an event, and as a page."""

from dataclasses import replace
from pathlib import Path

import pytest

from configs.settings import Settings
from tasks.core.day.records import DataFile
from tasks.core.lender.feature_list import FAMILIES
from tasks.scoring.announce import announce, day_markdown, event_of
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.manifests import FILES, made_audit, made_manifest, revised_manifest, sample_manifest

CHANGES = DataFile(f"revisions/day={DAY}/changes-{'1' * 16}.parquet", "1" * 64, 9, 3)
FIRST = made_manifest()
SECOND = made_manifest(made_audit(changes=CHANGES, changed_reasons=2), revision=2, reason="amounts_were mended")


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def test_outside_a_flow_run_nobody_is_told(store: FolderStore, tmp_path: Path) -> None:
    announce(FIRST, Settings.model_validate({"storage": {"root": str(tmp_path)}}), None)
    assert list(store.list("")) == []


# --- the event


def test_the_event_of_a_day_says_where_its_decisions_lie(store: FolderStore, tmp_path: Path) -> None:
    event = event_of(FIRST, store, "own.yaml")
    assert event["resource"]["prefect.resource.id"] == f"scoring.day.{DAY}"
    assert event["payload"] == {
        "as_of": str(DAY),
        "config": "own.yaml",
        "revision": 1,
        "publication": FIRST.publication,
        "rows": 1,
        "withdrawn": False,
        "decisions": f"{tmp_path}/decisions/day={DAY}/decisions.parquet",
    }


def test_the_event_of_a_revision_says_why_and_how_much_has_changed(store: FolderStore, tmp_path: Path) -> None:
    payload = event_of(SECOND, store, None)["payload"]
    told = {name: payload[name] for name in ("config", "reason", "changed", "changed_reasons", "changes")}
    assert told == {
        "config": "",
        "reason": "amounts_were mended",
        "changed": 3,
        "changed_reasons": 2,
        "changes": f"{tmp_path}/{CHANGES.key}",
    }


def test_an_event_sent_twice_is_the_same_one(store: FolderStore, tmp_path: Path) -> None:
    sent = event_of(FIRST, store, None)["event_id"]
    assert event_of(FIRST, store, "own.yaml")["event_id"] == sent
    others = (replace(FIRST, revision=2), replace(FIRST, run={"at": "later"}))
    assert sent not in {event_of(other, store, None)["event_id"] for other in others}
    assert event_of(FIRST, FolderStore(tmp_path / "other"), None)["event_id"] != sent


# --- the page, to the letter


PAGE = """\
# Applications of 2026-11-02, revision 2
credit-default version 3, cut-off 0.0909, policy 2, contract 4.
Reason for this revision: they \\*told\\* us more
Changed: 2,000 decisions, and the reasons of 1 other.

| file | rows received | decided | quarantined | copies dropped | replaced | erased |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| a.csv | 5,000 | 4,000 | 900 | 60 | 30 | 10 |
| corrections/b.csv | 30 | 28 | 2 | 0 | 0 | 0 |
| corrections/c.csv | 4 | 4 | 0 | 0 | 0 | 0 |
| all files | 5,034 | 4,032 | 902 | 60 | 30 | 10 |

| decision | applications | share |
| --- | ---: | ---: |
| approve | 3,024 | 75.0% |
| refer | 8 | 0.2% |
| refuse | 1,000 | 24.8% |

| first reason | not approved | share |
| --- | ---: | ---: |
| R2 Car | 1,000 | 99.2% |
| none  | 8 | 0.8% |

| rule broken | rows quarantined |
| --- | ---: |
| one | 902 |
| two | 3 |

- Decisions: `ROOT/decisions/day=2026-11-02/decisions.parquet`
- Changes: `ROOT/c`
- Quarantine: `ROOT/q`
- Contract: `ROOT/reports/day=2026-11-02/contract.html`
- Manifest: `ROOT/revisions/day=2026-11-02/rev=0002/manifest.json`"""


def test_the_page_of_a_revision_tells_all_of_it(tmp_path: Path) -> None:
    page = day_markdown(revised_manifest(), FolderStore(tmp_path))
    assert page.replace(str(tmp_path), "ROOT") == PAGE


def test_the_page_of_a_clean_first_revision_says_that_no_row_was_quarantined(tmp_path: Path) -> None:
    clean = sample_manifest(audited={"quarantine": None, "by_rule": {}})
    page = day_markdown(clean, FolderStore(tmp_path))
    assert "\n\nNo row was quarantined.\n\n- Decisions" in page
    absent = ("Reason", "Change", "Quarantine:", "first reason")
    assert [word for word in absent if word in page] == []


@pytest.mark.parametrize("n_codes", [0, 1, 16])
def test_the_page_tells_all_first_reasons(store: FolderStore, n_codes: int) -> None:
    names = [f"{reason.code} {FAMILIES[family]}" for family, reason in FIRST.reasons.items()]
    by_reason = {reason.code: 20 * max(n_codes - n, 0) for n, reason in enumerate(FIRST.reasons.values())}
    refused = max(sum(by_reason.values()), 1)
    page = day_markdown(
        made_manifest(made_audit(by_reason=by_reason, by_decision={"approve": 1, "refuse": refused}, files=FILES)),
        store,
    )
    for place, name in enumerate(names):
        count = 20 * (n_codes - place)
        assert (f"\n| {name} | {count:,} | {count / refused:.1%} |\n" in page) == (place < n_codes)


def test_a_day_from_before_there_were_reasons_tells_none(store: FolderStore) -> None:
    assert "first reason" not in day_markdown(replace(FIRST, reasons={}), store)


def test_the_page_of_a_day_of_one_tells_no_decision(store: FolderStore) -> None:
    page = day_markdown(FIRST, store)
    assert "Decisions: No figures are shown of 1 application: they could be one applicant's own." in page
    assert [word for word in ("| decision |", "| approve |", "first reason") if word in page] == []
