"""The page beside a run says first how the day stands and what to do, then where every row is."""

from dataclasses import replace

import pytest

from tasks.core.contract.report import read_contract_report
from tasks.core.lender.feature_list import FAMILIES
from tasks.core.reporting.day_markdown import day_markdown
from tasks.core.reporting.day_page import build_day_page
from tests.contract_reports import contract_report, reported
from tests.manifests import FILES, made_audit, made_manifest, revised_manifest, sample_manifest
from tests.reported_days import VERDICT, day_sources, state_of, verdict_of

PLACES = {"Decisions": "s3://b/decisions.parquet", "Manifest": "s3://b/manifest.json"}
UNJUDGED = {"state": state_of(monitoring="not monitored"), "verdict": None, "metrics": ()}
FIRST = made_manifest()
PAGE = """\
# 2026-11-02: Published, revision 2; not monitored yet

4,032 of 5,034 rows were decided, 75.0% of them approved.

## What to do next

Nothing.

## Applications of 2026-11-02, revision 2

credit-default version 3, cut-off 0.0909, policy 2, contract 4.

Reason for this revision: they \\*told\\* us more

Changed: 2,000 decisions, and the reasons of 1 other.

| file | rows received | decided | quarantined | copies dropped | replaced | erased |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| a.csv | 5,000 | 4,000 | 900 | 60 | 30 | 10 |
| corrections/b.csv | 30 | 28 | 2 | 0 | 0 | 0 |
| corrections/c.csv | 4 | 4 | 0 | 0 | 0 | 0 |
| all files | 5,034 | 4,032 | 902 | 60 | 30 | 10 |

| rule broken | rows quarantined |
| --- | ---: |
| one | 902 |
| two | 3 |

| decision | applications | share |
| --- | ---: | ---: |
| approve | 3,024 | 75.0% |
| refer | 8 | 0.2% |
| refuse | 1,000 | 24.8% |

| first reason | not approved | share |
| --- | ---: | ---: |
| R2 Car | 1,000 | 99.2% |
| none  | 8 | 0.8% |

## Drift

There is no verdict on this revision yet. Monitoring starts by itself, and renews this page.

## Where to look

- Decisions: `s3://b/decisions.parquet`
- Manifest: `s3://b/manifest.json`"""


def shown(ending: str = "", **changes: object) -> str:
    return day_markdown(build_day_page(day_sources(**changes)), PLACES, ending)


def test_the_page_of_a_revision_to_the_letter() -> None:
    assert shown(revisions=(revised_manifest(),), **UNJUDGED) == PAGE


def test_a_day_in_order_asks_for_nothing() -> None:
    quiet = {**VERDICT, "verdict": "ok", "findings": [], "quality": []}
    page = shown(state=state_of(monitoring="ok"), verdict=verdict_of(**quiet), revisions=(sample_manifest(),))
    assert "## What to do next\n\nNothing.\n" in page
    assert "## Drift\n\n**ok**: 1 finding on 1 column." in page


def test_the_line_by_which_a_run_failed_stands_first_and_once() -> None:
    page = shown("Exit 6, operator: the store is full.", revisions=(sample_manifest(),))
    assert page.splitlines()[2] == "**This run failed.** Exit 6, operator: the store is full."
    assert page.count("the store is full") == 1
    assert page.partition("## What to do next\n\n")[2].startswith(
        "- Do what the line above asks for, and press Retry.\n- Look at the columns named first."
    )


@pytest.mark.parametrize("standing", ["nothing delivered", "delivered, not published"])
def test_where_no_other_advice_is_known_the_line_is_what_to_do(standing: str) -> None:
    state = state_of(state=standing, monitoring="", is_published=False)
    page = shown("Exit 3, data owner: deliver files.", revisions=(), verdict=None, metrics=(), report=None, state=state)
    assert "## What to do next\n\n- Do what the line above asks for, and press Retry.\n\n## " in page


