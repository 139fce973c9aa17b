"""jinja2: pages for people. They work offline, hold everything they need, and run nothing."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from tasks.core.contract.report import ContractReport, ReportedRule, RuleStatus, read_contract_report
from tasks.core.words import counted, percent

_UNKNOWN: Final = "-"


class _Column(NamedTuple):
    """A day in the chart of rows; heights in percent of the highest."""

    day: str
    rows: int
    height: int
    quarantined: int
    """Height of its rows in quarantine, on this day."""


class _Chart(NamedTuple):
    """Rows of this day, the last column, beside those of the days before."""

    columns: Sequence[_Column]
    median: float
    line: int
    """Height of the median of the days before."""


def contract_page(report: Mapping[str, Any]) -> bytes:
    """The contract report of a day as an HTML page; the same report gives the same bytes, and any report a page.

    Nothing is shown but what the report says: sentences, counts and shares.
    """
    told = read_contract_report(report)
    page = template("contract_page.html").render(
        report=told,
        chart=_chart(told),
        rules={standing: told.standing(standing) for standing in get_args(RuleStatus)},
        scopes={
            "About the whole day": [rule for rule in told.rules if rule.scope == "table"],
            "Row by row": [rule for rule in told.rules if rule.scope != "table"],
        },
    )
    return page.encode()


def _chart(report: ContractReport) -> _Chart | None:
    """None where no day before is known."""
    before = report.recent_days
    if not before:
        return None
    usual = median(before.values())
    height = functools.partial(_percent_of, of=max(report.rows, *before.values()))
    columns = [_Column(day, rows, height(rows), 0) for day, rows in before.items()]
    today = _Column(report.day or "this day", report.rows, height(report.rows), height(report.quarantined))
    return _Chart([*columns, today], usual, height(usual))


def _percent_of(part: float, of: float) -> int:
    """Whole percent, for the length of a bar: something is never drawn as nothing."""
    return max(round(100 * part / of), 1) if part and of else 0


def _share(share: float | None) -> str:
    return _UNKNOWN if share is None else percent(share)


def _count(number: float | None) -> str:
    return _UNKNOWN if number is None else f"{number:,.0f}"


def _largest_share(rules: Sequence[ReportedRule]) -> float:
    return max((rule.broken_share or 0.0 for rule in rules), default=0.0)


@functools.cache
def template(name: str) -> Template:
    """A page of this folder to be filled in; what a page asks for and does not get is an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": _count,
        "counted": counted,
        "share": _share,
        "percent_of": _percent_of,
        "largest_share": _largest_share,
    }
    return environment.get_template(name)
