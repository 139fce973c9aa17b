"""The text of `scoring score`, to the letter."""

from pathlib import Path

import pytest

from configs.settings import Settings, Storage
from flows.commands.score import scoring_summary
from tasks.core.day.manifest import Manifest
from tasks.core.day.standing import DayResult, Standing
from tests.conftest import DAY
from tests.manifests import made_manifest, revised_manifest, sample_manifest

REVISED = """
Applications of 2026-11-02, revision 2: published

  Rows received          5,034
  Decided                4,032
  Quarantined              902
  Copies dropped            60
  Replaced                  30
  Erased                    10

  approve                3,024   75.0%  ██████████████████████
  refer                      8    0.2%
  refuse                 1,000   24.8%  ███████

  First reason of those not approved
    R2 Car                                         1,000   99.2%
    none                                               8    0.8%

  Quarantined by rule (a row may break several)
    one                                              902
    two                                                3

  Made with     credit-default version 3, cut-off 0.0909, policy 2, contract 4
  Reason        they *told* us more
  Corrections   34 rows: 32 decided, 2 in quarantine, whose applicants have no decision now
  Changed       2,000 decisions, and the reasons of 1 other
  Changes       ROOT/c
  Decisions     ROOT/decisions/day=2026-11-02/decisions.parquet
  Quarantine    ROOT/q
  Contract      ROOT/reports/day=2026-11-02/contract.html
  Manifest      ROOT/revisions/day=2026-11-02/rev=0002/manifest.json
  Waiting       corrections/d.csv, corrections/e.csv"""


def lines_of(manifest: Manifest | None, root: Path, standing: Standing) -> str:
    outcome = "published" if manifest else "no applications"
    settings = Settings(storage=Storage(root=str(root)))
    return scoring_summary(DayResult(outcome, standing, manifest), settings).replace(str(root), "ROOT")


def test_a_revision_is_told_whole(tmp_path: Path) -> None:
    waiting = Standing(DAY, waiting=("corrections/d.csv", "corrections/e.csv"))
    assert lines_of(revised_manifest(), tmp_path, waiting) == REVISED


def test_of_a_day_of_one_no_decision_is_told(tmp_path: Path) -> None:
    told = lines_of(made_manifest(), tmp_path, Standing(DAY))
    assert "\n  Decisions: No figures are shown of 1 application: they could be one applicant's own." in told
    assert [word for word in ("approve", "%", "First reason") if word in told] == []


def test_of_a_clean_first_revision_less_is_told(tmp_path: Path) -> None:
    clean = sample_manifest(audited={"quarantine": None, "by_rule": {}, "files": {}})
    told = lines_of(clean, tmp_path, Standing(DAY))
    assert "  Quarantine    none\n" in told
    absent = ("Replaced", "Erased", "reason", "by rule", "Reason", "Corrections", "Change", "Waiting")
    assert [word for word in absent if word in told] == []


def test_the_reason_of_a_first_revision_by_force_is_told(tmp_path: Path) -> None:
    told = lines_of(sample_manifest(reason="to be sure"), tmp_path, Standing(DAY))
    assert "\n  Reason        to be sure\n" in told


def test_a_day_without_applications_is_told_with_its_excuse(tmp_path: Path) -> None:
    told = lines_of(None, tmp_path, Standing(DAY, excuse="a holiday"))
    assert told == "\nApplications of 2026-11-02: none came, and none need come: it is a holiday"


@pytest.mark.parametrize(("rules", "rest"), [(12, None), (13, "    and 1 more rules; all stand")])
def test_twelve_rules_are_told(tmp_path: Path, rules: int, rest: str | None) -> None:
    broken = {f"rule_{n}": 1 for n in range(rules)}
    told = lines_of(sample_manifest(audited={"by_rule": broken}), tmp_path, Standing(DAY))
    assert told.count("    rule_") == 12
    assert ("more rules" in told) == (rest is not None)
    assert rest is None or rest in told
