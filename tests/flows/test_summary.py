"""A day is summed up in counts and places, for a person to read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from configs.settings import Settings
from flows.summary import day_summary
from tasks.core.day.manifest import DayResult, Manifest
from tasks.core.day.records import DataFile, Delivery, FileTotals
from tasks.core.lender.feature_list import FAMILIES
from tests.conftest import DAY
from tests.manifests import made_audit, made_manifest

CHANGES = DataFile(f"revisions/day={DAY}/changes-{'1' * 16}.parquet", "1" * 64, 9, 3)
DELIVERY = Delivery(DAY, ())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"storage": {"root": str(tmp_path)}})


def summary(manifest: Manifest | None, settings: Settings, outcome: Any = "published", **delivery: Any) -> str:
    return day_summary(DayResult(outcome, replace(DELIVERY, **delivery), manifest), settings)


def test_a_day_is_summed_up_in_its_counts_and_places(settings: Settings, tmp_path: Path) -> None:
    files = {"a.csv": FileTotals(1500, 1400, 60, 40)}
    told = summary(made_manifest(made_audit(files=files)), settings)
    assert f"Applications of {DAY}, revision 1: published\n" in told
    for name, count in {"Rows received": 1500, "Decided": 1400, "Quarantined": 60, "Copies dropped": 40}.items():
        assert f"\n  {name:<16}{count:>12,}\n" in told
    assert "Replaced" not in told
    assert f"{tmp_path}/decisions/day={DAY}/decisions.parquet" in told
    assert "credit-default version 1, cut-off 0.1000, policy 1, contract 1" in told


def test_a_day_without_applications_tells_why_that_is_no_error(settings: Settings) -> None:
    told = summary(None, settings, "no applications", excuse="a holiday (Christmas Day)")
    assert told.endswith(f"Applications of {DAY}: none came, and none need come: it is a holiday (Christmas Day)")


def test_a_day_that_stays_as_it_is_says_so_and_names_what_waits(settings: Settings) -> None:
    told = summary(made_manifest(), settings, "unchanged", waiting=("corrections/1.csv", "corrections/2.csv"))
    assert "revision 1: nothing to do: published before from these very files" in told
    assert "corrections/1.csv, corrections/2.csv" in told


@pytest.mark.parametrize(
    ("quarantined", "told"),
    [(0, "3 rows: 3 decided\n"), (1, "3 rows: 2 decided, 1 in quarantine, whose applicants have no decision now\n")],
)
def test_a_revision_tells_why_what_changed_and_what_became_of_corrections(
    settings: Settings, quarantined: int, told: str
) -> None:
    corrections = FileTotals(3, 3 - quarantined, quarantined, 0)
    files = {"a.csv": FileTotals(9, 6, 0, 0, 3), "corrections/1.csv": corrections}
    audited = made_audit(files=files, changes=CHANGES, changed_reasons=2)
    text = summary(made_manifest(audited, revision=2, reason="amounts were mended"), settings)
    assert f"  {'Corrections':<14}{told}" in text
    assert f"  {'Reason':<14}amounts were mended\n" in text
    assert f"  {'Changed':<14}3 decisions, and the reasons of 2 others\n" in text


@pytest.mark.parametrize(("n_codes", "rest"), [(0, 0), (3, 0), (4, 0), (5, 1), (6, 2), (16, 12)])
def test_the_four_most_frequent_first_reasons_are_told_and_the_others_counted(
    settings: Settings, n_codes: int, rest: int
) -> None:
    reasons = made_manifest().reasons
    names = [f"{reason.code} {FAMILIES[family]}" for family, reason in reasons.items()]
    by_reason = {reason.code: max(n_codes - n, 0) for n, reason in enumerate(reasons.values())}
    refused = max(sum(by_reason.values()), 1)
    told = summary(
        made_manifest(made_audit(by_reason=by_reason, by_decision={"approve": 1, "refuse": refused})), settings
    )
    for place, name in enumerate(names):
        count = n_codes - place
        assert (f"\n    {name:<44}{count:>8,}  {count / refused:>6.1%}\n" in told) == (place < min(n_codes, 4))
    assert (f"    and {rest} other{'s' * (rest > 1)}; all are counted in the manifest\n" in told) == (rest > 0)


def test_a_day_from_before_there_were_reasons_tells_none(settings: Settings) -> None:
    assert "First reason" not in summary(made_manifest(reasons={}), settings)