def test_of_many_findings_the_heaviest_are_told_and_the_others_counted() -> None:
    (finding,) = VERDICT["findings"]
    for n, more in ((5, None), (6, "- and 1 more finding; all"), (8, "- and 3 more findings; all")):
        page = shown(verdict=verdict_of(findings=[finding] * n), revisions=(sample_manifest(),))
        assert page.count("30.0% of the values of EXT\\_SOURCE\\_2 are missing, instead") == 5 + ("heaviest" in page)
        assert (more or "more finding") in page if more else "more finding" not in page


def test_a_refused_day_names_the_rules_and_has_no_counts_of_a_revision() -> None:
    rules = [reported("a"), reported("b", "warned"), reported("c_d", "day stopped")]
    report = read_contract_report(contract_report(*rules, refused="Too much is broken.", revision=None))
    state = state_of(state="refused by the contract", monitoring="", is_published=False, is_refused=True)
    page = shown(revisions=(), verdict=None, metrics=(), report=None, refused=report, state=state)
    assert page.startswith("# 2026-11-02: Refused by the contract: nothing is published\n")
    assert "- Nothing is published. Look at the rules that are not met" in page
    assert page.count("Too much is broken.") == 1
    assert "\n## Refused by the contract\n\n| rule not met |" in page
    assert page.count("| day stopped |") == 1
    assert [word for word in ("## Drift", "rows received |", "| decision |") if word in page] == []


def test_a_clean_first_revision_says_that_no_row_was_quarantined() -> None:
    page = shown(revisions=(sample_manifest(audited={"by_rule": {}}),), **UNJUDGED)
    assert "\n\nNo row was quarantined.\n\n" in page
    assert [word for word in ("Reason", "Changed", "first reason") if word in page] == []


@pytest.mark.parametrize("n_codes", [0, 1, 16])
def test_all_first_reasons_are_told(n_codes: int) -> None:
    names = [f"{reason.code} {FAMILIES[family]}" for family, reason in FIRST.reasons.items()]
    by_reason = {reason.code: 20 * max(n_codes - n, 0) for n, reason in enumerate(FIRST.reasons.values())}
    refused = max(sum(by_reason.values()), 1)
    audit = made_audit(by_reason=by_reason, by_decision={"approve": 1, "refuse": refused}, files=FILES)
    page = shown(revisions=(made_manifest(audit),), **UNJUDGED)
    for place, name in enumerate(names):
        count = 20 * (n_codes - place)
        assert (f"\n| {name} | {count:,} | {count / refused:.1%} |\n" in page) == (place < n_codes)


def test_a_day_from_before_there_were_reasons_tells_none() -> None:
    assert "first reason" not in shown(revisions=(replace(FIRST, reasons={}),), **UNJUDGED)


def test_the_page_of_a_day_of_one_tells_no_decision() -> None:
    page = shown(revisions=(FIRST,), **UNJUDGED)
    assert "Decisions: No figures are shown of 1 application: they could be one applicant's own." in page
    assert [word for word in ("| decision |", "| approve |", "first reason") if word in page] == []


def test_a_revision_by_the_sealed_copy_of_its_model_says_so() -> None:
    manifest = sample_manifest(run={"sealed_copy": "the registry did_not answer"})
    assert "\n\nModel from its sealed copy: the registry did\\_not answer.\n" in shown(revisions=(manifest,))


def test_a_withdrawn_day_says_so_and_has_no_counts() -> None:
    withdrawn = sample_manifest(revision=2, reason="another day's file", is_withdrawn=True)
    page = shown(revisions=(withdrawn,), state=state_of(state="withdrawn", monitoring=""), verdict=None, metrics=())
    assert "\n## Applications of 2026-11-02, revision 2, withdrawn\n\nNo application has a decision.\n" in page
    assert "Reason for this revision: another day's file" in page
    assert [word for word in ("## Drift", "rows received |", "| decision |", "quarantined") if word in page] == []
