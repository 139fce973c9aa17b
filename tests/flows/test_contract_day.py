"""What the contract does to a whole day, through the real parts."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.settings import PROJECT, load_settings
from tasks.core.day.control_totals import MEASURES
from tasks.core.lender.columns import NAMES
from tasks.errors import ExpectationsNotMet
from tasks.publication.manifests import commit
from tasks.store import open_store
from tests.adapters.test_rule_types import EXAMPLES, GOOD
from tests.conftest import DAY, Project
from tests.days import delivered, lay

Score = Callable[..., Any]
Entry = dict[str, Any]
SUITE = json.loads((PROJECT / "expectations/applications.json").read_text())


def deliver(project: Project, rows: int, *, bad: list[int], name: str = "applications_1.csv") -> pd.DataFrame:
    """A day of sound rows, but for those at the positions `bad`, in a file that no control file announces."""
    if not project.landing.exists():
        project.deliver(rows=rows)
        (project.landing / "_control.json").unlink()
    delivered = pd.read_csv(project.landing / "applications_1.csv", dtype=str, keep_default_na=False)
    delivered.loc[bad, "REGION_RATING_CLIENT"] = "9"
    delivered.to_csv(project.landing / name, index=False)
    return delivered


def with_rules(project: Project, *entries: Entry) -> Project:
    """The project under the contract with further entries."""
    path = Path(project.config).with_name("suite.json")
    path.write_text(json.dumps({**SUITE, "expectations": [*SUITE["expectations"], *entries]}))
    return project.with_settings(contract={"suite": str(path)})


def rule(id_: str, type_: str, severity: str, **kwargs: Any) -> Entry:
    meta = {"id": id_, "sentence": f"{id_} holds.", "owner": "risk owner"}
    return {"type": type_, "kwargs": kwargs, "severity": severity, "meta": meta}


def outcomes(project: Project, name: str = "contract") -> dict[str, Any]:
    report = json.loads((project.root / f"reports/day={DAY}/{name}.json").read_text())
    return {each["id"]: each for each in report["rules"]}


def refused_report(project: Project) -> Any:
    return json.loads((project.root / f"reports/day={DAY}/contract-refused.json").read_text())


@pytest.fixture
def strict(project: Project) -> Project:
    """At most 20 of 400 rows may be set aside; they are read 50 at a time."""
    budget = {"max_quarantined_rows": 10, "max_quarantined_share": 0.05}
    return project.with_settings(contract=budget, scoring={"chunk_rows": 50})


# --- the budget


@pytest.mark.parametrize(("n_bad", "is_published"), [(20, True), (21, False)])
def test_bad_rows_that_all_come_first_stop_only_a_day_that_has_too_many(
    strict: Project, score: Score, n_bad: int, *, is_published: bool
) -> None:
    deliver(strict, 400, bad=list(range(n_bad)))
    if is_published:
        assert score(strict).manifest.totals.quarantined == n_bad
        return
    with pytest.raises(ExpectationsNotMet, match="21 of 400 rows would be set aside"):
        score(strict)


def test_bad_rows_that_are_corrected_spend_no_budget(strict: Project, project: Project, score: Score) -> None:
    bad = list(range(40))
    rows = deliver(project, 400, bad=bad)
    score(project)
    (project.landing / "corrections").mkdir()
    rows.loc[bad].assign(REGION_RATING_CLIENT="2").to_csv(project.landing / "corrections/a.csv", index=False)
    manifest = score(strict, corrections=True, reason="ratings were mended").manifest
    assert (manifest.totals.decided, manifest.totals.quarantined, manifest.totals.replaced) == (400, 0, 40)


# --- control totals


@pytest.mark.parametrize(("n_bad", "n_copies"), [(20, 0), (20, 20), (19, 0), (20, 1)])
def test_control_totals_stand_in_the_manifest_where_they_tell_nobodys_value(
    project: Project, score: Score, n_bad: int, n_copies: int
) -> None:
    rows = deliver(project, 400, bad=list(range(n_bad)))
    pd.concat([rows, rows[40 : 40 + n_copies]]).to_csv(project.landing / "applications_1.csv", index=False)
    totals = score().manifest.audited.control_totals
    assert set(totals) == set(MEASURES)
    amounts = rows["AMT_CREDIT"].astype(float) * 100
    stages = {
        "decided": amounts[n_bad:].sum(),
        "quarantined": amounts[:n_bad].sum(),
        "duplicates_dropped": amounts[40 : 40 + n_copies].sum(),
    }
    all_told = (n_bad, n_copies) in [(20, 0), (20, 20)]
    told = {stage: total for stage, total in stages.items() if total} if all_told else {}
    assert totals["AMT_CREDIT"]["applications_1.csv"] == {"received": sum(stages.values()), **told}


def test_a_later_revision_and_a_small_file_tell_no_totals_that_differ_by_a_row(project: Project, score: Score) -> None:
    rows = deliver(project, 400, bad=list(range(40)))
    score()
    (project.landing / "corrections").mkdir()
    corrections = rows[:25].assign(REGION_RATING_CLIENT="2")
    for name, some in (("a.csv", corrections[:19]), ("b.csv", corrections[19:]), ("c.csv", corrections[:20])):
        some.to_csv(project.landing / "corrections" / name, index=False)
    credit = score(corrections=True, reason="ratings were mended").manifest.audited.control_totals["AMT_CREDIT"]
    assert {name: list(stages) for name, stages in credit.items()} == {
        "applications_1.csv": ["received"], "corrections/c.csv": ["received"]
    }  # fmt: skip


# --- the days before


def publish_before(project: Project, manifest: Any, *, rows: int, days: int) -> None:
    """As many published days before the test's day, each of so many rows."""
    store = open_store(load_settings(project.config).storage)
    (name, file), *_ = manifest.audited.files.items()
    files = {name: replace(file, rows=rows, decided=rows)}
    gone = replace(manifest.audited.decisions, sha256="0" * 64)  # their applications are not the day's
    audited = replace(manifest.audited, decisions=gone, files=files, by_decision={})
    for n in range(1, days + 1):
        commit(store, replace(manifest, as_of=DAY - timedelta(days=n), audited=audited))


