"""The page of a verdict shows checks and figures, and works without a network."""

import json
from dataclasses import replace

import pytest

from configs.settings import PromotionLimits
from tasks.adapters.pages.promotion import promotion_page
from tasks.core.model.bundle import ModelPin
from tasks.core.model_life.comparison import COST, Comparison
from tasks.core.model_life.gate import GateCheck, GateLimits, judge_challenger
from tasks.core.model_life.lines import check_lines, comparison_lines
from tasks.core.model_life.verdict import GateVerdict
from tasks.core.training.evaluation import UNTOLD
from tests.pages import Page
from tests.paired_sides import made_comparison

LIMITS = GateLimits(**PromotionLimits().model_dump())


def verdict_of(
    comparison: Comparison | None, checks: tuple[GateCheck, ...] | None = None, source: str = "all"
) -> bytes:
    if checks is None:
        checks = judge_challenger(comparison, LIMITS) if comparison else ()
    return promotion_page(
        name="credit-default", versions=("7", "3"), source=source, left_out={"that nobody knows": 1200}, policy="2",
        comparison=comparison, checks=checks, sha256="3fa9" * 16,
    )  # fmt: skip


def text_of(page: bytes) -> str:
    return Page(page).text


def test_a_passed_gate_is_said_in_the_title_with_every_check() -> None:
    text = text_of(verdict_of(made_comparison()))
    assert "Version 7 passes the gate: it may score instead of version 3" in text
    assert text.count(": met") == 7
    assert "1,200 applications that nobody knows" in text


def test_a_failed_check_is_named_in_the_title_and_coloured() -> None:
    comparison = made_comparison()
    untold = replace(comparison, differences={**comparison.differences, COST: UNTOLD})
    page = verdict_of(untold)
    assert "Version 7 does not pass the gate; 1 check failed: cost" in text_of(page)
    assert b'<h1 class="stays">' in page
    assert b'<i class="dot broken"></i>cost: failed' in page


def test_a_page_without_a_comparison_says_why() -> None:
    check = GateCheck("comparison", "nothing was compared", "both", is_met=False)
    text = text_of(verdict_of(None, (check,), source="<b>no predictions</b>"))
    assert "<b>no predictions</b>" in text
    assert "Risk bands" not in text


def test_a_comparison_without_outcomes_has_no_gate() -> None:
    bare = replace(made_comparison(), challenger={}, champion={}, differences={}, kind_costs=(), defaulted=None)
    text = text_of(verdict_of(bare, ()))
    assert "Version 7 beside version 3" in text
    assert "at its own cut-off" not in text
    assert "Decisions that change" in text


def test_the_same_verdict_gives_the_same_bytes() -> None:
    assert verdict_of(made_comparison()) == verdict_of(made_comparison())


def test_terminal_and_programs_are_told_the_same() -> None:
    comparison = made_comparison()
    checks = judge_challenger(comparison, LIMITS)
    ours, theirs = (ModelPin("m", version, version * 64) for version in ("7", "3"))
    verdict = GateVerdict(ours, theirs, "1", "d", "all", {"that nobody knows": 12}, comparison, checks)
    told = json.loads(verdict.to_json())
    assert told["is_passed"] is verdict.is_passed is True
    assert told["checks"][1]["name"] == "cost"
    assert told["comparison"]["swaps"][0]["rows"] == comparison.swaps[0].rows
    assert told["comparison"]["differences"][COST] == pytest.approx(list(comparison.differences[COST]))
    lines = comparison_lines(comparison, ("7", "3"), source="all", left_out={"that nobody knows": 12})
    difference = comparison.differences[COST].text()
    assert difference in "\n".join(lines)
    assert difference in text_of(verdict_of(comparison))
    assert any(line.strip().startswith("Refused by 3 only") for line in lines)
    assert check_lines(checks)[1].startswith("  met     cost: ")
    assert replace(verdict, comparison=None, checks=()).is_passed is False
