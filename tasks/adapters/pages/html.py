"""jinja2: pages for people. They work offline, hold all that they need, and run nothing."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, get_args

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from tasks.core.contract.report import ContractReport, ReportedRule, RuleStatus, read_contract_report
from tasks.core.words import counted, percent

_UNKNOWN: Final = "-"
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class _Column(NamedTuple):
    """A day in the chart of rows, with heights in percent of the highest."""

    day: str
    rows: int
    height: int
    quarantined: int
    """Height of its rows in quarantine; 0 for the days before."""


class _Chart(NamedTuple):
    """Chart of the rows of this day, in the last column, beside those of the days before."""

    columns: Sequence[_Column]
    median: float
    line: int
    """Height of the median of the days before."""


def contract_page(report: Mapping[str, Any]) -> bytes:
    """Render the contract report of a day as an HTML page.

    The same report gives the same bytes, and any report gives a page. The page shows only
    sentences, counts and shares, all from the report.
    """
    contract_report = read_contract_report(report)
    rules = contract_report.rules
    page = template("contract_page.html").render(
        report=contract_report,
        chart=_chart(contract_report),
        rules={status: contract_report.standing(status) for status in get_args(RuleStatus)},
        scopes={
            "About the whole day": [rule for rule in rules if rule.scope == "table"],
            "Row by row": [rule for rule in rules if rule.scope != "table"],
        },
    )
    return page.encode()


def _chart(report: ContractReport) -> _Chart | None:
    """Chart of the rows of the day; None if no day before is known."""
    before = report.recent_days
    if not before:
        return None
    usual = median(before.values())
    height = functools.partial(_percent_of, of=max(report.rows, *before.values()))
    columns = [_Column(day, rows, height(rows), 0) for day, rows in before.items()]
    today = _Column(
        report.day or "this day",
        report.rows,
        height(report.rows),
        height(report.quarantined),
    )
    return _Chart([*columns, today], usual, height(usual))


def _percent_of(part: float, of: float) -> int:
    """Whole percent for the length of a bar; at least 1 unless the part is 0."""
    return max(round(100 * part / of), 1) if part and of else 0


def _share(share: float | None) -> str:
    return _UNKNOWN if share is None else percent(share)


def _count(number: float | None) -> str:
    return _UNKNOWN if number is None else f"{number:,.0f}"


def _largest_share(rules: Sequence[ReportedRule]) -> float:
    return max((rule.broken_share or 0.0 for rule in rules), default=0.0)


def weekday_name(day: date) -> str:
    """Name of a day's weekday, in English wherever the program runs."""
    return _WEEKDAYS[day.weekday()]


@functools.cache
def template(name: str) -> Template:
    """Load a page of this folder to fill in. A value that the page lacks is an error."""
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