@pytest.fixture
def published(project: Project, score: Score) -> Any:
    """The manifest of the test's day, which is then taken back."""
    project.deliver(rows=400)
    manifest = score().manifest
    for room in ("revisions", "decisions", "inputs", "work"):
        shutil.rmtree(project.root / room)
    return manifest


def test_a_day_whose_size_is_right_may_be_published_all_the_same_and_revised_later(
    project: Project, score: Score, published: Any
) -> None:
    publish_before(project, published, rows=9000, days=10)
    with pytest.raises(ExpectationsNotMet, match="about as many rows"):
        score()
    assert score(project.with_settings(contract={"compare_recent_days": False})).manifest.audited.recent_days == {}
    rows = pd.read_csv(project.landing / "applications_1.csv", dtype=str, keep_default_na=False)
    (project.landing / "corrections").mkdir()
    rows[:1].assign(AMT_INCOME_TOTAL="123000").to_csv(project.landing / "corrections/a.csv", index=False)
    assert score(corrections=True, reason="an income was mended").manifest.revision == 2


def test_a_revision_is_compared_with_the_days_that_the_first_one_was(
    project: Project, score: Score, published: Any
) -> None:
    publish_before(project, published, rows=400, days=7)
    before = score().manifest.audited.recent_days
    commit(open_store(load_settings(project.config).storage), replace(published, as_of=DAY - timedelta(days=8)))
    deliver(project, 400, bad=[0])
    (project.landing / "_control.json").unlink()
    manifest = score(force=True, reason="delivered again").manifest
    assert (manifest.revision, manifest.audited.recent_days) == (2, before)


# --- rules


def test_a_rule_is_added_by_one_entry_and_no_python(project: Project, score: Score) -> None:
    rows = deliver(project, 400, bad=[])
    limit = float(rows["AMT_CREDIT"].astype(float).quantile(0.99))
    above = int((rows["AMT_CREDIT"].astype(float) > limit).sum())
    added = rule(
        "large_credits_wait", "expect_column_values_to_be_between", "critical", column="AMT_CREDIT", max_value=limit
    )
    manifest = score(with_rules(project, added)).manifest
    assert 0 < above == manifest.totals.quarantined
    assert manifest.audited.by_rule == {"large_credits_wait": above}
    told = outcomes(project)["large_credits_wait"]
    assert (told["broken"], told["outcome"]) == (above, "rows quarantined")


@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_a_rule_about_the_whole_day_may_look_at_any_column(project: Project, score: Score, severity: str) -> None:
    project.deliver()
    mean = rule("all_are_young", "expect_column_mean_to_be_between", severity, column="DAYS_BIRTH", min_value=-9000)
    level = rule(
        "most_are_children", "expect_column_most_common_value_to_be_in_set", "info",
        column="NAME_INCOME_TYPE", value_set=["Child"],
    )  # fmt: skip
    using = with_rules(project, mean, level)
    if severity == "warning":
        score(using)
        told = outcomes(project)
        assert [told[name]["outcome"] for name in ("all_are_young", "most_are_children")] == ["warned", "noted"]
        return
    with pytest.raises(ExpectationsNotMet, match="They break the contract: all_are_young holds."):
        score(using)


