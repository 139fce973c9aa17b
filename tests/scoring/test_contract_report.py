import json
from pathlib import Path

import pytest

from tasks.adapters.pages.html import contract_page
from tasks.core.contract.report import read_contract_report
from tasks.scoring.contract_report import rules_table, show_rules, write_refused
from tasks.store.folder import FolderStore
from tests.conftest import DAY
from tests.contract_reports import contract_report, reported

STOPPED = contract_report(reported("a", "day stopped"), refused="They break the contract: a holds.")


def test_a_refused_day_is_shown_as_page_and_json_in_place_of_what_was_there(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    write_refused(store, DAY, contract_report(refused="Something else."))
    place = write_refused(store, DAY, STOPPED)
    folder = tmp_path / f"reports/day={DAY}"
    assert place == str(folder / "contract-refused.html")
    assert sorted(path.name for path in folder.iterdir()) == ["contract-refused.html", "contract-refused.json"]
    assert (folder / "contract-refused.html").read_bytes() == contract_page(STOPPED)
    assert (folder / "contract-refused.json").read_text() == json.dumps(STOPPED, indent=1)


def test_outside_a_flow_run_nobody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    show_rules(STOPPED)
    show_rules({})
    assert caplog.messages == []


def test_the_table_has_the_rules_that_are_not_met_worst_first() -> None:
    rules = [reported("a"), reported("b", "warned"), reported("c", "day stopped", checked=None, broken=None)]
    assert rules_table(read_contract_report(contract_report(*rules))) == [
        {
            "rule": "c", "what it says": "c holds.", "severity": "critical", "rows broken": None, "share": None,
            "outcome": "day stopped",
        },
        {
            "rule": "b", "what it says": "b holds.", "severity": "warning", "rows broken": 25, "share": "25.0%",
            "outcome": "warned",
        },
    ]  # fmt: skip


def test_where_all_rules_are_met_one_row_says_so() -> None:
    report = contract_report(reported("a"), reported("b"), reported("c", "not judged"))
    assert rules_table(read_contract_report(report)) == [{"rule": "All 2 rules that could be judged are met"}]