def test_a_warning_about_the_header_is_told_and_stops_nothing(project: Project, score: Score) -> None:
    project.deliver()
    ordered = rule(
        "columns_in_order", "expect_table_columns_to_match_ordered_list", "warning", column_list=["SK_ID_CURR"]
    )
    assert score(with_rules(project, ordered)).outcome == "published"
    assert outcomes(project)["columns_in_order"]["outcome"] == "warned"


def test_a_column_that_the_feed_has_lost_stops_the_day(project: Project, score: Score) -> None:
    rows = deliver(project, 400, bad=[])
    rows["EXT_SOURCE_1"] = np.where(np.arange(400) < 40, rows["EXT_SOURCE_1"], "")
    rows.to_csv(project.landing / "applications_1.csv", index=False)
    with pytest.raises(ExpectationsNotMet, match="At least 20% of the day's rows state EXT_SOURCE_1."):
        score()
    told = outcomes(project, "contract-refused")["EXT_SOURCE_1_mostly_known"]
    assert (told["checked"], told["scope"], told["outcome"]) == (400, "table", "day stopped")


# --- every type of rule

PLACES = {
    "n": "AMT_ANNUITY", "same": "AMT_GOODS_PRICE", "less": "EXT_SOURCE_1", "falling": "OWN_CAR_AGE",
    "t": "ORGANIZATION_TYPE", "paper": "OCCUPATION_TYPE", "none": "EXT_SOURCE_3",
}  # fmt: skip
"""Column of the examples to the column of the feed that takes its place."""
SOUND = GOOD.assign(paper="1", none="")
BROKEN = pd.DataFrame(
    {
        "n": ["1000000", *["9"] * 28, ""],
        "same": "8",
        "less": "9",
        "falling": [*["1"] * 29, "2"],
        "t": ['"x"', "1", *["20210"] * 28],
        "paper": "{",
        "none": "1",
    }
)
"""Rows that break every rule of EXAMPLES, but those on types of columns."""
OTHERWISE = {
    "expect_column_values_to_be_null": {"column": "none"},
    "expect_column_values_to_be_json_parseable": {"column": "paper"},
    "expect_table_columns_to_match_set": {"column_set": list(NAMES)},
    "expect_table_columns_to_match_ordered_list": {"column_list": list(NAMES)},
    "expect_table_column_count_to_equal": {"value": len(NAMES)},
    "expect_table_column_count_to_be_between": {"max_value": len(NAMES)},
}
"""Examples that ask something else of a day of the feed."""


def in_the_feed(kwargs: dict[str, Any]) -> dict[str, Any]:
    """The example with columns of the feed in the place of its own."""

    def placed(value: Any) -> Any:
        return [placed(each) for each in value] if isinstance(value, list) else PLACES.get(value, value)

    is_about_columns = {"column", "column_A", "column_B", "column_list"}
    return {name: placed(value) if name in is_about_columns else value for name, value in kwargs.items()}


@pytest.mark.parametrize("is_met", [True, False])
def test_a_rule_of_every_type_comes_to_the_report_of_a_published_day(
    project: Project, score: Score, *, is_met: bool
) -> None:
    rows = SOUND if is_met else BROKEN
    project.deliver(rows=len(rows))
    laid = delivered(project).assign(**{PLACES[name]: rows[name].astype(str).to_list() for name in PLACES})
    lay(project, laid if is_met else laid.assign(further="1"))
    examples = {type_: in_the_feed(kwargs) for type_, kwargs in {**EXAMPLES, **OTHERWISE}.items()}
    if not is_met:
        examples = json.loads(json.dumps(examples).replace('"float64"', '"int64"'))
    path = Path(project.config).with_name("suite.json")
    entries = [{**rule(type_, type_, "warning"), "kwargs": kwargs} for type_, kwargs in examples.items()]
    path.write_text(json.dumps({**SUITE, "expectations": entries}))
    score(project.with_settings(contract={"suite": str(path)}))
    found = {type_: each["is_met"] for type_, each in outcomes(project).items() if type_ in examples}
    assert found.keys() == examples.keys()
    # A file without a declared column is refused before any rule is asked.
    expected = {type_: is_met or type_ == "expect_column_to_exist" for type_ in examples}
    assert found == expected
    assert (project.root / f"reports/day={DAY}/contract.html").exists()


def test_a_contract_of_which_no_rule_can_be_judged_yet_is_told(project: Project, score: Score) -> None:
    deliver(project, 60, bad=[])
    recent = rule(
        "recent", "expect_table_row_count_to_be_between", "warning", min_value={"$PARAMETER": "recent_rows_min"}
    )
    path = Path(project.config).with_name("suite.json")
    path.write_text(json.dumps({**SUITE, "expectations": [recent]}))
    score(project.with_settings(contract={"suite": str(path)}))
    assert outcomes(project)["recent"]["is_met"] is None
